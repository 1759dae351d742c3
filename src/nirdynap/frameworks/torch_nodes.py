"""Torch modules without state, one function each: module -> NIR node with nothing left open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import nir
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from nirdynap.errors import NO_COUNTERPART, UNKNOWN_MODULE, CompileError, Diagnostic, node_place
from nirdynap.nn.encoders import DeltaToSpikes, ImageToSpikes, SignalToSpikes
from nirdynap.nn.layers import SumPool2d
from nirdynap.nn.maps import Crop2d, InputPlaceholder
from nirdynap.nn.max_pooling import SpikingMaxPool2d
from nirdynap.nn.rounding import NeuromorphicReLU, Quantize

Size: TypeAlias = tuple[int, ...]
Translator: TypeAlias = Callable[[str, Any, Size, Size], nir.NIRNode]
"""(name, module, shape of its input, shape of its output) -> node; shapes without time and batch."""

IDENTITIES = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, InputPlaceholder)
"""Modules that do nothing in eval mode."""

RESHAPES = (nn.Flatten, nn.Unflatten)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)

SPIKES = "an integrate-and-fire neuron of your framework"
POOLS = "nn.AvgPool2d, or nn.LPPool2d(1, size), which sums"
ENCODE = "encoding outside of the model; the sample is what the encoder puts out"
_REFUSED: tuple[tuple[tuple[type[nn.Module], ...], str, str], ...] = (
    ((nn.MaxPool1d, nn.MaxPool2d, nn.AdaptiveMaxPool2d), "takes the largest of a window", POOLS),
    ((nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d), "has windows that depend on its input", "nn.AvgPool2d"),
    ((nn.Conv1d, nn.AvgPool1d), "has one spatial axis", "its two-dimensional form with a kernel of 1 x k"),
    ((nn.ReLU, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.Softmax), "is not a spiking neuron", SPIKES),
    ((nn.RNNBase, nn.RNNCellBase), "is recurrent and does not spike", SPIKES),
    ((SpikingMaxPool2d,), "passes on what the busiest neuron of a window fires, and the chip's pools sum", "SumPool2d"),
    ((NeuromorphicReLU,), "holds no membrane, and is for training on rates before the network spikes", SPIKES),
    ((Quantize,), "rounds what each step holds", "rounding weights with it; spikes are whole numbers"),
    ((ImageToSpikes, SignalToSpikes, DeltaToSpikes), "makes the spikes that the chip is given", ENCODE),
    ((nn.LayerNorm, nn.GroupNorm), "divides by what each step holds", "BatchNorm, which folds into the weights"),
)  # fmt: skip


def exact(values: Tensor) -> npt.NDArray[np.floating[Any]]:
    """A tensor as float32 where that loses nothing, else as float64."""
    wide = values.detach().cpu().double().numpy()
    narrow = wide.astype(np.float32)
    return narrow if np.array_equal(narrow, wide, equal_nan=True) else wide


def numbers(value: Tensor | npt.ArrayLike) -> npt.NDArray[np.float64]:
    """What a module holds as a parameter, a tensor or not, as float64."""
    plain = value.detach().cpu().double() if isinstance(value, Tensor) else value
    return np.asarray(plain, dtype=np.float64)


def untranslatable(name: str, module: nn.Module, why: str | None = None) -> Diagnostic:
    """That a module is not known, and what to take instead."""
    kind = type(module)
    for classes, reason, remedy in _REFUSED:
        if isinstance(module, classes):
            return UNKNOWN_MODULE.at(node_place(name), value=kind.__name__, why=reason, remedy=remedy)
    value = f"{kind.__module__}.{kind.__qualname__}"
    remedy = "Conv2d, Linear, sum and average pools, Flatten, BatchNorm, Dropout and the neurons of your framework"
    return UNKNOWN_MODULE.at(node_place(name), value=value, why=why or "has no counterpart on the chip", remedy=remedy)


def is_spatial(module: nn.Module) -> bool:
    """Does the module take maps?"""
    return isinstance(module, (nn.Conv2d, nn.AvgPool2d, nn.LPPool2d, nn.MaxPool2d, nn.BatchNorm2d))


def translator(module: nn.Module) -> Translator | None:
    """The function for a module, or None."""
    return next((function for kind, function in _TRANSLATORS if isinstance(module, kind)), None)


def ways_of_its_own(name: str, module: nn.Module, given: Tensor, axes: int) -> list[Diagnostic]:
    """ND802 if the module computes otherwise than its parameters say, by a forward of its own or a hook.

    It is asked with random numbers: on a sample that brings nothing here, it would not show.

    Args:
        name: the module's.
        module: weights, a pool or a BatchNorm of torch.
        given: what it was given.
        axes: of that, those without time and batch.
    """
    probe = 2000 * torch.rand_like(given) - 1000  # far beyond any clamp
    plain = next(function for kind, function in _PLAIN if isinstance(module, kind))
    expected = plain(module, probe.flatten(0, probe.ndim - axes - 1)).flatten()
    made = module(probe).flatten()
    if made.shape == expected.shape and torch.allclose(made, expected, rtol=1e-9, atol=1e-8):
        return []
    why = "does otherwise than its parameters say, by a forward of its own or a hook"
    return [untranslatable(name, module, why)]


def is_known(module: nn.Module) -> bool:
    """Has the module a counterpart, or is it nothing in eval mode?"""
    return translator(module) is not None or isinstance(module, (*IDENTITIES, *RESHAPES, *BATCH_NORMS))


def is_refused(module: nn.Module) -> bool:
    """Is there a word for why the module has no counterpart?"""
    return any(isinstance(module, classes) for classes, _, _ in _REFUSED)


def _conv(name: str, module: Any, given: Size, made: Size) -> nir.NIRNode:
    if module.padding_mode != "zeros":
        raise _refused(name, "padding_mode", repr(module.padding_mode), "zeros")
    weight = exact(module.weight)
    return nir.Conv2d(
        input_shape=(given[-2], given[-1]),
        weight=weight,
        stride=tuple(module.stride),
        padding=_padding(name, module),
        dilation=tuple(module.dilation),
        groups=module.groups,
        bias=np.zeros(len(weight), weight.dtype) if module.bias is None else exact(module.bias),
    )


def _padding(name: str, module: Any) -> tuple[int, int]:
    if module.padding == "valid":
        return (0, 0)
    if module.padding != "same":
        return (module.padding[0], module.padding[1])
    reach = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size, strict=True)]
    if any(r % 2 for r in reach):
        raise _refused(name, "padding", f"same for a kernel of {module.kernel_size}", "the same number on both sides")
    return (reach[0] // 2, reach[1] // 2)


def _linear(name: str, module: Any, given: Size, made: Size) -> nir.NIRNode:
    if len(given) != 1:
        raise _refused(name, "input", f"a map of shape {given}", "one axis: a Flatten goes in front of a linear layer")
    if module.bias is None:
        return nir.Linear(exact(module.weight))
    return nir.Affine(exact(module.weight), exact(module.bias))


def _avg_pool(name: str, module: nn.AvgPool2d, given: Size, made: Size) -> nir.NIRNode:
    window, stride, padding = _pair(module.kernel_size), _pair(module.stride), _pair(module.padding)
    divisor, elements = module.divisor_override, int(np.prod(window))
    if divisor not in (None, 1, elements):
        raise _refused(name, "divisor_override", str(divisor), f"1 or {elements}, the size of the window")
    if padding.any() and not module.count_include_pad:
        raise _refused(name, "count_include_pad", "False", "True")
    _whole_windows(name, module, given, made, window, stride, padding)
    kind = nir.SumPool2d if divisor == 1 and elements != 1 else nir.AvgPool2d
    return kind(window, stride, padding)


def _norm_pool(name: str, module: nn.LPPool2d, given: Size, made: Size) -> nir.NIRNode:
    if module.norm_type != 1:
        raise _refused(name, "norm_type", str(module.norm_type), "1, which is a sum of spikes")
    window, none = _pair(module.kernel_size), np.zeros(2, dtype=np.int64)
    stride = window if module.stride is None else _pair(module.stride)
    _whole_windows(name, module, given, made, window, stride, none)
    return nir.SumPool2d(window, stride, none)


def _sum_pool(name: str, module: SumPool2d, given: Size, made: Size) -> nir.NIRNode:
    window = _pair(module.kernel_size)
    return nir.SumPool2d(window, window, np.zeros(2, dtype=np.int64))


def _crop(name: str, module: Crop2d, given: Size, made: Size) -> nir.NIRNode:
    """NIR has no node for it: a convolution whose one tap per channel moves the map, and what moves out is cut off."""
    if len(given) != 3:
        raise _refused(name, "input", f"of shape {given} in each step", "a map of shape (C, H, W)")
    channels, height, width = given
    weight = np.zeros((channels, channels, height - made[-2] + 1, width - made[-1] + 1), dtype=np.float32)
    weight[range(channels), range(channels), module.top, module.left] = 1
    return nir.Conv2d((height, width), weight, 1, 0, 1, 1, np.zeros(channels, dtype=np.float32))


def _whole_windows(name: str, module: Any, given: Size, made: Size, *pooling: npt.NDArray[np.int64]) -> None:
    window, stride, padding = pooling
    whole = tuple((np.array(given[-2:]) + 2 * padding - window) // stride + 1)
    if module.ceil_mode and whole != made[-2:]:
        raise _refused(name, "ceil_mode", f"True, with windows over the edge of a map of {given[-2:]}", "whole windows")


def _pair(value: Any) -> npt.NDArray[np.int64]:
    return np.array(np.broadcast_to(np.asarray(value, dtype=np.int64), 2))


def _refused(name: str, parameter: str, value: str, limit: str) -> CompileError:
    return CompileError([NO_COUNTERPART.at(node_place(name), parameter=parameter, value=value, limit=limit)])


_TRANSLATORS: tuple[tuple[type[nn.Module], Translator], ...] = (
    (nn.Conv2d, _conv),
    (nn.Linear, _linear),
    (nn.AvgPool2d, _avg_pool),
    (nn.LPPool2d, _norm_pool),
    (SumPool2d, _sum_pool),
    (Crop2d, _crop),
)


_PLAIN: tuple[tuple[type[nn.Module], Callable[[Any, Tensor], Tensor]], ...] = (
    (nn.Conv2d, lambda module, x: nn.Conv2d._conv_forward(module, x, module.weight, module.bias)),
    (nn.Linear, lambda module, x: functional.linear(x, module.weight, module.bias)),
    (nn.AvgPool2d, nn.AvgPool2d.forward),
    (nn.LPPool2d, nn.LPPool2d.forward),
    (SumPool2d, lambda module, x: SumPool2d.forward(module, x[None])),
    (Crop2d, Crop2d.forward),
    (nn.BatchNorm1d, nn.BatchNorm1d.forward),
    (nn.BatchNorm2d, nn.BatchNorm2d.forward),
)


def batch_norm_terms(module: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[npt.NDArray[Any], npt.NDArray[Any]] | None:
    """Factor and offset per channel of a BatchNorm in eval mode, float64 [C]; None if it norms by what it sees."""
    mean, var, weight, bias = (
        None if t is None else t.detach().double().numpy()
        for t in (module.running_mean, module.running_var, module.weight, module.bias)
    )
    if mean is None or var is None:
        return None
    factor = (1.0 if weight is None else weight) / np.sqrt(var + module.eps)
    return factor, (0.0 if bias is None else bias) - mean * factor


def with_affine(node: Any, factor: npt.NDArray[Any], offset: npt.NDArray[Any]) -> nir.NIRNode:
    """A convolution or linear node followed by factor * x + offset per output channel, as one node, in float64."""
    bias = getattr(node, "bias", None)
    bias = offset if bias is None else np.asarray(bias, dtype=np.float64) * factor + offset
    weight = np.asarray(node.weight, dtype=np.float64)
    weight = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))
    if not isinstance(node, nir.Conv2d):
        return nir.Affine(weight, bias)
    return nir.Conv2d(
        input_shape=node.input_shape,
        weight=weight,
        stride=node.stride,
        padding=node.padding,
        dilation=node.dilation,
        groups=node.groups,
        bias=bias,
    )
