"""What a file is by its extension: a NIR graph that has to be read and lowered, or a spec that has been."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nirdynap.cli.options import Lowering, Reading
from nirdynap.errors import BAD_COMMAND_LINE, InputError

if TYPE_CHECKING:
    from nirdynap.ir.spec import Spec


def is_nir(file: Path) -> bool:
    """Is it to be read as a NIR graph? Everything else has to be a spec."""
    return file.suffix.lower() == ".nir"


def spec_of(file: Path, lowering: Lowering) -> Spec:
    """The spec in a file, or what a NIR graph is lowered to.

    Raises:
        CompileError, StoreError: as `nir_to_dynapcnn` and `load`.
        InputError: ND902 for options of reading and lowering beside a spec.
    """
    if is_nir(file):
        from nirdynap.compile import nir_to_dynapcnn

        return nir_to_dynapcnn(file, **lowering.given())
    return load_spec(file, lowering)


def load_spec(file: Path, reading: Reading) -> Spec:
    """The spec in a file; options of reading beside it would be ignored silently, so they are refused.

    Raises:
        StoreError: as `load`.
        InputError: ND902.
    """
    from nirdynap.store import load

    if given := reading.given():
        names = ", ".join("--" + name.replace("_", "-") for name in given)
        found = f"{names} given with a spec, which has been read and lowered already"
        raise InputError([BAD_COMMAND_LINE.at(str(file), value=found, command="convert ")])
    return load(file)
