"""The user's model itself runs, on attributes that are lent to it, and gets its own back untouched.

A copy of the model would not do: it is another model wherever something outside holds on to the modules, such as a
framework's list of all neurons (snnTorch's `utils.reset` walks through one), a global name, or a function kept in it.
What a forward does to things outside of the model, it does here as in any other call.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from nirdynap.errors import MODEL_FAILED, CompileError
from nirdynap.frameworks.traced import brief


@contextmanager
def lent(model: nn.Module) -> Iterator[None]:
    """Inside this context all attributes of all modules are copies, to be changed at will; parameters and hooks too.

    Raises:
        CompileError: ND806 for an attribute that cannot be copied.
    """
    modules = list(nn.Module.modules(model))
    own = [vars(module) for module in modules]
    # States of a model in training hang on the graph of their gradients, and torch refuses to copy such tensors.
    memo: dict[int, Any] = {id(t): t.detach().clone() for t in _tensors(own) if not t.is_leaf}
    memo |= {id(module): module for module in modules}
    try:
        copies = copy.deepcopy(own, memo)
    except Exception as error:  # whatever a user's class raises when it is copied
        remedy = "a model that holds nothing but modules, tensors and plain values"
        raise CompileError(
            [MODEL_FAILED.at("$", value=f"it cannot be copied: {brief(error)}", remedy=remedy)]
        ) from error
    try:
        _give(modules, copies)
        yield
    finally:
        _give(modules, own)


def _give(modules: list[nn.Module], attributes: list[dict[str, Any]]) -> None:
    for module, values in zip(modules, attributes, strict=True):
        object.__setattr__(module, "__dict__", values)  # a module's own setter looks for parameters in it


def _tensors(value: Any, depth: int = 4) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif depth and isinstance(value, (Mapping, list, tuple)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _tensors(item, depth - 1)
