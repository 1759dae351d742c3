"""The kit as a whole: cheap to import, and clear about what it needs."""

import subprocess
import sys

CODE = """
import sys
sys.modules["{guest}"] = None
import nirdynap.testing
from nirdynap.testing import oracle, build_spec
try:
    from nirdynap.testing import {name}
except nirdynap.InputError as error:
    print(error)
"""


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_a_missing_hypothesis_is_named_with_its_extra():
    told = run_python(CODE.format(guest="hypothesis", name="networks"))
    assert "ND901" in told
    assert 'hypothesis is not installed; try pip install "nirdynap[testing]"' in told


def test_strategies_need_no_pytest():
    assert run_python(CODE.format(guest="pytest", name="specs")) == ""
    assert "pytest is not installed" in run_python(CODE.format(guest="pytest", name="SimulatorConformance"))


def test_importing_the_kit_imports_no_guest():
    guests = "{'hypothesis', 'pytest', 'numba', 'torch', 'nir'}"
    run_python(f"import nirdynap.testing, sys; assert not {guests} & set(sys.modules)")
