"""What is said where layers do not fit, word for word. That each piece of advice is good is asked in test_place.py."""

from __future__ import annotations

import pytest
from float_layers import build_layer, chip_of

from nirdynap.chips.chip import Chip
from nirdynap.ir.layers import Layer, Link
from nirdynap.lower.unplaceable import plan_or_findings
from nirdynap.lower.wishes import ANYWHERE, wishes_of


def layer(name="a", out=8, *, size=(4, 4), channels=1, kernel=1, feeds=(), **changes) -> Layer:
    """Of 16 neuron words for each channel, unless it has another map."""
    links = tuple(Link(target=target, pooling=(1, 1), feature_shift=0) for target in feeds)
    return build_layer(name, out=out, kernel=kernel, input_shape=(channels, *size), links=links, **changes)


def neuron_words(*cores) -> Chip:
    """Cores with so many neuron words, and kernel words enough."""
    return chip_of(*((1024, words, 16) for words in cores))


def kernel_words(*cores) -> Chip:
    """Cores with so many kernel words, and neuron words enough."""
    return chip_of(*((words, 1024, 16) for words in cores))


def planned(layers, chip, split="never", placement=ANYWHERE, avoid=()):
    """Channels of the parts of each copy of each layer, or None; and what is said."""
    wishes, unclear = wishes_of(layers, chip, split, placement, avoid)
    assert unclear == ()
    plan, findings = plan_or_findings(layers, chip, wishes)
    return plan and [[copy.channels for copy in copies] for copies in plan], list(findings)


# --- layers that no core holds ----------------------------------------------------------------------------------------

HALF = "at most 4 instead of 8 output features"
NOT_ALL = " (a core holds it then, but not all layers fit together)"


@pytest.mark.parametrize(
    ("layers", "chip", "advice"),
    [
        ([layer()], neuron_words(64, 32), [HALF]),
        ([layer("a", 2)], neuron_words(16), ["at most 1 instead of 2 output features"]),
        ([layer("a", 2), layer("b", 1)], neuron_words(16, 16), ["at most 1 instead of 2 output features"]),
        ([layer()], neuron_words(64, 64), [f"split={{'a': 2}} (--split a=2), or {HALF}"]),
        ([layer()], neuron_words(64, 32, 32), [f"split={{'a': 3}} (--split a=3), or {HALF}"]),
        ([layer(), layer("b", 4)], neuron_words(64, 32), [HALF + NOT_ALL]),
        ([layer(), layer("b", 4)], neuron_words(64, 64), [HALF]),
        ([layer(), layer("b", 1)], neuron_words(16, 64, 64), [f"split={{'a': 2}} (--split a=2), or {HALF}"]),
        (
            [layer(), layer("b", 1), layer("c", 12)],
            neuron_words(*[64] * 6),
            [
                f"split={{'a': 2, 'c': 3}} (--split a=2,c=3), or {advice}"
                for advice in (HALF, "at most 4 instead of 12 output features")
            ],
        ),
        (
            [layer(channels=2048)],
            neuron_words(1024, 1024),
            [
                "fewer input features and a smaller map (pooling or a stride in front): output features alone do not "
                "do it"
            ],
        ),
    ],
)
def test_layers_that_no_core_holds(layers, chip, advice):
    plan, findings = planned(tuple(layers), chip)
    assert plan is None
    assert [finding.hint for finding in findings] == advice
    hopeless = ["a", "c"][: len(findings)]
    assert [finding.place for finding in findings] == [f"$.nodes.{name}" for name in hopeless]


def test_a_layer_that_one_core_holds_in_parts_is_not_hopeless():
    assert planned((layer(),), neuron_words(64, 64), "auto") == ([[(4, 4)]], [])
    assert planned((layer("a", 2),), neuron_words(16, 16), "auto") == ([[(1, 1)]], [])
    assert planned((layer(), layer("b", 4)), neuron_words(64, 64, 64), {"a": 2}) == ([[(4, 4)], [(4,)]], [])


def test_more_layers_than_cores_are_left_to_the_rules_but_each_is_looked_at():
    plan, findings = planned((layer("a", 2), layer("b", 8)), neuron_words(64))
    assert plan is None
    assert [(finding.code, finding.place, finding.hint) for finding in findings] == [
        ("ND302", "$.nodes.b", HALF + NOT_ALL)
    ]
    assert planned((layer("a", 2), layer("b", 2)), neuron_words(64)) == (None, [])


