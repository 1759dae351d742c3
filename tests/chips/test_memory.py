"""The memory formulas against a loop that looks for the powers of two, and against worked examples."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nirdynap.chips.memory import kernel_words, memory_of, neuron_words
from nirdynap.ir.spec import Memory

KI = 1024
side = st.integers(1, 64)
features = st.integers(1, 1024)


def next_power_of_two(n: int) -> int:
    power = 1
    while power < n:
        power *= 2
    return power


@given(features, features, side, side)
def test_kernel_words_round_window_and_outputs(inputs: int, outputs: int, ky: int, kx: int) -> None:
    assert kernel_words(inputs, outputs, (ky, kx)) == inputs * next_power_of_two(ky * kx) * next_power_of_two(outputs)


@given(features, side, side)
def test_neuron_words_round_rows_and_columns(count: int, y: int, x: int) -> None:
    assert neuron_words(count, (y, x)) == count * next_power_of_two(y) * next_power_of_two(x)


@given(features, features, side, side)
def test_agrees_with_the_published_formulas_in_floats(inputs: int, outputs: int, y: int, x: int) -> None:
    # Exact here: log2 of numbers below 2**53 is exact at powers of two and never rounds onto one this far below.
    assert kernel_words(inputs, outputs, (y, x)) == inputs * 2 ** (
        math.ceil(math.log2(y * x)) + math.ceil(math.log2(outputs))
    )
    assert neuron_words(outputs, (y, x)) == outputs * 2 ** (math.ceil(math.log2(y)) + math.ceil(math.log2(x)))


@pytest.mark.parametrize(
    ("inputs", "outputs", "kernel", "words"),
    [
        (16, 32, (3, 3), 8 * KI),
        (2, 64, (3, 3), 2 * KI),
        (64, 65, (3, 3), 128 * KI),
        (1, 1, (1, 1), 1),
        (1, 1, (5, 5), 32),
        (1, 1, (7, 7), 64),
        (1, 1, (9, 9), 128),
        (3, 1, (1, 3), 12),
    ],
)
def test_worked_kernels(inputs: int, outputs: int, kernel: tuple[int, int], words: int) -> None:
    assert kernel_words(inputs, outputs, kernel) == words


@pytest.mark.parametrize(
    ("count", "size", "words"),
    [(32, (64, 64), 128 * KI), (64, (8, 8), 4 * KI), (5, (32, 32), 5 * KI), (1, (33, 5), 512), (10, (1, 1), 10)],
)
def test_worked_neurons(count: int, size: tuple[int, int], words: int) -> None:
    assert neuron_words(count, size) == words


def test_the_recorded_network() -> None:
    # The N-MNIST network of the NIR paper: four convolutions and a dense layer.
    layers = [
        ((16, 2, 5, 5), (16, 16, 16)),
        ((16, 16, 3, 3), (16, 16, 16)),
        ((8, 16, 3, 3), (8, 8, 8)),
        ((256, 8, 4, 4), (256, 1, 1)),
        ((10, 256, 1, 1), (10, 1, 1)),
    ]
    memories = [memory_of(weights_shape=w, neuron_shape=n, has_bias=False) for w, n in layers]
    assert [m.kernel for m in memories] == [1024, 4096, 2048, 32768, 4096]
    assert [m.neuron for m in memories] == [4096, 4096, 512, 256, 10]
    assert {m.bias for m in memories} == {0}


def test_a_bias_costs_one_word_for_each_feature() -> None:
    memory = memory_of(weights_shape=(20, 3, 2, 2), neuron_shape=(20, 7, 9), has_bias=True)
    assert memory == Memory(kernel=3 * 4 * 32, neuron=20 * 8 * 16, bias=20)


def test_nothing_has_no_address() -> None:
    with pytest.raises(AssertionError, match="no address for 0"):
        neuron_words(1, (0, 4))
    with pytest.raises(AssertionError, match="20 kernels for 21 features"):
        memory_of(weights_shape=(20, 3, 2, 2), neuron_shape=(21, 7, 9), has_bias=True)
