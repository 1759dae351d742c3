"""Makes each framework's environment and runs the live models in it; ``make live`` calls this.

Some of the frameworks pin or drag in what the others cannot live with, so each gets an environment of its own in
``.venv-live/``. ``python tests/live/live.py snntorch`` does one of them. A framework that cannot be installed is
reported as failed, and the others still run.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CONSTRAINTS = HERE / "constraints.txt"

# What the library itself needs to convert and simulate.
OURS = ("numpy", "h5py", "networkx", "jsonschema", "typer", "rich", "numba", 'tomli; python_version < "3.11"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Packages of a framework.

    Attributes:
        packages: installed as usual.
        bare: installed without what they ask for: it is not needed here, and is large, or contradicts the rest.
        scripts: what runs in it, with the framework's name as argument.
    """

    packages: tuple[str, ...]
    bare: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ("run.py",)


_NIR = ("nir==1.0.8", "nirtorch==2.6", "torch")
_BOTH_WAYS = ("run.py", "back_again.py")

ENVIRONMENTS = {
    "norse": Environment(packages=(*_NIR, "matplotlib"), bare=("norse",)),
    "rockpool": Environment(packages=(*_NIR, "scipy"), bare=("rockpool",)),
    "sinabs": Environment(
        packages=("nir==1.0.4", "nirtorch==2.0.2", "torch", "pbr", "matplotlib"),
        bare=("sinabs",),
        scripts=(*_BOTH_WAYS, "coming_from_sinabs.py", "hard_networks_sinabs.py", "layers_of_sinabs.py"),
    ),
    "snntorch": Environment(packages=(*_NIR, "pandas", "matplotlib"), bare=("snntorch",)),
    "spikingjelly": Environment(
        packages=(*_NIR, "scipy", "tqdm", "loguru", "packaging", "matplotlib"),
        bare=("spikingjelly",),
        scripts=_BOTH_WAYS,
    ),
    "spyx": Environment(packages=("nir==1.0.8", "spyx", "jax", "jaxlib", "flax")),
}


def make(name: str) -> Path:
    """The environment's python, installed anew where the packages or constraints are others than before."""
    wanted, folder = ENVIRONMENTS[name], ROOT / ".venv-live" / name
    python, stamp = folder / "bin" / "python", folder / ".ready"
    key = hashlib.sha256((repr(wanted) + repr(OURS)).encode() + CONSTRAINTS.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == key:
        return python
    print(f"{name}: installing ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", CONSTRAINTS]
    subprocess.run([*install, *OURS, *wanted.packages], check=True)
    if wanted.bare:
        subprocess.run([*install, "--no-deps", *wanted.bare], check=True)
    stamp.write_text(key, encoding="utf-8")
    return python


def main(names: list[str]) -> int:
    """Run the frameworks of these names, or all; say which failed."""
    failed = []
    for name in names or list(ENVIRONMENTS):
        try:
            python = make(name)
            for script in ENVIRONMENTS[name].scripts:
                where = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
                subprocess.run([python, "-W", "ignore", HERE / script, name], check=True, env=where)
        except subprocess.CalledProcessError as error:
            failed.append(f"{name} ({' '.join(str(word) for word in error.cmd[-2:])})")
    print(f"failed: {', '.join(failed)}" if failed else "all as expected")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
