"""Where decisions are lost: from the first rung that decides to the last, step by step, adding up exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from nirdynap.ir.units import IntArray

if TYPE_CHECKING:
    from nirdynap.verify.rungs import RungName
    from nirdynap.verify.verification import Rung


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What one step down the ladder does to the decisions.

    Attributes:
        reference, rung: their names, the upper one first.
        lost: samples that are right on the upper rung and wrong on the lower one.
        gained: those that are wrong on the upper one and right on the lower one.
        changed: all that are decided otherwise; some of them are wrong on both.
    """

    reference: RungName
    rung: RungName
    lost: int
    gained: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """The losses from the first rung that decides to the last: ``first - sum(lost) + sum(gained) == last``.

    Attributes:
        against: what "right" means: as the label says, or as the first rung decides.
        samples: all of them.
        rungs: those that decide, from the top.
        first, last: samples that are right on the first rung and on the last.
        losses: each step between them.
    """

    against: Literal["labels", "first rung"]
    samples: int
    rungs: tuple[RungName, ...]
    first: int
    last: int
    losses: tuple[Loss, ...]


def waterfall_of(rungs: Sequence[Rung], outputs: tuple[str, ...], labels: IntArray | None) -> Waterfall:
    """The waterfall over those rungs that know all outputs. Without labels all outputs must be as on the first."""
    deciding = [rung for rung in rungs if all(name in rung.decisions for name in outputs)]
    decided = [np.stack([rung.decisions[name] for name in outputs]) for rung in deciding]
    right = [_right(d, decided[0] if labels is None else labels) for d in decided]
    steps = range(1, len(deciding))
    return Waterfall(
        against="first rung" if labels is None else "labels",
        samples=decided[0].shape[1],
        rungs=tuple(rung.name for rung in deciding),
        first=int(right[0].sum()),
        last=int(right[-1].sum()),
        losses=tuple(
            Loss(
                reference=deciding[k - 1].name,
                rung=deciding[k].name,
                lost=int((right[k - 1] & ~right[k]).sum()),
                gained=int((~right[k - 1] & right[k]).sum()),
                changed=int((decided[k - 1] != decided[k]).any(axis=0).sum()),
            )
            for k in steps
        ),
    )


def _right(decided: IntArray, truth: IntArray) -> npt.NDArray[np.bool_]:
    """Samples [sample] in which all outputs [output, sample] are decided so; labels are never -1."""
    right: npt.NDArray[np.bool_] = (decided == truth).all(axis=0)
    return right
