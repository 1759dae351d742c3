"""Follows a torch module's forward with `torch.fx` and writes down nodes and edges; what it does not know it names.

Every operation has been run once on real data (torch_fx.py), so that shapes are seen and not inferred, and a reshaping
is known by what it does to an array of indices, whatever it is called.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, final

import nir
import numpy as np
import torch
from torch import Tensor, fx, nn

from nirdynap.errors import (
    BATCH_NORM_STAYS,
    CANNOT_FOLLOW,
    SHARED_MODULE,
    UNKNOWN_MODULE,
    CompileError,
    Diagnostic,
    node_place,
)
from nirdynap.frameworks import torch_operations as known
from nirdynap.frameworks.dialect import Dialect, refusals
from nirdynap.frameworks.torch_fx import Tracer
from nirdynap.frameworks.torch_loop import first_round
from nirdynap.frameworks.torch_nodes import (
    BATCH_NORMS,
    IDENTITIES,
    RESHAPES,
    Size,
    Translator,
    batch_norm_terms,
    translator,
    untranslatable,
    ways_of_its_own,
    with_affine,
)
from nirdynap.frameworks.traced import brief

_FOLLOWABLE = "a forward without branches over data; one call takes one step, or the whole recording"


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What was found: nodes by name, edges, shapes of the neurons, and where each Output's value is in what the model
    returns.
    """

    nodes: Mapping[str, nir.NIRNode]
    edges: Sequence[tuple[str, str]]
    neurons: Mapping[str, Size]
    outputs: Mapping[str, tuple[Any, ...]]
    findings: tuple[Diagnostic, ...]


def follow(module: nn.Module, dialect: Dialect, example: Tensor, shape: Size, rounds: int) -> Followed:
    """Nodes and edges of `module`'s forward.

    Args:
        module: in eval mode; neurons start from rest.
        dialect: the framework's own ways.
        example: input of one call, with one sample.
        shape: (C, H, W) or (N,): the example's last axes.
        rounds: of a loop over time in the forward; 1 without such a loop.

    Raises:
        CompileError: ND803 when the forward of the outermost module cannot be followed.
    """
    tracer = Tracer(dialect, example)
    try:
        graph = tracer.trace(module)
    except Exception as error:  # whatever a user's forward does with values that are not there
        raise CompileError([CANNOT_FOLLOW.at("$", value=brief(error), remedy=_FOLLOWABLE)]) from error
    operations = first_round(graph, tracer.results, rounds)
    return _Walk(module, operations, dialect, tracer, shape, rounds).followed()


@dataclass(frozen=True, slots=True)
class _Value:
    """What an operation hands on: the sum of these nodes, with this shape without time and batch."""

    sources: tuple[str, ...]
    shape: Size

    @property
    def lost(self) -> bool:
        """Is something before it not known, so that only the kind of what follows can be judged?"""
        return not self.sources


_LOST = _Value((), ())


