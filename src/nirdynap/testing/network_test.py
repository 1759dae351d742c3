"""The test of a `.nir` file: it fits, its conversion changes no spike, and it does what it did before."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nirdynap.chips.chip import Chip
from nirdynap.compile import nir_to_dynapcnn
from nirdynap.errors import LOWERING_DIFFERS, RUNGS_DIFFER, InputError, raise_errors
from nirdynap.ir.events import Events
from nirdynap.ir.spec import Spec
from nirdynap.store.recordings import read_recordings
from nirdynap.testing.snapshot import changes, draw_inputs, read_snapshot, take, write_snapshot
from nirdynap.verify import verify


def check_network(
    source: str | os.PathLike[str],
    *,
    snapshot: Path,
    update: bool = False,
    chip: str | Path | Chip = "speck2f",
    inputs: str | os.PathLike[str] | None = None,
    **lowering: Any,
) -> None:
    """Pass if a `.nir` file fits a chip, if the folds of its conversion change no spike, and if it does what it did.

    Args:
        source: path of the `.nir` file.
        snapshot: JSON file of what it did, with the recordings that were drawn for it.
        update: write that file anew instead of comparing with it.
        chip: name of a chip or sinabs device, or path of a chip file.
        inputs: recordings (.npz or .npy); default: those of the snapshot, drawn when it was written.
        **lowering: as in `nirdynap.verify`, such as convention= or split=.

    Raises:
        CompileError: the network does not fit.
        InputError: ND702, ND704 the conversion changed a spike; ND773 for each fact that is not as it was;
            ND770, ND771 without a snapshot to compare with; ND772 if no input could be drawn that the outputs answer.
    """
    spec = nir_to_dynapcnn(source, chip, **lowering)
    before = None if update else read_snapshot(snapshot)
    recordings = _recordings(spec, inputs) or (draw_inputs(spec) if before is None else before.inputs)
    verified = verify(source, chip, recordings, **lowering)
    if findings := [note for note in verified.notes if note.code in (LOWERING_DIFFERS.code, RUNGS_DIFFER.code)]:
        raise InputError(findings)
    now = take(spec, recordings)
    if before is None:
        write_snapshot(snapshot, now)
    else:
        raise_errors(changes(before, now), InputError)


def _recordings(spec: Spec, path: str | os.PathLike[str] | None) -> tuple[Events, ...]:
    if path is None:
        return ()
    samples = read_recordings(Path(path)).samples
    if isinstance(samples, tuple):
        return samples
    batch = samples[:, None] if samples.ndim == len(spec.input_shape) + 1 else samples
    return tuple(Events.from_raster(batch[:, sample]) for sample in range(batch.shape[1]))
