"""What one torch framework does its own way; all else about torch models is said once, in the torch_*.py files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import nir
from torch import Tensor, nn

from nirdynap.errors import SHAPE_MISMATCH, CompileError, Diagnostic
from nirdynap.frameworks.torch_nodes import is_known


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What one torch framework does its own way.

    Attributes:
        framework: name, as in ``framework=``.
        version: the framework's.
        convention: whose gain, flatten order and delay the graph is to be read with.
        is_neuron: is this a module that spikes, or that holds a state of which only this framework knows the meaning?
        neuron: (name, module, shape of its input without time and batch: (C, H, W) or (N,)) -> its node, with
            `traced.settings` as metadata; raises CompileError with every property that has no counterpart.
        prepare: makes the model ready for one sample at a time; may change its attributes, which are lent (lent.py).
        reset: forgets all states; called before each sample.
        calls: (model, sample float64 [time, 1, ...]) -> the input of each call of the model, one after the other.
        takes: the same in words, for a user whose model cannot run.
        spike_item: where a neuron's output is a tuple, which item holds the spikes; the others are its states.
        identity: is this a module that does nothing in eval mode? (torch's own are known.)
        merge: is this a module that adds up its two inputs?
    """

    framework: str
    version: str
    convention: str
    is_neuron: Callable[[nn.Module], bool]
    neuron: Callable[[str, nn.Module, tuple[int, ...]], nir.NIRNode]
    prepare: Callable[[nn.Module], nn.Module]
    reset: Callable[[nn.Module], None]
    calls: Callable[[nn.Module, Tensor], Iterable[Tensor]]
    takes: str
    spike_item: int = 0
    identity: Callable[[nn.Module], bool] = lambda module: False
    merge: Callable[[nn.Module], bool] = lambda module: False

    def is_known(self, module: nn.Module) -> bool:
        """Is the module taken as a whole, whatever its forward does inside?"""
        return self.is_neuron(module) or self.identity(module) or self.merge(module) or is_known(module)


def refusals(name: str, module: nn.Module, dialect: Dialect) -> Iterable[Diagnostic]:
    """What its framework says against a neuron, where the shape of its input is not known."""
    try:
        dialect.neuron(name, module, (1,))
    except CompileError as error:
        # Its arrays may be larger than the one neuron that is asked for here.
        return [d for d in error.diagnostics if d.code != SHAPE_MISMATCH.code]
    return ()