@final
class _Walk:
    """Goes through the operations in order."""

    def __init__(
        self,
        module: nn.Module,
        operations: Sequence[fx.Node],
        dialect: Dialect,
        seen: Tracer,
        shape: Size,
        rounds: int,
    ) -> None:
        self._module, self._operations, self._dialect = module, operations, dialect
        self._results, self._failures = seen.results, seen.failures
        self._shape, self._rounds = shape, rounds
        self._values: dict[fx.Node, _Value] = {}
        self._same: set[fx.Node] = set()  # operations that hand on what they get
        self._unknown: set[str] = set()  # modules of the framework with operations that nothing is known of
        self._owners: dict[int, str] = {}  # modules and parameters seen, by identity
        self._nodes: dict[str, nir.NIRNode] = {}
        self._edges: list[tuple[str, str]] = []
        self._neurons: dict[str, Size] = {}
        self._outputs: dict[str, tuple[Any, ...]] = {}
        self._findings: list[Diagnostic] = []

    def followed(self) -> Followed:
        """Everything, once each operation has been looked at."""
        for node in self._operations:
            getattr(self, f"_{node.op}")(node)
        return Followed(
            nodes=self._nodes,
            edges=self._edges,
            neurons=self._neurons,
            outputs=self._outputs,
            findings=tuple(self._findings),
        )

    # --- operations, by the name that fx gives to their kind ---------------------------------------------------------

    def _placeholder(self, node: fx.Node) -> None:
        name = self._free("input")
        self._nodes[name] = nir.Input({"input": np.array(self._shape)})
        self._values[node] = _Value((name,), self._shape)

    def _get_attr(self, node: fx.Node) -> None:
        """Parameters and constants: whoever computes with them is asked."""

    def _call_module(self, node: fx.Node) -> None:
        name, module = str(node.target), self._module.get_submodule(str(node.target))
        if any(name.startswith(f"{unknown}.") for unknown in self._unknown) or self._shared(name, module):
            self._lose(node)
        elif self._dialect.is_neuron(module):
            self._neuron(node, name, module)
        elif isinstance(module, IDENTITIES) or self._dialect.identity(module):
            self._pass_on(node)
        elif self._dialect.merge(module):
            self._merge(node, name, module)
        elif isinstance(module, RESHAPES):
            self._reshape(node, name, module)
        elif isinstance(module, BATCH_NORMS):
            self._batch_norm(node, name, module)
        elif translate := translator(module):
            self._stateless(node, name, module, translate)
        else:
            self._refuse(node, untranslatable(name, module, self._failures.get(name)))

    def _call_function(self, node: fx.Node) -> None:
        self._operation(node, node.target)

    _call_method = _call_function

    def _output(self, node: fx.Node) -> None:
        returned: Any = node.args[0]
        pairs: list[tuple[tuple[Any, ...], Any]] = [((), returned)]
        if isinstance(returned, (dict, list, tuple)):
            items = returned.items() if isinstance(returned, dict) else enumerate(returned)
            pairs = [((key,), item) for key, item in items]
        spiking = [(path, item) for path, item in pairs if isinstance(item, fx.Node) and item in self._values]
        for number, (path, item) in enumerate(spiking):
            name = self._free("output" if len(spiking) == 1 else f"output_{number}")
            value = self._values[item]
            if isinstance(self._results[item], tuple):
                path = (*path, self._dialect.spike_item)
            self._nodes[name] = nir.Output({"output": np.array(value.shape)})
            self._edges += [(source, name) for source in value.sources]
            self._outputs[name] = path
        if not spiking:
            kind = any(self._is_state(n) or self._is_item_of_neuron(n) for n in node.all_input_nodes)
            found = "it returns a membrane, not spikes" if kind else "it returns nothing that comes from its input"
            self._findings.append(CANNOT_FOLLOW.at("$", value=found, remedy="returning the last layer's spikes"))

    def _operation(self, node: fx.Node, target: Any) -> None:
        first = self._first(node)
        values = [v for a in node.all_input_nodes if (v := self._values.get(a)) is not None]
        result = self._results[node]
        if target is operator.getitem and isinstance(first, tuple):
            if values and (values[0].lost or node.args[1] == self._dialect.spike_item):
                self._values[node] = values[0]
        elif isinstance(result, known.SIZES) or not (values or self._is_state(node)):
            pass  # sizes and constants
        elif target in known.STACKS and not values:
            pass  # states that are returned
        elif target in known.UNBIND and len(result) == self._rounds:
            self._pass_on(node)
        elif target in known.SUMS and len(values) == 2 and len(node.args) == 2 and not node.kwargs:
            self._sum(node, values[0], values[1])
        elif target in known.SUMS and len(values) == 1 and node.args[0] is node.args[-1]:
            self._sum(node, values[0], values[0])
        elif target in known.SUMS and len(values) == 1 and 0 in node.args:
            self._pass_on(node)  # as Python's sum() begins
        elif target in known.RESHAPING or (target in known.STACKS and len(values) == 1):
            run = getattr(Tensor, target) if isinstance(target, str) else target
            self._reshape(node, self._free(self._where(node)), run)
        elif target in known.SAME and len(values) == 1 and known.is_same(node, self._source(node), self._results):
            self._pass_on(node)
        else:
            self._refuse(node, self._unknown_operation(node, target))

    # --- what becomes of values --------------------------------------------------------------------------------------

    def _add(self, node: fx.Node, name: str, shape: Size, make: Callable[[], nir.NIRNode]) -> None:
        value = self._input(node)
        try:
            self._nodes[name] = make()
        except CompileError as error:
            self._findings += error.diagnostics
        self._edges += [(source, name) for source in value.sources]
        self._values[node] = _Value((name,), shape)

    def _stateless(self, node: fx.Node, name: str, module: nn.Module, translate: Translator) -> None:
        """A weight or pool layer; its output has as many axes beside time and batch as its input."""
        value = self._input(node)
        if value.lost:
            self._lose(node)
            return
        shape = tuple(self._results[node].shape[-len(value.shape) :])
        self._add(node, name, shape, lambda: translate(name, module, value.shape, shape))
        self._findings += ways_of_its_own(name, module, self._results[self._source(node)], len(value.shape))

    def _neuron(self, node: fx.Node, name: str, module: nn.Module) -> None:
        value = self._input(node)
        if value.lost:
            self._findings += refusals(name, module, self._dialect)
            self._lose(node)
            return
        if sum(a in self._values for a in node.all_input_nodes) > 1:
            why = "takes more than a current from the network"
            remedy = "one input: recurrence and attention are nothing that a core computes"
            kind = type(module).__name__
            self._findings.append(UNKNOWN_MODULE.at(node_place(name), value=kind, why=why, remedy=remedy))
        self._neurons[name] = value.shape
        self._add(node, name, value.shape, lambda: self._dialect.neuron(name, module, value.shape))

    def _merge(self, node: fx.Node, name: str, module: nn.Module) -> None:
        values = [self._values[a] for a in node.all_input_nodes if a in self._values]
        if len(values) == 2:
            self._sum(node, values[0], values[1])
        else:
            self._refuse(node, untranslatable(name, module, "adds up no two different values of the network"))

    def _sum(self, node: fx.Node, a: _Value, b: _Value) -> None:
        if a.lost or b.lost:
            self._lose(node)
            return
        twice = set(a.sources) & set(b.sources)
        if a.shape != b.shape or twice:
            value = f"adds {', '.join(sorted(twice))} to itself" if twice else f"adds {a.shape} and {b.shape}"
            place = node_place(self._where(node))
            why, remedy = "and a graph adds up different nodes of one shape", "doubled weights, or maps of one shape"
            self._findings.append(UNKNOWN_MODULE.at(place, value=value, why=why, remedy=remedy))
        self._values[node] = _Value((*a.sources, *b.sources), a.shape)

    def _reshape(self, node: fx.Node, name: str, run: Callable[..., Tensor]) -> None:
        """Axes of time and batch folded or unfolded are nothing; maps made flat are a Flatten."""
        value, shape = self._input(node), tuple(self._results[node].shape)
        size = prod(value.shape)
        if value.lost:
            self._lose(node)
        elif self._keeps_order(node, run) and shape[len(shape) - len(value.shape) :] == value.shape:
            self._pass_on(node)
        elif self._keeps_order(node, run) and shape[-1] == size:
            flat = nir.Flatten({"input": np.array(value.shape)}, start_dim=0, end_dim=-1)
            self._add(node, name, (size,), lambda: flat)
        else:
            given = tuple(self._results[self._source(node)].shape)
            self._refuse(node, known.misshapen(name, node.target, value.shape, given, shape))

    def _keeps_order(self, node: fx.Node, run: Callable[..., Tensor]) -> bool:
        """Does the operation leave all elements in their order, whatever it does to the axes?

        Of what holds all rounds of a loop it may take those of the first.
        """
        source = self._source(node)
        before = self._results[source]
        order = torch.arange(before.numel()).reshape(before.shape)
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda n: order if n is source else self._results[n])
        made = run(*args, **kwargs).flatten()
        whole = made.numel() in (order.numel(), order.numel() // self._rounds)
        return whole and torch.equal(made, order.flatten()[: made.numel()])

    def _batch_norm(self, node: fx.Node, name: str, module: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
        value, terms = self._input(node), batch_norm_terms(module)
        source = self._producer(node)
        weighted = nir.Affine | nir.Linear | nir.Conv2d
        if value.lost or not all(source in self._nodes for source in value.sources):
            self._lose(node)
        elif terms is None or source is None or not isinstance(self._nodes[value.sources[0]], weighted):
            found = "it has no running statistics" if terms is None else f"it is behind {', '.join(value.sources)}"
            self._refuse(node, BATCH_NORM_STAYS.at(node_place(name), value=found))
        else:
            self._nodes[value.sources[0]] = with_affine(self._nodes[value.sources[0]], *terms)
            self._values[node] = value
            self._findings += ways_of_its_own(name, module, self._results[self._source(node)], len(value.shape))

    def _producer(self, node: fx.Node) -> fx.Node | None:
        """The operation whose result `node` alone takes, identities left out; None if others listen or several add."""
        source = self._source(node)
        while len(source.users) == 1:
            if source not in self._same:
                return source if len(self._values[source].sources) == 1 else None
            source = self._source(source)
        return None

    def _shared(self, name: str, module: nn.Module) -> bool:
        """Is something of this module used elsewhere already?"""
        parts = {"it": module, **dict(module.named_parameters(recurse=False))}
        owners = {word: self._owners[id(p)] for word, p in parts.items() if id(p) in self._owners}
        self._owners |= {id(p): name for p in parts.values() if id(p) not in self._owners}
        found = ", ".join(f"its {word} is that of {owner}" for word, owner in owners.items())
        if "it" in owners:
            calls = sum(n.op == "call_module" and n.target == name for n in self._operations)
            found = f"it is called {calls} times in one call of the model"
        finding = SHARED_MODULE.at(node_place(name), value=found)
        if owners and finding not in self._findings:
            self._findings.append(finding)
        return "it" in owners

    def _first(self, node: fx.Node) -> Any:
        """What the first operand of an operation was."""
        source = node.args[0] if node.args else None
        return self._results[source] if isinstance(source, fx.Node) else None

    def _free(self, name: str) -> str:
        """The name, with underscores behind it where a module of the model is called so."""
        while name in self._nodes or any(name == taken for taken, _ in self._module.named_modules()):
            name += "_"
        return name

    def _source(self, node: fx.Node) -> fx.Node:
        """The first operand of an operation that comes from the model's input."""
        return next(a for a in node.all_input_nodes if a in self._values)

    def _input(self, node: fx.Node) -> _Value:
        if any(a in self._values for a in node.all_input_nodes):
            return self._values[self._source(node)]
        value = "it takes a parameter, a constant or a state, and nothing that comes from the model's input"
        self._findings.append(CANNOT_FOLLOW.at(node_place(self._where(node)), value=value, remedy=_FOLLOWABLE))
        return _LOST

    def _pass_on(self, node: fx.Node) -> None:
        self._values[node] = self._input(node)
        self._same.add(node)

    def _lose(self, node: fx.Node) -> None:
        self._values[node] = _LOST

    def _refuse(self, node: fx.Node, finding: Diagnostic) -> None:
        if finding not in self._findings:
            self._findings.append(finding)
        self._lose(node)

    def _is_item_of_neuron(self, node: fx.Node) -> bool:
        """Is it a part of what a neuron returns?"""
        return (
            node.target is operator.getitem
            and isinstance(first := self._first(node), tuple)
            and not isinstance(first, torch.Size)
        )

    def _is_state(self, node: fx.Node) -> bool:
        """Does the operation compute with a neuron's state?"""
        return any(self._is_item_of_neuron(a) for a in node.all_input_nodes)

    def _unknown_operation(self, node: fx.Node, target: Any) -> Diagnostic:
        """That nothing is known of an operation; where it is a framework's own doing, of the framework's module."""
        path = self._where(node).rpartition(".")[0]
        module = self._module.get_submodule(path)
        if type(module).__module__.partition(".")[0] == self._dialect.framework:
            self._unknown.add(path)
            return untranslatable(path, module)
        return known.untaken(self._where(node), target)

    def _where(self, node: fx.Node) -> str:
        """The module itself, or the innermost one that does the operation and the operation's own name."""
        if node.op == "call_module":
            return str(node.target)
        stack = node.meta.get("nn_module_stack")
        path = str(next(reversed(stack))) if stack else ""
        return f"{path}.{node.name}" if path else node.name
