"""A forward that loops over time, followed through all its rounds, becomes what it does in the first one.

That all rounds do the same is not looked at here: the proof compares every round with the graph.
"""

from __future__ import annotations

from typing import Any

from torch import fx

from nirdynap.errors import CANNOT_FOLLOW, CompileError
from nirdynap.frameworks.torch_operations import PER_STEP, STACKS


def first_round(graph: fx.Graph, results: dict[fx.Node, Any], rounds: int) -> tuple[fx.Node, ...]:
    """The operations that lead to the output, in order, where of whatever was stacked only the first item is left.

    Args:
        graph: all rounds; changed.
        results: of its operations; changed.
        rounds: of the loop; 1 without a loop, and then these are all operations.

    Raises:
        CompileError: ND803 where the output hangs on more than one round.
    """
    if rounds == 1:
        return tuple(graph.nodes)
    for node in graph.nodes:
        items = node.args[0] if node.target in STACKS and node.args else ()
        if isinstance(items, (list, tuple)) and len(items) == rounds:
            node.args = ([items[0]], *node.args[1:])
            args, kwargs = fx.node.map_arg((node.args, node.kwargs), results.__getitem__)
            results[node] = node.target(*args, **kwargs)
    kept, ahead = set(), [node for node in graph.nodes if node.op in ("output", "placeholder")]
    while ahead:
        node = ahead.pop()
        if node not in kept:
            kept.add(node)
            ahead += node.all_input_nodes
    operations = tuple(node for node in graph.nodes if node in kept)
    calls = [str(node.target) for node in operations if node.op == "call_module"]
    if twice := next((name for name in calls if calls.count(name) > 1), ""):
        value = (
            f"it loops over time, and returns no torch.stack of each step's spikes: {twice!r} acts on it several times"
        )
        raise CompileError([CANNOT_FOLLOW.at("$", value=value, remedy=PER_STEP)])
    return operations
