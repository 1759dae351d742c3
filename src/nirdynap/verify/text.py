"""A verification in plain text, as `print` shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nirdynap.ir.dvs import DVS_DROPPED
from nirdynap.verify.metrics import wilson

if TYPE_CHECKING:
    from nirdynap.errors import Diagnostic
    from nirdynap.verify.metrics import Agreement
    from nirdynap.verify.verification import Comparison, Rung, Verification


def as_line(checked: Verification) -> str:
    """What was verified, on one line."""
    correct = ", ".join(f"{rung} {n}/{checked.samples}" for rung, n in checked.correct.items())
    return f"<Verification: {_head(checked)}{f'; correct: {correct}' if correct else ''}>"


def as_text(checked: Verification) -> str:
    """The ladder of the input, then that of the recordings that were played to a chip, then notes."""
    lines = [*_ladder(checked)]
    if checked.recorded is not None:
        lines += ["", "recordings that were played to a chip", *_ladder(checked.recorded)]
    notes = all_notes(checked)
    lines += [*([""] if notes else []), *(f"{note.severity}: {note}" for note in notes)]
    return "\n".join(line.rstrip() for line in lines)


def all_notes(checked: Verification) -> tuple[Diagnostic, ...]:
    """What was found on the input, and on recordings that were played to a chip besides."""
    more = () if checked.recorded is None else checked.recorded.notes
    return (*checked.notes, *(note for note in more if note not in checked.notes))


def _ladder(checked: Verification) -> Iterator[str]:
    """Spikes per rung and layer, each rung against the one before it, first differences, lost decisions."""
    yield _head(checked)
    if checked.dvs_dropped:
        yield f"{checked.dvs_dropped} {DVS_DROPPED}"
    yield ""
    yield from aligned(_spike_rows(checked))
    yield ""
    yield "neurons with the spike count of the rung before, and samples decided alike"
    yield from aligned(_pair_rows(checked))
    yield ""
    yield from first_differences(checked)
    yield ""
    yield from aligned(_loss_rows(checked))


def first_differences(checked: Verification) -> Iterator[str]:
    """Per comparison a line: where the two rungs part."""
    for pair in checked.comparisons:
        yield f"{pair.rung} first differs from {pair.reference}: {pair.first_difference or 'nowhere'}"


def measures(layer: Agreement) -> list[str]:
    """What two rungs have in common in a layer: correlation, rate error and earth mover's distance."""
    correlation = "-" if layer.correlation is None else f"{layer.correlation:.4f}"
    return [correlation, f"{layer.rate_error_hz:.2f}", f"{layer.earth_mover_hz:.2f}"]


def interval(part: int, whole: int) -> str:
    """Wilson's 95 % interval of a fraction in percent, such as "86.5-98.9 %"."""
    low, high = wilson(part, whole)
    return f"{100 * low:.1f}-{100 * high:.1f} %"


def _head(checked: Verification) -> str:
    spec = checked.spec
    samples = "1 sample" if checked.samples == 1 else f"{checked.samples} samples"
    length = f"{samples} of {checked.steps} steps of {checked.dt_us} us"
    return f"{length} on {spec.chip}, convention {spec.convention.name}, spec {spec.digest()[:12]}"


def layer_names(checked: Verification) -> list[str]:
    """All layers, in topological order."""
    return [cores[0].name for cores in checked.spec.layers]


def spikes_of(rung: Rung, names: list[str]) -> list[str]:
    """Spikes of each layer; "-" where they are not known."""
    spikes = {layer.name: str(layer.spikes) for layer in rung.layers}
    return [spikes.get(name, "-") for name in names]


def _spike_rows(checked: Verification) -> Iterator[list[str]]:
    silent = any(any(rung.silent.values()) for rung in checked.rungs)
    correct = checked.correct
    names = layer_names(checked)
    yield ["spikes", *names, *["no output"] * silent, *["accuracy", "95 %"] * bool(correct)]
    for rung in checked.rungs:
        row = [rung.name, *spikes_of(rung, names), *[" ".join(map(str, rung.silent.values())) or "-"] * silent]
        if correct:
            n = correct.get(rung.name)
            row += ["-", "-"] if n is None else [f"{n / checked.samples:.4f}", interval(n, checked.samples)]
        yield row


def _pair_rows(checked: Verification) -> Iterator[list[str]]:
    names = layer_names(checked)
    yield ["compared", *names, "decisions"]
    for pair in checked.comparisons:
        equal = {layer.layer: f"{layer.equal}/{layer.neurons}" for layer in pair.layers}
        alike = " ".join(f"{n}/{checked.samples}" for n in pair.same_decisions.values())
        yield [called(pair), *(equal.get(name, "-") for name in names), alike or "-"]


def called(pair: Comparison) -> str:
    """Such as "event with single"."""
    return f"{pair.rung} with {pair.reference}"


def _loss_rows(checked: Verification) -> Iterator[list[str]]:
    fall = checked.waterfall
    yield [right_words(checked), "lost", "gained", "right"]
    right = fall.first
    yield [fall.rungs[0], "", "", str(right)]
    for loss in fall.losses:
        right += loss.gained - loss.lost
        yield [loss.rung, str(loss.lost), str(loss.gained), str(right)]


def right_words(checked: Verification) -> str:
    """What the waterfall counts."""
    fall = checked.waterfall
    against = "decided as labelled" if fall.against == "labels" else f"decided as on {fall.rungs[0]!r}"
    return f"of {fall.samples} samples, {against}"


def aligned(rows: Iterator[list[str]]) -> list[str]:
    """Columns as wide as needed: the first to the left, numbers to the right."""
    table: Sequence[list[str]] = list(rows)
    first, *widths = (max(map(len, column)) for column in zip(*table, strict=True))
    return [
        "  ".join([row[0].ljust(first), *(cell.rjust(width) for cell, width in zip(row[1:], widths, strict=True))])
        for row in table
    ]
