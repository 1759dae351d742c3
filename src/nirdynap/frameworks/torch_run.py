"""A live run of one sample, with everything that its neurons say on the way, and the module where it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from nirdynap.errors import CANNOT_FOLLOW, MODEL_FAILED, CompileError, Diagnostic, node_place
from nirdynap.frameworks.dialect import Dialect, refusals
from nirdynap.frameworks.torch_nodes import is_spatial, untranslatable
from nirdynap.frameworks.torch_operations import PER_STEP
from nirdynap.frameworks.traced import brief


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a model takes a recording.

    Attributes:
        calls: (model, recording [time, 1, ...]) -> the input of each call.
        steps: rounds of a loop over time in its forward; 1 without such a loop.
    """

    calls: Callable[[nn.Module, Tensor], Iterable[Tensor]]
    steps: int = 1


@dataclass(slots=True)
class Recording:
    """What each neuron module put out and what the model returned, call by call.

    Attributes:
        inside: modules that were entered and not left, outermost first, and the shape that each was given.
    """

    spikes: dict[str, list[Tensor]] = field(default_factory=dict)
    outputs: list[Any] = field(default_factory=list)
    inside: list[tuple[str, nn.Module, tuple[int, ...]]] = field(default_factory=list)

    def listen(self, model: nn.Module, dialect: Dialect) -> None:
        """From now on, everything is written down here."""
        for name, module in model.named_modules():
            module.register_forward_pre_hook(self._enter(name), prepend=True, with_kwargs=True)
            module.register_forward_hook(self._leave(name, dialect))

    def _enter(self, name: str) -> Callable[..., None]:
        def enter(module: nn.Module, args: Any, kwargs: Mapping[str, Any]) -> None:
            shapes = (tuple(v.shape) for v in (*args, *kwargs.values()) if isinstance(v, Tensor))
            self.inside.append((name, module, next(shapes, ())))

        return enter

    def _leave(self, name: str, dialect: Dialect) -> Callable[..., None]:
        def leave(module: nn.Module, args: Any, output: Any) -> None:
            self.inside.pop()
            if dialect.is_neuron(module):
                spikes = output[dialect.spike_item] if isinstance(output, tuple) else output
                self.spikes.setdefault(name, []).append(spikes.clone())  # what comes next may change it in place

        return leave


def record(model: nn.Module, dialect: Dialect, way: Way, recording: Tensor) -> Recording:
    """A run of the recording.

    Raises:
        CompileError: ND802 and ND807 for modules that could not be translated anyhow, or else ND806; ND803 for a
            forward with a loop of its own.
    """
    heard = Recording()
    heard.listen(model, dialect)
    try:
        for x in way.calls(model, recording):
            heard.outputs.append(model(x))
    except Exception as error:  # whatever a user's forward raises
        raise CompileError(_strangers(model, dialect) or [_failure(heard, dialect, error, recording.ndim)]) from error
    rounds = {len(spikes) for spikes in heard.spikes.values()}
    if len(rounds) == 1 and min(rounds) > way.steps * len(heard.outputs):
        value = f"it calls every neuron {rounds.pop() // len(heard.outputs)} times for one input"
        raise CompileError([CANNOT_FOLLOW.at("$", value=value, remedy=PER_STEP)])
    return heard


def way_of(recording: Tensor, dialect: Dialect, live: Callable[[], AbstractContextManager[nn.Module]]) -> Way:
    """As the framework's models do, or whole, where the forward loops over time: it calls each neuron once per step.

    Raises:
        CompileError: ND803 for a loop that does not follow the recording.
    """
    steps, found = len(recording), ""
    for calls in (_time_first, _batch_first):
        with live() as model:
            heard, failure = Recording(), ""
            heard.listen(model, dialect)
            try:
                model(*calls(model, recording))
            except Exception as error:  # a model that takes single steps is right to fail here
                failure = brief(error)
        rounds = {len(spikes) for spikes in heard.spikes.values()}
        if rounds == {steps} and steps > 1 and not failure:
            return Way(calls=calls, steps=steps)
        if len(rounds) == 1 and rounds != {1} and not found:
            (count,) = rounds
            found = f"it loops over {count} steps whatever its input, and the sample has {steps}"
            if failure:
                found = f"it loops over time, and behind step {count} of {steps}: {failure}"
    if found:
        raise CompileError([CANNOT_FOLLOW.at("$", value=found, remedy=PER_STEP)])
    return Way(calls=dialect.calls)


def _time_first(_: nn.Module, recording: Tensor) -> list[Tensor]:
    return [recording]


def _batch_first(_: nn.Module, recording: Tensor) -> list[Tensor]:
    return [recording.transpose(0, 1)]


def _strangers(model: nn.Module, dialect: Dialect) -> list[Diagnostic]:
    """Modules that have no counterpart, whether the model runs or not."""
    findings: list[Diagnostic] = []
    for name, module in model.named_modules():
        home = type(module).__module__.partition(".")[0]
        if dialect.is_neuron(module):
            findings += refusals(name, module, dialect)
        elif home in ("torch", dialect.framework) and not list(module.children()) and not dialect.is_known(module):
            findings.append(untranslatable(name, module))
    return findings


def _failure(heard: Recording, dialect: Dialect, error: Exception, axes: int) -> Diagnostic:
    """Who could not run, and what it was given."""
    _, _, whole = heard.inside[0]
    name, module, given = heard.inside[-1]
    value = f"{type(module).__name__} is given {given} and raises {brief(error)}"
    value += f"; the model is given {whole}" if name else ""
    if axes == 3 and is_spatial(module):
        value += "; a sample of three axes is taken for [time, batch, N], and maps are [time, batch, C, H, W]"
    return MODEL_FAILED.at(node_place(name) if name else "$", value=value, remedy=f"a model that takes {dialect.takes}")
