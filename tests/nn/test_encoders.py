import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nirdynap.errors import InputError
from nirdynap.nn import DeltaToSpikes, ImageToSpikes, SignalToSpikes

IMAGE = torch.linspace(-1, 1, 41).reshape(1, 1, 1, 41)


@pytest.mark.parametrize("spikes_per_step", ["one", "many"])
@pytest.mark.parametrize("negative", [False, True])
def test_rates_are_those_of_the_values(spikes_per_step, negative):
    """The mean of n draws is within five standard errors of the rate; which draws these are, the seed says."""
    steps, rate = 4000, 0.25 * 1.6  # 250 Hz in steps of 1.6 ms
    encode = ImageToSpikes(
        steps, max_rate_hz=250, dt_us=1600, spikes_per_step=spikes_per_step, negative=negative, seed=3
    )
    spikes = encode(IMAGE)
    assert spikes.shape == (steps, 1, 1, 1, 41)
    expected = rate * (IMAGE if negative else IMAGE.clamp(min=0))
    assert ((spikes.mean(0) - expected).abs() <= 5 * (rate / steps) ** 0.5).all()
    assert (spikes * expected.sign() >= 0).all()
    assert (spikes[:, expected == 0] == 0).all()
    variance = expected.abs() * (1 - expected.abs() if spikes_per_step == "one" else 1)
    assert spikes.var(0).flatten().tolist() == pytest.approx(variance.flatten().tolist(), abs=0.06)
    assert (spikes.abs().max() <= 1) == (spikes_per_step == "one")
    assert not (torch.signbit(spikes) & (spikes == 0)).any()


def test_seeds_say_what_is_drawn():
    fixed = ImageToSpikes(20, seed=5)
    assert torch.equal(fixed(IMAGE), fixed(IMAGE))
    assert torch.equal(fixed(IMAGE), ImageToSpikes(20, seed=5)(IMAGE))
    assert not torch.equal(fixed(IMAGE), ImageToSpikes(20, seed=6)(IMAGE))
    going = ImageToSpikes(20, seed=torch.Generator().manual_seed(5))
    first, second = going(IMAGE), going(IMAGE)
    assert torch.equal(first, fixed(IMAGE))
    assert not torch.equal(first, second)
    assert torch.equal(ImageToSpikes(np.int64(20), seed=np.int64(5))(IMAGE), fixed(IMAGE))
    own = ImageToSpikes(20)
    torch.manual_seed(5)
    first = own(IMAGE)
    torch.manual_seed(5)
    assert torch.equal(own(IMAGE), first)


@given(seed=st.integers(0, 2**64 - 1), many=st.sampled_from(["one", "many"]))
@settings(max_examples=20, deadline=None)
def test_signs_change_nothing_but_signs(seed, many):
    encode = ImageToSpikes(9, spikes_per_step=many, negative=True, seed=seed)
    assert torch.equal(encode(-IMAGE), -encode(IMAGE))
    silent = ImageToSpikes(9, spikes_per_step=many, seed=seed)
    assert torch.equal(silent(IMAGE.abs()), encode(IMAGE.abs()))


def test_whole_numbers_are_values_too():
    image = torch.tensor([[[0, 255]]], dtype=torch.uint8)
    spikes = ImageToSpikes(50, norm=255)(image)
    assert spikes.dtype == torch.float32
    assert spikes.sum(0).flatten().tolist() == [0, 50]
    assert not ImageToSpikes(3)(torch.ones(1, 1, requires_grad=True)).requires_grad


def test_each_value_of_a_signal_lasts_for_its_steps():
    signal = torch.tensor([[0.0, 2.0], [2.0, 0.0], [1.0, 1.0]]).reshape(3, 1, 2)
    spikes = SignalToSpikes(200, norm=2.0, seed=0)(signal)
    assert spikes.shape == (600, 1, 2)
    rates = spikes.reshape(3, 200, 2).mean(dim=1)
    assert rates[:2].tolist() == [[0, 1], [1, 0]]
    assert rates[2].tolist() == pytest.approx([0.5, 0.5], abs=0.15)


