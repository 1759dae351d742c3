"""A verification in plain text, as `print` shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nirdynap.ir.dvs import DVS_DROPPED
from nirdynap.verify.divergence import Difference

if TYPE_CHECKING:
    from nirdynap.verify.verification import Rung, Verification


def as_line(checked: Verification) -> str:
    """What was verified, on one line."""
    correct = ", ".join(f"{rung} {n}/{checked.samples}" for rung, n in checked.correct.items())
    return f"<Verification: {_head(checked)}{f'; correct: {correct}' if correct else ''}>"


def as_text(checked: Verification) -> str:
    """Spikes per rung and layer, each rung against the one before it, first differences, notes."""
    return "\n".join(
        line.rstrip()
        for line in (
            _head(checked),
            *([f"{checked.dvs_dropped} {DVS_DROPPED}"] if checked.dvs_dropped else []),
            "",
            *aligned(_spike_rows(checked)),
            "",
            "neurons with the spike count of the rung before, and samples decided alike",
            *aligned(_pair_rows(checked)),
            "",
            *first_differences(checked),
            *([""] if checked.notes else []),
            *(f"{note.severity}: {note}" for note in checked.notes),
        )
    )


def first_differences(checked: Verification) -> Iterator[str]:
    """Per comparison a line: where the two rungs part."""
    for pair in checked.comparisons:
        yield f"{pair.rung} first differs from {pair.reference}: {_place(pair.first_difference)}"


def _head(checked: Verification) -> str:
    spec = checked.spec
    samples = "1 sample" if checked.samples == 1 else f"{checked.samples} samples"
    length = f"{samples} of {checked.steps} steps of {checked.dt_us} us"
    return f"{length} on {spec.chip}, convention {spec.convention.name}, spec {spec.digest()[:12]}"


def _spike_rows(checked: Verification) -> Iterator[list[str]]:
    silent = any(any(rung.silent.values()) for rung in checked.rungs)
    graded = bool(checked.correct)
    names = [layer.name for layer in checked.rungs[0].layers]
    yield ["spikes", *names, *["no output"] * silent, *["accuracy"] * graded]
    for rung in checked.rungs:
        row = [rung.name, *(str(layer.spikes) for layer in rung.layers), *[_counts(rung)] * silent]
        yield [*row, f"{checked.accuracy[rung.name]:.4f}"] if graded else row


def _counts(rung: Rung) -> str:
    return " ".join(str(n) for n in rung.silent.values())


def _pair_rows(checked: Verification) -> Iterator[list[str]]:
    yield ["compared", *(layer.name for layer in checked.rungs[0].layers), "decisions"]
    for pair in checked.comparisons:
        layers = (f"{layer.equal}/{layer.neurons}" for layer in pair.layers)
        alike = " ".join(f"{n}/{checked.samples}" for n in pair.same_decisions.values())
        yield [f"{pair.rung} with {pair.reference}", *layers, alike]


def _place(at: Difference | None) -> str:
    if at is None:
        return "nowhere"
    where = f"{at.layer}, sample {at.sample}, step {at.step}, (c, y, x) = ({at.channel}, {at.y}, {at.x})"
    return f"{where}: {at.value} spikes instead of {at.reference}"


def aligned(rows: Iterator[list[str]]) -> list[str]:
    """Columns as wide as needed: the first to the left, numbers to the right."""
    table: Sequence[list[str]] = list(rows)
    first, *widths = (max(map(len, column)) for column in zip(*table, strict=True))
    return [
        "  ".join([row[0].ljust(first), *(cell.rjust(width) for cell, width in zip(row[1:], widths, strict=True))])
        for row in table
    ]
