"""Spyx models for the live run: each that is to be reproduced, and each that must be refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import spyx.nn as snn
from flax import nnx

Model = tuple[str, Any, np.ndarray]
SHAPE = (2, 10, 10)


def sample(shape: tuple[int, ...] = SHAPE, steps: int = 30, batch: int = 2) -> np.ndarray:
    """Counts [time, batch, C, H, W] or [time, batch, N]."""
    return np.random.default_rng(6).poisson(0.7, (steps, batch, *shape))


def on_grid(model: Any) -> Any:
    """Weights on a grid of 2**-6, so that no sum is rounded and ties happen."""
    random = np.random.default_rng(5)
    for layer in model.layers:
        for name in ("kernel", "bias"):
            if isinstance(layer, (nnx.Conv, nnx.Linear)) and (old := getattr(layer, name)) is not None:
                old[...] = jnp.asarray(random.integers(-32, 36, old[...].shape) / 64, dtype=jnp.float32)
    return model


def conv(given: int, made: int, size: Any = (3, 3), **settings: Any) -> Any:
    return nnx.Conv(given, made, size, **{"padding": "VALID", "rngs": nnx.Rngs(0), **settings})


def linear(given: int, made: int, **settings: Any) -> Any:
    return nnx.Linear(given, made, rngs=nnx.Rngs(1), **settings)


def fires(*shape: int, **settings: Any) -> Any:
    return snn.IF(shape, **settings)


def leaks(*shape: int, **settings: Any) -> Any:
    return snn.LIF(shape, rngs=nnx.Rngs(2), **settings)


def _net(*between: Any, first: Any = None, threshold: float = 1.0) -> Any:
    first = first or conv(2, 4, use_bias=False)
    head = (snn.SumPool((2, 2), 2, "VALID"), snn.Flatten(), linear(64, 5), fires(5, threshold=threshold))
    return snn.Sequential(first, *between, fires(8, 8, 4, threshold=threshold), *head)


def _trained_norm() -> Any:
    norm = nnx.BatchNorm(4, epsilon=0.05, rngs=nnx.Rngs(3))
    norm.mean[...], norm.var[...] = jnp.asarray([0.5, -0.25, 0.0, 1.0]), jnp.asarray([0.5, 2.0, 1.0, 0.1])
    norm.scale[...], norm.bias[...] = jnp.asarray([1.0, 0.5, 2.0, 1.5]), jnp.asarray([0.0, 0.5, -0.5, 0.25])
    return norm


def _strided() -> Any:
    """Padding "SAME" on an even map with stride 2: XLA adds the pixel behind the map only."""
    first = conv(2, 4, strides=2, padding="SAME")
    return snn.Sequential(first, fires(5, 5, 4), snn.Flatten(), linear(100, 3), fires(3))


def _thresholds() -> Any:
    first = jnp.asarray([1.0, 0.5, 2.0, 1.5])
    head = (snn.Flatten(), linear(256, 5), fires(5, threshold=jnp.linspace(0.5, 1.5, 5)))
    return snn.Sequential(conv(2, 4), fires(8, 8, 4, threshold=first), *head)


def reproduced() -> Iterator[Model]:
    """Models whose graph must fire as they do."""
    x, flat = sample(), sample((12,))
    yield "conv_sum_pool", on_grid(_net()), x
    yield "batch_norm", on_grid(_net(_trained_norm())), x
    yield "dropout", on_grid(_net(nnx.Dropout(0.5, rngs=nnx.Rngs(4)))), x
    yield "same_padding", on_grid(_net(first=conv(2, 4, (5, 5), padding=((1, 1), (1, 1))))), x
    yield "one_sided_padding", on_grid(_strided()), x
    yield "even_kernel", on_grid(_net(first=conv(2, 4, (4, 4), padding=((0, 1), (0, 1))))), x
    yield "groups", on_grid(_net(first=conv(2, 4, feature_group_count=2))), x
    yield "dilation", on_grid(_net(first=conv(2, 4, (2, 2), kernel_dilation=2))), x
    yield "threshold_per_channel", on_grid(_thresholds()), x
    yield "linear_only", on_grid(snn.Sequential(linear(12, 8), fires(8), linear(8, 3), fires(3))), flat
    yield "any_weights", _net(threshold=0.3), x
    yield "leak", on_grid(snn.Sequential(linear(12, 8), leaks(8, beta=0.9), linear(8, 3), leaks(3))), flat
    head = (linear(256, 3), fires(3))
    yield "leak_per_pixel", on_grid(snn.Sequential(conv(2, 4), leaks(8, 8, 4), snn.Flatten(), *head)), x
    yield "leak_beyond_one", on_grid(snn.Sequential(linear(12, 8), leaks(8, beta=1.25))), flat  # clipped to 1
    yield "flat_neurons", on_grid(snn.Sequential(conv(2, 4), snn.Flatten(), leaks(256), *head)), x


def refused() -> Iterator[tuple[str, Any, np.ndarray, str]]:
    """Models with no exact counterpart, and the code of what is said."""
    x, flat, rngs = sample(), sample((12,)), nnx.Rngs(5)

    def behind(layer: Any) -> Any:
        return snn.Sequential(linear(12, 8), layer)

    yield "no_sequential", linear(12, 8), flat, "ND803"
    yield "leaky_integrator", behind(snn.LI((8,), rngs=rngs)), flat, "ND802"
    yield "adaptive", behind(snn.ALIF((8,), rngs=rngs)), flat, "ND802"
    yield "synaptic_filter", behind(snn.CuBaLIF((8,), rngs=rngs)), flat, "ND802"
    yield "recurrent", behind(snn.RLIF((8,), rngs=rngs)), flat, "ND802"
    yield "never_reset", behind(snn.PSU_LIF((8,), rngs=rngs)), flat, "ND802"
    yield "layer_norm", behind(nnx.LayerNorm(8, rngs=rngs)), flat, "ND802"
    yield "function", behind(jax.nn.relu), flat, "ND802"
    yield "average_pool", snn.Sequential(conv(2, 4), lambda y: nnx.avg_pool(y, (2, 2)), fires(7, 7, 4)), x, "ND802"
    yield "not_a_step", behind(fires(8, activation=jax.nn.relu)), flat, "ND807"
    yield "half_precision", snn.Sequential(linear(12, 8, dtype=jnp.bfloat16), fires(8)), flat, "ND807"
    yield "circular", snn.Sequential(conv(2, 4, padding="CIRCULAR"), fires(10, 10, 4)), x, "ND807"
    yield "norm_behind_neuron", snn.Sequential(conv(2, 4), fires(8, 8, 4), _trained_norm()), x, "ND805"
    yield "norm_first", snn.Sequential(nnx.BatchNorm(12, rngs=rngs), linear(12, 8), fires(8)), flat, "ND805"
    yield "other_size", behind(fires(8)), sample((11,)), "ND116"
    pool = snn.SumPool((3, 3), 2, "VALID")
    yield "overlapping_pool", snn.Sequential(conv(2, 4), fires(8, 8, 4), pool, conv(4, 2), fires(1, 1, 2)), x, "ND118"
