"""`torch.fx` with real values at hand: each operation is run once while it is written down.

So a forward may ask for sizes and compute with them (`x.view(-1, *x.shape[2:])`), which `torch.fx` alone cannot follow.
What it asks of the data itself, as in `if x.sum() > 0`, stays refused: another recording could answer otherwise.
"""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, final

import torch
from torch import Tensor, fx, nn

from nirdynap.frameworks.dialect import Dialect
from nirdynap.frameworks.torch_nodes import is_refused
from nirdynap.frameworks.traced import brief


@final
class _Followed(fx.Proxy):
    """A value on its way through the forward, which knows its own sizes."""

    @property
    def shape(self) -> torch.Size:
        shape: torch.Size = self._seen().shape
        return shape

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def size(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        return self.ndim

    def __len__(self) -> int:
        return len(self._seen())

    def __iter__(self) -> Iterator[fx.Proxy]:
        return (operator.getitem(self, i) for i in range(len(self)))

    def _seen(self) -> Any:
        assert isinstance(self.tracer, Tracer)
        return self.tracer.results[self.node]


@final
class Tracer(fx.Tracer):
    """Looks into every module that it can; others stay whole, with the reason in `failures`.

    Attributes:
        results: what each operation returned.
        failures: by name of a module, why its forward could not be followed.
    """

    def __init__(self, dialect: Dialect, example: Tensor) -> None:
        super().__init__()
        self._dialect = dialect
        self._example = example
        self._running = False
        self.results: dict[fx.Node, Any] = {}
        self.failures: dict[str, str] = {}

    def create_args_for_root(self, root_fn: Any, is_module: bool, concrete_args: Any = None) -> Any:
        """The input is followed; further arguments keep their defaults, so that `state=None` is None."""
        return root_fn, [self.root, self.create_proxy("placeholder", "input", (), {})]

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Is the module taken as a whole?"""
        return self._dialect.is_known(m) or is_refused(m) or super().is_leaf_module(m, module_qualified_name)

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Follows a module's forward, or makes the module one operation."""
        if self._running:
            return forward(*args, **kwargs)
        before, stack = set(self.graph.nodes), OrderedDict(self.module_stack)
        try:
            return super().call_module(m, forward, args, kwargs)
        except Exception as error:  # whatever a module's forward does with values that are not there
            self.module_stack = stack
            for node in reversed([n for n in self.graph.nodes if n not in before]):
                self.graph.erase_node(node)
            path = self.path_of_module(m)
            self.failures[path] = f"cannot be followed: {brief(error)}"
            return self.create_proxy("call_module", path, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """Parameters are values to follow, unless a module computes with them on real data."""
        return attr_val if self._running else super().getattr(attr, attr_val, parameter_proxy_cache)

    def create_arg(self, a: Any) -> Any:
        """A tensor that comes from nowhere, such as the membrane that a forward starts with, has its value as well."""
        arg: Any = super().create_arg(a)
        if isinstance(a, Tensor):
            self.results[arg] = a
        return arg

    def proxy(self, node: fx.Node) -> fx.Proxy:
        """The value of an operation that has just been written down; the operation is run here."""
        self._running = True
        try:
            self.results[node] = self._run(node)
        finally:
            self._running = False
        return _Followed(node, self)

    def _run(self, node: fx.Node) -> Any:
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), self.results.__getitem__)
        target: Any = node.target
        match node.op:
            case "placeholder":
                return self._example
            case "get_attr":
                owner, _, name = target.rpartition(".")
                return getattr(self.root.get_submodule(owner), name)
            case "call_module":
                return self.root.get_submodule(target)(*args, **kwargs)
            case "call_method":
                return getattr(args[0], target)(*args[1:], **kwargs)
        return target(*args, **kwargs)