def test_the_others_are_judged_as_if_a_layer_that_no_core_holds_were_not_there():
    """Core 0 holds one of b and c, which nothing else does."""
    layers = (layer("a", 8, feeds=(1, 2)), layer("b", 4, channels=8), layer("c", 3, channels=8))
    _, (large, crowd) = planned(layers, neuron_words(64, 16, 16))
    assert (large.code, large.hint) == ("ND302", HALF + NOT_ALL)
    assert crowd.found == (
        "no room on core 0 for b (kernel 32, neuron 64 words), c (kernel 32, neuron 48 words) at once"
    )
    assert crowd.hint == "c with at most 1 instead of 3 output features"


def test_the_wishes_of_the_others_stay_theirs():
    """Without a, which is hopeless, b goes where it is pinned, and c is in two parts."""
    layers = (layer("a", 8, feeds=(1, 2)), layer("b", 4, channels=8), layer("c", 4, channels=8))
    options = {"split": {"c": 2}, "placement": {"b": 3}}
    _, findings = planned(layers, neuron_words(32, 32, 64, 64), **options)
    assert [finding.code for finding in findings] == ["ND302"]
    halved = (layer("a", 16, feeds=(1,)), layer("b", 8, channels=16))
    _, findings = planned(halved, neuron_words(64, 64), {"b": 2})
    assert [(finding.code, finding.place) for finding in findings] == [("ND302", "$.nodes.a")]
    _, findings = planned(layers, neuron_words(64, 64, 32, 32), **options)
    assert [(finding.code, finding.place) for finding in findings] == [("ND302", "$.nodes.a"), ("ND304", "$.nodes")]
    assert findings[1].found == "no room on core 3 for b (kernel 32, neuron 64 words)"
    assert findings[1].hint == "other cores in placement or avoid: on free choice all of it fits"


# --- layers that compete ----------------------------------------------------------------------------------------------

TOO_MANY = "one layer less, or smaller layers: no change to a single one is enough"
ELSEWHERE = "other cores in placement or avoid: on free choice all of it fits"


def big(name):
    """How a layer of eight channels is shown."""
    return f"{name} (kernel 8, neuron 128 words)"


