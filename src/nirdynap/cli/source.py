"""What a file is by its extension: a NIR graph that has to be read and lowered, or a spec that has been."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nirdynap.cli.calibration import lowering_options
from nirdynap.cli.options import Lowering, Options, Reading
from nirdynap.errors import BAD_COMMAND_LINE, CompileError, Diagnostic, InputError, StoreError

if TYPE_CHECKING:
    from nirdynap.ir.spec import Spec


def is_nir(file: Path) -> bool:
    """Is it to be read as a NIR graph? Everything else has to be a spec."""
    return file.suffix.lower() == ".nir"


def refuse_spec(file: Path) -> None:
    """For commands that need the NIR graph itself.

    Raises:
        InputError: ND902 for a spec.
    """
    from nirdynap.store import load

    if is_nir(file):
        return
    try:
        load(file)
    except StoreError:
        return  # some other file, of which the reader of NIR graphs says what is wrong
    found = (
        "this is a spec, which show, simulate, evaluate and export take; the .nir that it was made from is needed here"
    )
    raise InputError([BAD_COMMAND_LINE.at(str(file), value=found, command="")])


def spec_of(file: Path, lowering: Lowering) -> Spec:
    """The spec in a file, or what a NIR graph is lowered to.

    Raises:
        CompileError, StoreError: as `nir_to_dynapcnn` and `load`.
        InputError: as `load_spec`.
    """
    if is_nir(file):
        from nirdynap.compile import nir_to_dynapcnn

        with lowering_options(lowering) as options:
            return nir_to_dynapcnn(file, **options)
    return load_spec(file, lowering)


def run_of(file: Path, lowering: Lowering, run: Options) -> tuple[Spec, dict[str, Any]]:
    """What is run, and the options of the run: of a spec, spikes_per_step is one of them, since it was lowered before.

    Raises:
        CompileError, StoreError, InputError: as `spec_of`.
    """
    options = run.given()
    if lowering.spikes_per_step and not is_nir(file):
        options["spikes_per_step"] = lowering.spikes_per_step
        lowering = dataclasses.replace(lowering, spikes_per_step=None)
    return spec_of(file, lowering), options


def told_notes(file: Path, spec: Spec) -> tuple[Diagnostic, ...]:
    """The notes of a spec. Where it comes from a file of its own, options that they advise are for converting again."""
    if is_nir(file):
        return spec.notes
    again = "converting the network again: "
    return tuple(dataclasses.replace(n, hint=again + n.hint) if "--" in n.hint else n for n in spec.notes)


def load_spec(file: Path, reading: Reading) -> Spec:
    """The spec in a file; options of reading beside it would be ignored silently, so they are refused.

    Raises:
        StoreError: as `load`.
        InputError: ND902, also for a NIR graph under the name of a spec.
    """
    from nirdynap.store import load

    if given := reading.given():
        names = ", ".join("--" + name.replace("_", "-") for name in given)
        found = f"{names} given with a spec, which has been read and lowered already"
        raise InputError([BAD_COMMAND_LINE.at(str(file), value=found, command="convert ")])
    try:
        return load(file)
    except StoreError:
        _refuse_graph(file)
        raise


def _refuse_graph(file: Path) -> None:
    from nirdynap.frontend.safe_hdf5 import read_hdf5

    try:
        read_hdf5(file)
    except CompileError:
        return
    found = "this is a NIR graph, which is taken for one if its name ends in .nir"
    raise InputError([BAD_COMMAND_LINE.at(str(file), value=found, command="")])
