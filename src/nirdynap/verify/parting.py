"""What the locator answers, and how it is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nirdynap.errors import Diagnostic
from nirdynap.verify.history import Side, Update
from nirdynap.verify.text import aligned

_PUSHES_SHOWN = 8
_UPDATES_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """The first place where two runs `a` and `b` have different spikes; `str` tells all of it.

    All layers before `layer` agree in both runs, and so does `layer` before `t_us`.

    Attributes:
        layer: the user's weight node (of two float networks the node of the neurons).
        sample: index in the batch.
        at: time step; index of the external event where both are event runs.
        t_us: its time in microseconds.
        neuron: (c, y, x).
        a, b: spikes of the neuron there in each run; the same where they only come in another order.
        about: what `a` and `b` were.
        thresholds: of the neuron in each run.
        history: the neuron in both runs, some moments around it: membranes, spikes, and the inputs that touched it.
        parted: the moment in which the membranes part, which may be long before.
        cause: in one line where it is recognised, as a note (ND721 to ND735); else None.
    """

    layer: str
    sample: int
    at: int
    t_us: int
    neuron: tuple[int, int, int]
    a: int
    b: int
    about: tuple[str, str]
    thresholds: tuple[float, float]
    history: tuple[Update, ...]
    parted: Update
    cause: Diagnostic | None

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def _lines(d: Divergence) -> Iterator[str]:
    unit = "event" if all(about.startswith("event") for about in d.about) else "step"
    yield f"{d.layer} first differs in {unit} {d.at} ({d.t_us} us) of sample {d.sample}, neuron (c, y, x) = {d.neuron}"
    for name, about, spikes, threshold in zip("ab", d.about, (d.a, d.b), d.thresholds, strict=True):
        yield f"{name}: {spikes} spikes at threshold {threshold:g}, {about}"
    yield f"cause: {d.cause}" if d.cause else "cause: not recognised"
    yield ""
    yield from aligned(_rows(d, unit))
    yield ""
    for update in (d.parted, *(u for u in d.history if d.parted.at < u.at <= d.at and d.at - u.at < _UPDATES_SHOWN)):
        yield from _inputs(update, unit)


def _rows(d: Divergence, unit: str) -> Iterator[list[str]]:
    yield [unit, "membrane in a", "in b", "spikes in a", "in b", "sum of inputs in a", "in b", ""]
    if d.parted.at < d.history[0].at:
        yield _row(d.parted, "the membranes part")
    for update in d.history:
        marks = ["the membranes part"] * (update.at == d.parted.at) + ["the spikes differ"] * (update.at == d.at)
        yield _row(update, ", ".join(marks))


def _row(update: Update, mark: str) -> list[str]:
    sides = (update.a, update.b)
    cells = [f"{s.after:.6g}" for s in sides] + [str(s.spikes) for s in sides] + [f"{_sum(s):.6g}" for s in sides]
    return [str(update.at), *cells, mark]


def _sum(side: Side) -> float:
    return sum(push.n * push.weight for push in side.pushes)


def _inputs(update: Update, unit: str) -> Iterator[str]:
    """The spikes that touched the neuron; once, where both runs have the same."""
    same = update.a.pushes == update.b.pushes
    for name, side in (("a and b", update.a),) if same else (("a", update.a), ("b", update.b)):
        shown = [f"{p.n} x {p.weight:g} from {p.source} {p.neuron}" for p in side.pushes[:_PUSHES_SHOWN]]
        more = len(side.pushes) - len(shown)
        said = "; ".join(shown + [f"{more} more"] * (more > 0)) or "none"
        yield f"inputs in {unit} {update.at}, {name}: {said}"
