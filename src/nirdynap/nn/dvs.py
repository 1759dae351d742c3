"""The DVS layer on tensors: slices and sums of counts, exact while they are whole numbers below 2**24."""

from __future__ import annotations

from torch import Tensor

from nirdynap.ir.dvs import DvsLayer


def through_dvs(counts: Tensor, dvs: DvsLayer) -> Tensor:
    """Counts [..., c, y, x] at the cores of camera counts [..., polarity, y, x] (docs/semantics.md, DVS layer)."""
    seen = counts.clone()
    if dvs.polarity != "both":
        seen[..., 0 if dvs.polarity == "on" else 1, :, :] = 0
    if dvs.merge:
        seen = seen.sum(dim=-3, keepdim=True)
    (top, left), (rows, columns) = dvs.origin, dvs.size
    pool_y, pool_x = dvs.pooling
    region = seen[..., top * pool_y : (top + rows) * pool_y, left * pool_x : (left + columns) * pool_x]
    seen = region.reshape(*region.shape[:-2], rows, pool_y, columns, pool_x).sum(dim=(-3, -1))
    mirrored = [axis for axis, mirror in ((-2, dvs.mirror_y), (-1, dvs.mirror_x)) if mirror]
    seen = seen.flip(mirrored) if mirrored else seen
    return seen.transpose(-2, -1) if dvs.mirror_diagonal else seen