@pytest.mark.parametrize(
    ("layers", "chip", "options", "counts", "found", "hint"),
    [
        (  # b is not named: a and c compete without it
            [layer(), layer("b", 1), layer("c")],
            neuron_words(128, 64, 16),
            {},
            (2, 1),
            f"no room on core 0 for {big('a')}, {big('c')} at once",
            "a with at most 4 instead of 8 output features",
        ),
        (  # of both layers that could be smaller the one that loses less
            [layer(), layer("b", 6)],
            neuron_words(128, 80),
            {},
            (2, 1),
            f"no room on core 0 for {big('a')}, b (kernel 8, neuron 96 words) at once",
            "b with at most 5 instead of 6 output features",
        ),
        (
            [layer(), layer("b", 1), layer("c")],
            neuron_words(128, 32, 16, 16),
            {"split": "auto"},
            (2, 4),
            f"no room on cores 0, 1, 2, 3 for {big('a')}, {big('c')} at once, not even in parts",
            "a with at most 3 instead of 8 output features",
        ),
        (  # split comes first, and only of a layer that then fits
            [layer(), layer("b", 16)],
            neuron_words(256, 64, 64),
            {},
            (2, 1),
            f"no room on core 0 for {big('a')}, b (kernel 16, neuron 256 words) at once",
            "split={'a': 2} (--split a=2), or a with at most 4 instead of 8 output features",
        ),
        (
            [layer("a", 16), layer("b", 8)],
            neuron_words(256, 64, 64),
            {"split": {"a": 1}},
            (2, 1),
            f"no room on core 0 for a (kernel 16, neuron 256 words), {big('b')} at once",
            "split={'b': 2} (--split b=2), or b with at most 4 instead of 8 output features",
        ),
        (
            [layer(bias=[1.0] * 8), layer("b", bias=[1.0] * 8)],
            chip_of((1024, 1024, 16), (1024, 1024, 0)),
            {},
            (2, 1),
            "no room on core 0 for a (kernel 8, neuron 128, bias 8 words), b (kernel 8, neuron 128, bias 8 words) "
            "at once",
            TOO_MANY,
        ),
        (
            [layer(channels=128), layer("b", channels=128)],
            kernel_words(1024, 64),
            {},
            (2, 1),
            "no room on core 0 for a (kernel 1 Ki, neuron 128 words), b (kernel 1 Ki, neuron 128 words) at once",
            TOO_MANY,
        ),
        (  # another number of parts than asked for is no advice
            [layer(feeds=(1,)), layer("b", channels=8)],
            neuron_words(128, 64, 64),
            {"split": {"b": 3}},
            (2, 3),
            f"no room on cores 0, 1, 2 for {big('a')}, b (kernel 64, neuron 128 words) at once, not even in parts",
            TOO_MANY,
        ),
        (  # even one channel less is not enough, though the core is free
            [layer()],
            neuron_words(64, 128),
            {"avoid": (1,), "split": "auto"},
            (1, 1),
            f"no room on core 0 for {big('a')}, not even in parts",
            ELSEWHERE,
        ),
        (
            [layer()],
            neuron_words(64, 128),
            {"avoid": (1,)},
            (1, 0),
            f"no room on any core left to use for {big('a')}",
            ELSEWHERE,
        ),
        (
            [layer("x", 2), layer()],
            neuron_words(128, 128, 64),
            {"placement": {"a": 2}},
            (1, 1),
            f"no room on core 2 for {big('a')}",
            ELSEWHERE,
        ),
        (  # no other core would do either, so the pin stays
            [layer(), layer("b")],
            neuron_words(128, 64, 64),
            {"placement": {"a": 1}},
            (1, 1),
            f"no room on core 1 for {big('a')}",
            "a with at most 4 instead of 8 output features",
        ),
        (
            [layer(), layer("b")],
            neuron_words(128, 16, 16),
            {"placement": {"a": (1, 2)}, "split": "auto"},
            (1, 2),
            f"no room on cores 1, 2 for {big('a')}, not even in parts",
            "a with at most 2 instead of 8 output features",
        ),
    ],
)
def test_layers_that_compete(layers, chip, options, counts, found, hint):
    plan, (finding,) = planned(tuple(layers), chip, **options)
    assert plan is None
    assert (finding.code, finding.place) == ("ND304", "$.nodes")
    assert (finding.value, finding.limit) == counts
    assert (finding.found, finding.hint) == (found, hint)


# --- smaller kernels --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "words", "advice"),
    [
        # 16 kernels of 5x5 take 512 words, of 3x3 256, of 2x2 64, of 1x1 16.
        ({"size": (6, 6), "kernel": 5, "padding": (2, 2)}, 256, "a 3x3 kernel and padding 1x1 instead of 5x5"),
        ({"size": (6, 6), "kernel": 5, "padding": (2, 2)}, 255, "a 1x1 kernel and padding 0x0 instead of 5x5"),
        ({"size": (6, 6), "kernel": 5, "padding": (2, 0)}, 256, None),
        (
            {"size": (6, 9), "kernel": 5, "padding": (2, 0), "stride": (1, 4)},
            256,
            "a 3x3 kernel and padding 1x0 instead of 5x5",
        ),
        (
            {"size": (9, 6), "kernel": 5, "padding": (0, 2), "stride": (4, 1)},
            256,
            "a 3x3 kernel and padding 0x1 instead of 5x5",
        ),
        ({"size": (6, 6), "kernel": 4, "padding": (1, 1)}, 64, "a 2x2 kernel and padding 0x0 instead of 4x4"),
        ({"size": (1, 1), "kernel": 5, "padding": (2, 2)}, 256, "a 3x3 kernel and padding 1x1 instead of 5x5"),
        (
            {"size": (7, 7), "kernel": 5, "padding": (2, 2), "stride": (2, 2)},
            256,
            "a 4x4 kernel and padding 2x2 instead of 5x5",
        ),
        (
            {"size": (7, 7), "kernel": 5, "padding": (2, 2), "stride": (2, 2)},
            255,
            "a 2x2 kernel and padding 1x1 instead of 5x5",
        ),
        ({"size": (6, 6), "kernel": 2, "stride": (2, 2)}, 16, "a 1x1 kernel and padding 0x0 instead of 2x2"),
        ({"size": (5, 5), "kernel": 5}, 256, None),  # a dense layer
    ],
)
def test_a_smaller_kernel_for_the_same_map(first, words, advice):
    """Behind a second layer that has the only large core."""
    a = layer("a", 16, **first)
    b = layer("b", 64, channels=16)
    _, (finding,) = planned((a, b), kernel_words(1024, words))
    assert finding.code == "ND304"
    hints = [hint for hint in finding.hint.split(", or ") if "kernel" in hint]
    assert hints == ([] if advice is None else [f"a with {advice}"])


