import dataclasses

import numpy as np
import pytest

from nirdynap.errors import CompileError
from nirdynap.ir.convention import CONVENTIONS, Convention, resolve_convention

# The table of docs/semantics.md, row by row.
TABLE = {
    "nir": ("fires", "file", "none", "one", "r", "chw", 0),
    "sinabs": ("fires", "subtract", "-threshold", "many", "r", "chw", 0),
    "torch": ("fires", "subtract", "none", "one", "r", "chw", 0),
    "snntorch": ("waits", "subtract", "none", "one", "r", "chw", 0),
    "norse": ("waits", "zero", "none", "one", "r", "chw", 0),
    "spikingjelly": ("fires", "zero", "none", "one", "r*dt", "chw", 0),
    "spyx": ("waits", "subtract", "none", "one", "r", "hwc", 1),
    "rockpool": ("fires", "subtract", "none", "many", "r", "chw", 0),
    "mlx-snn": ("fires", "subtract", "none", "one", "r", "chw", 0),
    "lava": ("waits", "zero", "none", "one", "r", "chw", 1),
}


def test_the_table():
    rows = {
        name: (c.tie, c.reset, c.v_min, c.spikes_per_step, c.gain, c.flatten, c.delay)
        for name, c in CONVENTIONS.items()
    }
    assert rows == TABLE
    assert CONVENTIONS["spikingjelly"].dt == 1e-4


def test_overrides_win_and_a_convention_of_ones_own_is_taken():
    changed = resolve_convention("norse", reset="subtract", v_min=-2.0, spikes_per_step="many", delay="drop")
    assert (changed.reset, changed.v_min, changed.spikes_per_step, changed.drop_delay) == (
        "subtract",
        -2.0,
        "many",
        True,
    )
    assert changed.tie == "waits"
    own = Convention(name="mine", tie="waits")
    assert resolve_convention(own, dt=1e-3) == dataclasses.replace(own, dt=1e-3)


@pytest.mark.parametrize("name", ["nri", "", "NIR", None, 3, ["nir"], {}])
def test_unknown_conventions(name):
    with pytest.raises(CompileError, match="ND125"):
        resolve_convention(name)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("reset", "soft"),
        ("reset", 0),
        ("tie", "never"),
        ("v_min", 1.0),
        ("v_min", float("nan")),
        ("v_min", float("-inf")),
        ("v_min", True),
        ("v_min", "threshold"),
        ("spikes_per_step", 1),
        ("dt", 0.0),
        ("dt", -1.0),
        ("dt", float("inf")),
        ("dt", "1 ms"),
        ("flatten", "whc"),
        ("delay", 1),
    ],
)
def test_illegal_overrides(option, value):
    with pytest.raises(CompileError, match=rf"ND126 bad option, at \$\.{option}: {option} = "):
        resolve_convention("nir", **{option: value})


def test_all_illegal_overrides_at_once():
    with pytest.raises(CompileError) as caught:
        resolve_convention("nir", reset="soft", tie="never", delay="keep it")
    assert [d.place for d in caught.value.diagnostics] == ["$.reset", "$.tie", "$.delay"]


@pytest.mark.parametrize("value", [np.array(["zero", "x"]), ["zero"], {}, 3])
def test_settings_that_are_no_words(value):
    with pytest.raises(CompileError, match="ND126"):
        resolve_convention("torch", reset=value)