def by_hand(signal, threshold):
    """Told level by told level, in whole thresholds."""
    spikes = np.zeros_like(signal)
    for neuron in np.ndindex(signal.shape[1:]):
        told = 0
        for t, value in enumerate((signal[(slice(None), *neuron)] - signal[(0, *neuron)]) / threshold):
            while value - told >= 1:
                told += 1
                spikes[(t, *neuron)] += 1
            while value - told <= -1:
                told -= 1
                spikes[(t, *neuron)] -= 1
    return spikes


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.integers(-300, 300), min_size=2, max_size=20),
    threshold=st.integers(1, 100),
)
def test_changes_are_told_once_for_each_threshold(values, threshold):
    signal = np.array(values[: len(values) // 2 * 2], dtype=np.float64).reshape(-1, 1, 2) / 64
    x, threshold = torch.from_numpy(signal), threshold / 64
    both = DeltaToSpikes(threshold, negative=True)(x)
    assert np.array_equal(both.numpy(), by_hand(signal, threshold))
    assert ((both.cumsum(0) * threshold - (x - x[0])).abs() <= threshold * (1 + 1e-9)).all()
    rises, falls = DeltaToSpikes(threshold)(x), DeltaToSpikes(threshold)(-x)
    assert torch.equal(rises - falls, both)
    assert (rises * falls == 0).all()
    assert not (torch.signbit(both) & (both == 0)).any()


def test_signals_of_whole_numbers_and_of_no_steps():
    assert DeltaToSpikes(2)(torch.tensor([[0], [5], [4]])).tolist() == [[0], [2], [0]]
    assert DeltaToSpikes(2)(torch.zeros(0, 1, 3)).shape == (0, 1, 3)
    assert SignalToSpikes(2)(torch.zeros(0, 1, 3)).shape == (0, 1, 3)


@pytest.mark.parametrize("encoder", [ImageToSpikes, SignalToSpikes])
def test_arguments_that_cannot_be_are_refused_at_once(encoder):
    with pytest.raises(InputError) as caught:
        encoder(0, norm=0, max_rate_hz=-1, dt_us=0.5, spikes_per_step="few", seed=2**64)
    names = ["steps", "norm", "max_rate_hz", "dt_us", "spikes_per_step", "seed"]
    assert [d.place for d in caught.value.diagnostics] == [f"$.{name}" for name in names]
    with pytest.raises(InputError, match=r"ND507 .*max_rate_hz = 600.*at most 500, one spike in each step of 2000 us"):
        encoder(5, max_rate_hz=600, dt_us=2000)
    assert encoder(5, max_rate_hz=600, dt_us=2000, spikes_per_step="many").max_rate_hz == 600


def test_values_beyond_the_norm_are_refused():
    for value in (1.5, -1.5):
        with pytest.raises(InputError, match=r"ND507 .*norm = '1.0'.*the largest value that is to come"):
            ImageToSpikes(5)(torch.tensor([[0.5, value]]))
        with pytest.raises(InputError, match=r"ND507 .*norm"):
            SignalToSpikes(5)(torch.tensor([[0.5, value]]))
    with pytest.raises(InputError, match=r"ND507 .*\$\.threshold"):
        DeltaToSpikes(0.0)


@pytest.mark.parametrize("encoder", [ImageToSpikes(5), SignalToSpikes(5), DeltaToSpikes(1.0)])
def test_what_is_encoded_are_finite_numbers_in_a_tensor(encoder):
    for value in (float("nan"), float("inf")):
        with pytest.raises(InputError, match=r"^ND507 .*\$\.input.*finite numbers"):
            encoder(torch.tensor([[0.5, value]]))
    with pytest.raises(InputError, match=r"^ND513 .*torch\.Tensor"):
        encoder(np.zeros((2, 3)))


def test_settings_are_printed():
    words = "steps=5, norm=255, max_rate_hz=200, dt_us=1000, spikes_per_step=one, negative=True"
    assert repr(ImageToSpikes(5, norm=255, max_rate_hz=200, negative=True)) == f"ImageToSpikes({words})"
    assert repr(DeltaToSpikes(0.5)) == "DeltaToSpikes(threshold=0.5, negative=False)"