def test_of_two_kernels_the_one_that_loses_less():
    a = layer("a", 16, size=(6, 6), kernel=3, padding=(1, 1))
    b = layer("b", 16, size=(6, 6), kernel=5, padding=(2, 2))
    _, (finding,) = planned((a, b), kernel_words(512, 255))
    assert finding.hint == (
        "a with at most 8 instead of 16 output features, or a with a 1x1 kernel and padding 0x0 instead of 3x3"
    )
    _, (finding,) = planned((b, a), kernel_words(512, 255))
    assert finding.hint.endswith("or a with a 1x1 kernel and padding 0x0 instead of 3x3")


# --- more destinations than slots -------------------------------------------------------------------------------------


def fan(readers, out=2):
    """A layer that feeds each of the others, all of 32 words."""
    names = "bcdefgh"[:readers]
    return (layer("a", out, feeds=range(1, readers + 1)), *(layer(name, 2, channels=out) for name in names))


@pytest.mark.parametrize("readers", [3, 4])
def test_without_a_core_for_a_relay_the_destinations_are_too_many(readers):
    layers = fan(readers)
    plan, (finding,) = planned(layers, neuron_words(*[64] * len(layers)))
    assert plan is None
    assert (finding.code, finding.place, finding.value, finding.limit) == ("ND319", "$.nodes.a", readers, 2)
    plan, findings = planned(layers, neuron_words(*[64] * (2 * readers - 1)))
    assert plan is not None
    assert findings == []


def test_parts_are_destinations_too():
    layers = (layer(feeds=(1,)), layer("b", channels=8))
    for parts in (3, 5, 8):
        _, (finding,) = planned(layers, neuron_words(128, *[64] * parts), {"b": parts})
        assert (finding.code, finding.place, finding.value, finding.limit) == ("ND319", "$.nodes.a", parts, 2)


def test_each_layer_that_feeds_too_many_is_named():
    readers = [layer(name, 2, channels=2) for name in "bcdfgh"]
    layers = (layer("a", 2, feeds=(1, 2, 3)), *readers[:3], layer("e", 2, feeds=(5, 6, 7)), *readers[3:])
    _, findings = planned(layers, neuron_words(*[64] * 8))
    assert [(finding.place, finding.value) for finding in findings] == [("$.nodes.a", 3), ("$.nodes.e", 3)]


@pytest.mark.parametrize(
    ("readers", "words", "named"),
    [
        (3, (32, 32, 32, 16), ["a", "b", "c", "d", "a relay or copy of a, which feeds 3"]),
        (4, (32, 32, 32, 32, 16), ["a", "c", "d", "e", "a relay or copy of a, which feeds 3"]),
        (4, (32, 32, 32, 16, 16), ["b", "c", "d", "e"]),
        (7, (32,) * 7 + (16,), ["a", "d", "e", "f", "g", "h", "2 relays or copies of a, which feeds 5"]),
    ],
)
def test_relays_are_counted_among_what_competes(readers, words, named):
    _, (finding,) = planned(fan(readers), neuron_words(*words))
    listed = finding.found.removeprefix(f"no room on cores {', '.join(map(str, range(finding.limit)))} for ")
    shown = [name if " " in name else f"{name} (kernel {2 if name == 'a' else 4}, neuron 32 words)" for name in named]
    assert listed == f"{', '.join(shown)} at once"
    assert finding.value == sum(" " not in name for name in named)
    assert finding.limit == words.count(32)
