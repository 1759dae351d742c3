"""The house checks itself: public names, sizes, and that every diagnostic is used and documented."""

import ast
import runpy
import subprocess
import sys
from pathlib import Path

import nirdynap
from nirdynap import errors

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src" / "nirdynap").rglob("*.py"))

PUBLIC = {
    "CONVENTIONS",
    "Calibrate",
    "Chip",
    "ChipRecordings",
    "CompileError",
    "Convention",
    "DeviceError",
    "Diagnostic",
    "DvsLayer",
    "DvsOptions",
    "Events",
    "ExternalClock",
    "InputError",
    "InternalClock",
    "Network",
    "NirdynapError",
    "ReadoutRecord",
    "ReadoutOptions",
    "Report",
    "Result",
    "Spec",
    "StoreError",
    "check",
    "chip_names",
    "configuration",
    "deploy",
    "diff",
    "discretize_conv_if",
    "discretize_scalar",
    "discretize_tensor",
    "dynapcnn_to_nir",
    "dynapcnn_to_torch",
    "evaluate",
    "from_samna",
    "guards",
    "load",
    "load_chip",
    "locate",
    "nir_to_dynapcnn",
    "read",
    "save",
    "scale_for_bits",
    "sensitivity",
    "simulate",
    "to_nir",
    "to_samna",
    "trainable",
    "validate",
    "verify",
    "write",
}

# Files over 400 lines and functions over 50, each with the reason why it is not split.
LONG_FILES: dict[str, str] = {
    "src/nirdynap/errors.py": "the one catalogue of all that can go wrong, a line for each",
}
LONG_FUNCTIONS: dict[str, str] = {}


def test_public_names_are_these_and_all_can_be_loaded():
    assert set(nirdynap._HOME) == PUBLIC
    assert all(getattr(nirdynap, name) is not None for name in PUBLIC)


def test_import_and_check_load_no_heavy_guest():
    code = (
        "import sys, nirdynap; from nirdynap.shipped import shipped; "
        "assert nirdynap.check(shipped('digits', 'digits.nir')).fits; "
        "heavy = {'torch', 'numba', 'scipy', 'nir', 'jsonschema', 'hypothesis', 'rich', 'pyarrow', 'distributed'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_files_are_short():
    long = {str(p.relative_to(ROOT)) for p in SOURCES if len(p.read_text(encoding="utf-8").splitlines()) > 400}
    assert long == set(LONG_FILES)


def test_functions_are_short():
    long = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                start = node.body[0].lineno  # a docstring may be as long as it needs
                if ast.get_docstring(node) and len(node.body) > 1:
                    start = node.body[1].lineno
                if (node.end_lineno or 0) - start + 1 > 50:
                    long.add(f"{path.stem}.{node.name}")
    assert long == set(LONG_FUNCTIONS)


def test_every_diagnostic_is_used():
    trees = [ast.parse(p.read_text(encoding="utf-8")) for p in SOURCES if p.name != "errors.py"]
    used = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names = [name for name, value in vars(errors).items() if isinstance(value, errors.Kind)]
    assert [name for name in names if name not in used] == []
    assert len(names) == len(errors.CATALOGUE)


def test_the_page_of_diagnostics_is_up_to_date():
    page = runpy.run_path(str(ROOT / "docs" / "generate_errors.py"))["page"]()
    assert (ROOT / "docs" / "errors.md").read_text(encoding="utf-8") == page, "run make docs"
    assert [code for code in errors.CATALOGUE if f"### {code} " not in page] == []


def test_the_page_of_changes_that_no_test_notices_is_up_to_date():
    page = runpy.run_path(str(ROOT / "docs" / "generate_mutation.py"))["page"]()
    assert (ROOT / "docs" / "mutation.md").read_text(encoding="utf-8") == page, "run make docs"
