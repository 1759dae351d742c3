"""Does a test notice when the code is changed? ``make mutation`` calls this.

mutmut changes one thing at a time in a copy of the sources, ``.mutation/``, and runs those of the module's own tests
that reach the changed function, until one fails. It is installed into an environment of its own, which sees what is in
``.venv``. ``python tests/mutation/mutation.py lower.trim passes.pairs`` does these modules, without words all; with
``--missed`` only those of their changes that no test noticed the last time, for whoever has added tests; with
``--ending=147`` a sample, the changes whose numbers end in one of these digits.

What comes out is ``results/<module>.json``: how many changes, and those that no test noticed. ``judged.json`` says
which of these are no mistakes; `docs/generate_mutation.py` makes the page.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from nirdynap import errors

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCRATCH = ROOT / ".mutation"
TOOLS = ROOT / ".venv-mutation"
MUTMUT = TOOLS / "bin" / "mutmut"
RESULTS = HERE / "results"
COPIED = ("src", "tests", "schemas", "examples", "pyproject.toml")

# Of `sim` the kernels' wrappers: mutmut has functions call what it changes, and numba would not follow.
SIM = ("asynchronous", "batch", "clocked", "inputs", "layout", "options", "plan", "routes", "simulation", "stimulus")
SIM_TESTS = tuple(f"tests/sim/test_{name}.py" for name in ("asynchronous", "clocked", "inputs", "simulation"))

CONFIG = """[mutmut]
source_paths=src
only_mutate=
    {sources}
pytest_add_cli_args_test_selection=
    {tests}
pytest_add_cli_args=
    --hypothesis-profile=no-shrinking
    -p
    no:cacheprovider
also_copy=
    schemas
    examples
use_git_change_detection=false
timeout_constant=5
timeout_multiplier=3
"""

CAUGHT = ("killed", "timeout", "segfault")


def all_modules() -> tuple[str, ...]:
    """Names such as "lower.trim"."""
    files = (path for room in ("lower", "passes") for path in sorted((ROOT / "src" / "nirdynap" / room).glob("*.py")))
    with_code = (path for path in files if "def " in path.read_text(encoding="utf-8"))
    return (*(f"{p.parent.name}.{p.stem}" for p in with_code), *(f"sim.{name}" for name in SIM))


def tests_of(module: str) -> tuple[str, ...]:
    """The file of tests that mirrors the module, else all of its room's; and what users see of its diagnostics."""
    room, name = module.split(".")
    own = f"tests/{room}/test_{name}.py"
    near = (own,) if (ROOT / own).exists() else SIM_TESTS if room == "sim" else (f"tests/{room}",)
    source = (ROOT / "src" / "nirdynap" / room / f"{name}.py").read_text(encoding="utf-8")
    words = set(re.findall(r"[A-Z][A-Z0-9_]+", source))
    codes = sorted(kind.code for name, kind in vars(errors).items() if name in words and isinstance(kind, errors.Kind))
    shown = "tests/test_golden_errors.py::test_a_user_sees_what_was_agreed"
    return (*near, *(f"{shown}[{code}]" for code in codes if (ROOT / "tests" / "golden" / "errors" / code).exists()))


def install() -> None:
    """The tool, at first use."""
    if MUTMUT.exists():
        return
    print("installing mutmut ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", TOOLS], check=True)
    (site,) = TOOLS.glob("lib/python*/site-packages")
    ours = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "project.pth").write_text(f"{ours}\n", encoding="utf-8")
    pip = [TOOLS / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", HERE / "requirements.txt"], check=True)


def copy() -> None:
    """A fresh copy of everything: mutmut does not see that a file which it does not change is another one now."""
    shutil.rmtree(SCRATCH, ignore_errors=True)
    SCRATCH.mkdir()
    for name in COPIED:
        source, target = ROOT / name, SCRATCH / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    (SCRATCH / "shared").symlink_to(ROOT.parent / "shared")  # where tests look for it from mutants/tests


def run(module: str, chosen: tuple[str, ...], *, only_missed: bool, ending: str) -> dict[str, Any]:
    """Change the module, one of those `chosen`; what was noticed, with the lines of what was not."""
    path = RESULTS / f"{module}.json"
    before = json.loads(path.read_text(encoding="utf-8")) if only_missed else None
    ours = f"nirdynap.{module}.x".replace(".__init__.", ".")  # a changed function's name begins with x
    names = [f"{ours}*[{ending}]"] if before is None else [change["mutant"] for change in before["missed"]]
    if not names:
        return before or {}
    # All of them from the start: what mutmut has copied unchanged once, it never changes later.
    sources = "\n    ".join(f"src/nirdynap/{name.replace('.', '/')}.py" for name in chosen)
    config = CONFIG.format(sources=sources, tests="\n    ".join(tests_of(module)))
    (SCRATCH / "setup.cfg").write_text(config, encoding="utf-8")
    # One child at a time: the tests of simulators use all processors as it is.
    tool("run", "--max-children", "1", *names)
    listed = (line.strip().split(": ") for line in tool("results", "--all", "true").splitlines() if ": " in line)
    every = {name: state for name, state in listed if name.startswith(ours)}
    states = {name: state for name, state in every.items() if state != "not checked"}
    missed = [changed_lines(name) for name, state in states.items() if state not in CAUGHT]
    changes = len(states) if before is None else before["changes"]
    return {"possible": len(every), "changes": changes, "noticed": changes - len(missed), "missed": missed}


def tool(*words: str) -> str:
    """What mutmut prints."""
    done = subprocess.run([MUTMUT, *words], cwd=SCRATCH, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stdout[-4000:] + done.stderr)
    return done.stdout


def changed_lines(name: str) -> dict[str, str]:
    """Function, and the lines of the change."""
    lines = [line for line in tool("show", name).splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    function = name.rpartition("__mutmut_")[0].rpartition(".")[2]
    return {
        "mutant": name,
        "function": function.removeprefix("xǁ").removeprefix("x_").replace("ǁ", "."),
        "from": "\n".join(line[1:].strip() for line in lines if line[0] == "-"),
        "to": "\n".join(line[1:].strip() for line in lines if line[0] == "+"),
    }


def main(words: list[str]) -> None:
    """The modules named, or all."""
    install()
    copy()
    RESULTS.mkdir(exist_ok=True)
    endings = [word.partition("=")[2] for word in words if word.startswith("--ending=")]
    chosen = tuple(word for word in words if not word.startswith("--")) or all_modules()
    for module in chosen:
        found = run(module, chosen, only_missed="--missed" in words, ending=(endings or ["0-9"])[0])
        text = json.dumps(found, indent=1, ensure_ascii=False)
        (RESULTS / f"{module}.json").write_text(f"{text}\n", encoding="utf-8")
        print(f"{module}: {found['noticed']} of {found['changes']} noticed", flush=True)


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)  # the copy is what is imported
    main(sys.argv[1:])
