"""Passes: Network in, Network out, the same spikes; together they leave only what a core can hold.

NORMALISE is the order. The runner checks after each pass that the network still hangs together and names the pass
that broke it. Findings of all passes are raised together: a pass that refuses is skipped, the next ones still look.

`approximate_leak` stands in front of them, because it alone may change the spikes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nirdynap.errors import CompileError, Diagnostic
from nirdynap.ir.network import IF, Conv, Input, Network, Output, Pool, topological_order
from nirdynap.passes.approximate_leak import approximate_leak as approximate_leak
from nirdynap.passes.average_pools import average_pools
from nirdynap.passes.collapse_thresholds import collapse_thresholds
from nirdynap.passes.consolidate_pools import consolidate_pools
from nirdynap.passes.drop_noops import drop_noops
from nirdynap.passes.expand_kernels import expand_kernels
from nirdynap.passes.fold_affine_maps import fold_affine_maps
from nirdynap.passes.fold_current_pools import fold_current_pools
from nirdynap.passes.fold_drift import fold_drift
from nirdynap.passes.fold_gain import fold_gain
from nirdynap.passes.fold_input_pools import fold_input_pools
from nirdynap.passes.fold_placements import fold_placements
from nirdynap.passes.fold_scales import fold_scales
from nirdynap.passes.linear_to_conv import linear_to_conv
from nirdynap.passes.merge_currents import merge_currents
from nirdynap.passes.pairs import pairs
from nirdynap.passes.square_kernels import square_kernels

Pass = Callable[[Network], Network]

NORMALISE: tuple[Pass, ...] = (
    drop_noops,
    average_pools,
    expand_kernels,
    linear_to_conv,
    fold_current_pools,
    fold_scales,
    fold_placements,
    fold_affine_maps,
    fold_gain,
    collapse_thresholds,
    consolidate_pools,
    fold_input_pools,
    merge_currents,
    fold_drift,
    square_kernels,
    pairs,
)


def normalise(network: Network) -> Network:
    """`network` as Input, Conv, IF, sum Pool and Output nodes, each convolution followed by one layer of neurons.

    Raises:
        CompileError: ND2xx, the findings of all passes.
    """
    findings: list[Diagnostic] = []
    for transform in NORMALISE:
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # discretize refuses what is no number
                network = transform(network)
        except CompileError as error:
            findings += error.diagnostics
            continue
        _check(network, transform.__name__)
    if findings:
        raise CompileError((*findings, *network.notes))
    assert all(isinstance(n, (Input, Conv, IF, Pool, Output)) for n in network.nodes)
    assert all(n.decay is None for n in network.nodes if isinstance(n, IF)), "approximate_leak comes first"
    return network


def _check(network: Network, name: str) -> None:
    """Our own mistakes: names unique, edges between nodes, no cycle, maps that fit together.

    Rows and columns may be cut off on the way into a convolution: `fold_placements` does so.
    """
    by_name = {n.name: n for n in network.nodes}
    assert len(by_name) == len(network.nodes), f"{name}: two nodes of one name"
    topological_order(tuple(by_name), network.edges)
    for edge in network.edges:
        source, target = by_name[edge.source].output_shape, by_name[edge.target]
        c, h, w = target.input_shape
        fits = source[0] + edge.feature_shift <= c and (isinstance(target, Conv) or (source[1] <= h and source[2] <= w))
        assert fits, f"{name}: {edge} does not fit, {source} into {target.input_shape}"
