"""Where the chip's timing or tie rule is not the model's: named, and refused where the model would change."""

from __future__ import annotations

from collections.abc import Iterator

from nirdynap.errors import DELAY_DROPPED, EARLY_BIAS, TIE_APPROXIMATED, UNEQUAL_DELAYS, Diagnostic, node_place
from nirdynap.ir.network import IF, Conv, Network


def timing_findings(network: Network) -> Iterator[Diagnostic]:
    """Ties that the chip decides otherwise, and delays that it does not have."""
    for node in network.nodes:
        exact = isinstance(node, IF) and node.reset == "zero" and network.convention.spikes_per_step == "one"
        if isinstance(node, IF) and node.tie == "waits" and not exact:
            yield TIE_APPROXIMATED.at(node_place(node.name))
    if network.convention.delay:
        yield from _delay_findings(network)


def _delay_findings(network: Network) -> Iterator[Diagnostic]:
    """Each spiking layer answers late by `delay` steps: dropping that is a shift, if all paths are equally long."""
    convention = network.convention
    depths: dict[str, set[int]] = {}
    for node in network.nodes:
        before = set().union(*(depths[s.name] for s in network.sources(node.name))) or {0}
        if len(before) > 1 and not convention.drop_delay:
            yield UNEQUAL_DELAYS.at(
                node_place(node.name), value=" and ".join(map(str, sorted(before))), limit=convention.name
            )
            before = {max(before)}
        if isinstance(node, Conv) and node.bias is not None and node.bias.any() and max(before) > 0:
            # In the model the bias has been added this much oftener when the first spikes arrive.
            yield EARLY_BIAS.at(node_place(node.name), value=max(before) * convention.delay, limit=convention.name)
        depths[node.name] = {d + isinstance(node, IF) for d in before}
    longest = max(max(depths[o.name]) for o in network.outputs) * convention.delay
    yield DELAY_DROPPED.at("$.convention", value=convention.name, limit=longest)
