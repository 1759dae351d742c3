"""Every diagnostic of reading and lowering, raised and shown.

`golden/errors/<code>/case.py` holds functions that each build a graph or file (with options) in which the code is
found; `expected.txt` beside it is all that a user sees. Renew it with ``pytest tests/test_golden_errors.py
--update-golden`` and read the difference.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nirdynap.compile import check, nir_to_dynapcnn
from nirdynap.errors import CATALOGUE, CompileError, errors_of

GOLDEN = Path(__file__).parent / "golden" / "errors"
CODES = sorted(code for code in CATALOGUE if code < "ND5")
Builder = Callable[[Path], Any]


def builders(code: str) -> Iterator[tuple[str, Builder]]:
    """The functions of that code's case.py, in the order written."""
    path = GOLDEN / code / "case.py"
    spec = importlib.util.spec_from_file_location(f"case_{code}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, thing in vars(module).items():
        if inspect.isfunction(thing) and thing.__module__ == module.__name__:
            yield name, thing


def shown(build: Builder, folder: Path, code: str) -> str:
    """What `check` says; conversion says the same, and both leave no file behind."""
    built = build(folder)
    source, options = built if isinstance(built, tuple) else (built, {})
    options = options if "convention" in options else {"convention": "torch", "reset": "subtract"} | options
    files = sorted(folder.rglob("*"))
    report = check(source, **options)
    assert code in {d.code for d in report.diagnostics}
    assert report.fits == (errors_of(report.diagnostics) == ())
    if report.fits:
        diagnostics = CompileError(nir_to_dynapcnn(source, **options).notes).diagnostics
    else:
        with pytest.raises(CompileError) as caught:
            nir_to_dynapcnn(source, **options)
        diagnostics = caught.value.diagnostics
    assert diagnostics == report.diagnostics
    assert sorted(folder.rglob("*")) == files
    return "\n".join(map(str, report.diagnostics)).replace(str(folder), "<folder>")


def without_library_wording(text: str) -> str:
    """What HDF5 and TOML libraries say of a file is theirs and changes with their versions."""
    return re.sub(r"(HDF5 says|cannot be read): [^;]*", r"\1: ...", text)


@pytest.mark.parametrize("code", CODES)
def test_a_user_sees_what_was_agreed(code, tmp_path, request):
    blocks = []
    for name, build in builders(code):
        folder = tmp_path / name
        folder.mkdir()
        blocks.append(f"== {name}\n{without_library_wording(shown(build, folder, code))}\n")
    assert blocks, f"no case for {code}"
    expected = GOLDEN / code / "expected.txt"
    if request.config.getoption("--update-golden"):
        expected.write_text("\n".join(blocks), encoding="utf-8")
    assert "\n".join(blocks) == expected.read_text(encoding="utf-8")


def test_every_case_belongs_to_a_code():
    assert sorted(path.name for path in GOLDEN.iterdir()) == CODES


def test_every_diagnostic_says_what_to_do():
    for code in CODES:
        for line in (GOLDEN / code / "expected.txt").read_text(encoding="utf-8").splitlines():
            assert not line or line.startswith("== ") or re.fullmatch(r"ND\d{3} [^,]+, at .+: .+; try .+", line), line
