"""The two memory formulas, in integers, and nowhere else (docs/hardware.md, section Memory)."""

from __future__ import annotations

from nirdynap.ir.spec import Memory
from nirdynap.ir.units import Pair, Shape


def kernel_words(in_features: int, out_features: int, kernel: Pair) -> int:
    """8-bit words of a kernel of size (y, x): ``in * 2 ** (ceil(log2(y * x)) + ceil(log2(out)))``.

    Source: Speck Dev Kit Datasheet (Aug 2023), 3.2.4.1. The window is rounded up as one product, the input features
    are not rounded.
    """
    return in_features << (_address_bits(kernel[0] * kernel[1]) + _address_bits(out_features))


def neuron_words(features: int, size: Pair) -> int:
    """16-bit words of an output map of size (y, x): ``features * 2 ** (ceil(log2(y)) + ceil(log2(x)))``.

    Source: Speck Dev Kit Datasheet (Aug 2023), 3.2.4.1. Rows and columns are rounded up one by one, the features
    are not rounded.
    """
    return features << (_address_bits(size[0]) + _address_bits(size[1]))


def memory_of(*, weights_shape: tuple[int, int, int, int], neuron_shape: Shape, has_bias: bool) -> Memory:
    """Words that one core needs.

    Args:
        weights_shape: (out, in, ky, kx), `in` being all features of the input map.
        neuron_shape: (out, y, x), before pooling.
        has_bias: there is a bias, which costs one word per output feature whatever its values are.
    """
    out_features, in_features, ky, kx = weights_shape
    assert out_features == neuron_shape[0], f"{out_features} kernels for {neuron_shape[0]} features"
    return Memory(
        kernel=kernel_words(in_features, out_features, (ky, kx)),
        neuron=neuron_words(out_features, neuron_shape[1:]),
        bias=out_features if has_bias else 0,
    )


def _address_bits(count: int) -> int:
    """Bits that tell `count` things apart: ceil(log2(count)) without a float."""
    assert count >= 1, f"no address for {count} things"
    return (count - 1).bit_length()
