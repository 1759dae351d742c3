"""How many cores layers take, against every plan there is for small layers on small chips."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import hypothesis.strategies as st
import pytest
from float_layers import build_layer, chip_of
from hypothesis import HealthCheck, Phase, given, settings

from nirdynap.chips.chip import Chip
from nirdynap.ir.layers import Layer, Link
from nirdynap.ir.spec import Memory
from nirdynap.lower.arrange import Copy, Plan, arrange, destinations_of, relay_memory, relays_of
from nirdynap.lower.place import matched
from nirdynap.lower.rules import fits, memory_of_layer
from nirdynap.lower.wishes import Wishes

# Which of these fail is found by looking at all of them; there is nothing to gain from smaller ones.
PROPERTY = settings(
    deadline=None,
    max_examples=120,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Case(NamedTuple):
    layers: tuple[Layer, ...]
    chip: Chip
    wishes: Wishes


def linked(targets: list[list[int]], channels: list[int], side: int = 1, inputs: int = 1) -> tuple[Layer, ...]:
    """Layers of 1 x 1 kernels: n channels of `side` x `side` neurons take n * inputs kernel words."""
    return tuple(
        build_layer(
            f"layer{i}",
            out=n,
            kernel=1,
            input_shape=(inputs, side, side),
            links=tuple(Link(target=t, pooling=(1, 1), feature_shift=0) for t in onward),
        )
        for i, (n, onward) in enumerate(zip(channels, targets, strict=True))
    )


def free(layers: tuple[Layer, ...], chip: Chip, **changed: Any) -> Wishes:
    open_ = {"parts": (None,) * len(layers), "pins": (None,) * len(layers), "cores": tuple(range(len(chip.cores)))}
    return Wishes(**(open_ | changed))


@st.composite
def cases(draw: Any, *, equal: bool = False) -> Case:
    """A few layers on at most seven cores, of which some may be avoided or pinned."""
    number = draw(st.sampled_from([1, 2, 3, 3, 4, 4, 5]))
    targets: list[list[int]] = []
    for i in range(number):
        later = range(i + 1, number)
        some = st.lists(st.sampled_from(later), max_size=4) if later else st.just([])
        targets.append(sorted(draw(some)))
    if number > 3 and draw(st.booleans()):  # one feeds all others, whose spikes do not meet
        targets = [list(range(1, number)), *[[]] * (number - 1)]
    channels = draw(st.lists(st.integers(1, 4 if number < 4 else 2), min_size=number, max_size=number))
    layers = linked(targets, channels, draw(st.sampled_from([1, 2, 3])), draw(st.integers(1, 4)))
    words = st.sampled_from([(16, 64, 0), (4, 16, 0), (8, 8, 0), (2, 4, 0)])
    size = draw(st.integers(max(1, number - 1), min(7, number + 3)))
    cores = [draw(words)] * size if equal else draw(st.lists(words, min_size=size, max_size=size))
    chip = slotted(chip_of(*cores), draw(st.sampled_from([1, 2, 2, 3])))
    asked = tuple(draw(st.sampled_from([None, None, None, 1, min(2, n)])) for n in channels)
    if equal:
        return Case(layers, chip, free(layers, chip, parts=asked))
    left = [core for core in range(size) if draw(st.integers(0, 5))]
    pins: list[tuple[int, ...] | None] = [None] * number
    mine = draw(st.permutations(left))
    for i, parts in enumerate(asked):
        if parts and len(mine) >= parts and draw(st.booleans()):
            pins[i], mine = tuple(mine[:parts]), mine[parts:]
    return Case(layers, chip, free(layers, chip, parts=asked, pins=tuple(pins), cores=tuple(left)))


def slotted(chip: Chip, slots: int) -> Chip:
    return dataclasses.replace(chip, limits=dataclasses.replace(chip.limits, destinations=slots))


# --- every plan -------------------------------------------------------------------------------------------------------


def every_plan(case: Case) -> Iterator[Plan]:
    """All of them, whether there is room or not: parts of all sizes, and links shared out in all ways that may be."""
    layers, _, wishes = case
    counts = [
        (asked,) if asked else range(1, min(layer.neuron_shape[0], len(case.wishes.cores)) + 1)
        for layer, asked in zip(layers, wishes.parts, strict=True)
    ]
    for parts in itertools.product(*counts):
        for groups in itertools.product(*(shared_out(layers, i) for i in range(len(layers)))):
            sizes = [[compositions(layers[i].neuron_shape[0], parts[i])] * len(g) for i, g in enumerate(groups)]
            if sum(n * len(g) for n, g in zip(parts, groups, strict=True)) <= len(wishes.cores):
                for chosen in itertools.product(*(itertools.product(*options) for options in sizes)):
                    yield tuple(
                        tuple(Copy(links=links, channels=n) for links, n in zip(g, each, strict=True))
                        for g, each in zip(groups, chosen, strict=True)
                    )


def compositions(total: int, parts: int) -> list[tuple[int, ...]]:
    """Ways to write a number as a sum of positive ones, in order."""
    return [n for n in itertools.product(range(1, total + 1), repeat=parts) if sum(n) == total]


def shared_out(layers: tuple[Layer, ...], i: int) -> list[tuple[tuple[int, ...], ...]]:
    """The links of a layer in groups: two whose spikes meet again are never in different ones."""
    links = range(len(layers[i].links))
    if not links:
        return [((),)]
    found = set()
    for owner in itertools.product(links, repeat=len(links)):
        apart = [(a, b) for a, b in itertools.combinations(links, 2) if owner[a] != owner[b]]
        if not any(behind(layers, i, a) & behind(layers, i, b) for a, b in apart):
            found.add(tuple(sorted(tuple(k for k in links if owner[k] == one) for one in set(owner))))
    return sorted(found)


def behind(layers: tuple[Layer, ...], i: int, k: int) -> set[int]:
    target = layers[i].links[k].target
    return {target}.union(*(behind(layers, target, n) for n in range(len(layers[target].links))))


def held(case: Case, plan: Plan) -> list[tuple[Memory, tuple[int, ...]]]:
    """What each core of a plan needs, and the cores that it may lie on as far as wishes go."""
    layers, chip, wishes = case
    pinned = {core for pins in wishes.pins for core in pins or ()}
    anywhere = tuple(core for core in wishes.cores if core not in pinned)
    needs = []
    for i, (layer, copies) in enumerate(zip(layers, plan, strict=True)):
        for c, copy in enumerate(copies):
            fed = sum(len(other.channels) for k in copy.links for other in plan[layer.links[k].target])
            slots, relays = chip.limits.destinations, 0
            while fed > slots + relays * (slots - 1) and relays <= len(chip.cores):
                relays += 1
            for p, n in enumerate(copy.channels):
                pins = wishes.pins[i]
                needs.append((memory_of_layer(layer, n), (pins[p],) if pins and c == 0 else anywhere))
                relay = build_layer(out=n, kernel=1, input_shape=(n, *layer.neuron_shape[1:]))
                needs += [(memory_of_layer(relay), anywhere)] * relays
    return needs


def has_room(case: Case, plan: Plan) -> bool:
    needs = held(case, plan)
    options = [tuple(core for core in cores if fits(need, case.chip.cores[core])) for need, cores in needs]
    return len(needs) <= len(case.wishes.cores) and matched(options) == len(needs)


def words(case: Case, plan: Plan) -> int:
    return sum(sum(need) for need, _ in held(case, plan))


# --- and the one that is found ----------------------------------------------------------------------------------------


@PROPERTY
@given(case=cases())
def test_no_plan_takes_fewer_cores(case: Case) -> None:
    least = min((len(held(case, plan)) for plan in every_plan(case) if has_room(case, plan)), default=None)
    plan = arrange(*case)
    assert (None if plan is None else len(held(case, plan))) == least
    if plan is not None:
        assert has_room(case, plan)
        assert plan in set(every_plan(case))
        for layer, copies in zip(case.layers, plan, strict=True):
            assert copies[0].links[:1] in ((), (0,)), "what is read serves the first link"
            assert all(destinations_of(layer, copy, plan) == fed_by(layer, copy, plan) for copy in copies)


def fed_by(layer: Layer, copy: Copy, plan: Plan) -> int:
    return sum(len(other.channels) for k in copy.links for other in plan[layer.links[k].target])


@PROPERTY
@given(case=cases(equal=True))
def test_of_as_many_equal_cores_the_fewest_words(case: Case) -> None:
    """Among the plans whose parts are as equal as can be; the larger ones come last."""
    fair = [
        plan
        for plan in every_plan(case)
        if all(c.channels[-1] - c.channels[0] <= 1 and c.channels == tuple(sorted(c.channels)) for i in plan for c in i)
        and has_room(case, plan)
    ]
    plan = arrange(*case)
    assert (plan is None) == (not fair)
    if plan is not None:
        least = min((len(held(case, other)), words(case, other)) for other in fair)
        assert (len(held(case, plan)), words(case, plan)) == least


@st.composite
def stars(draw: Any) -> Case:
    """One layer feeds three others, more than its core has slots; there is room for relays, and for copies."""
    layers = linked([[1, 2, 3], [], [], []], [draw(st.integers(1, 4)), 1, 1, 1], 1, draw(st.integers(1, 4)))
    parts = (draw(st.integers(1, min(2, layers[0].neuron_shape[0]))), None, None, None)
    chip = chip_of(*[(64, 256, 0)] * 8)
    return Case(layers, chip, free(layers, chip, parts=parts))


@settings(PROPERTY, max_examples=40)
@given(case=stars())
def test_relays_or_copies_whatever_takes_fewer_words(case: Case) -> None:
    fair = [p for p in every_plan(case) if max(p[0][0].channels) - min(p[0][0].channels) <= 1 and has_room(case, p)]
    plan = arrange(*case)
    assert plan is not None
    least = min((len(held(case, other)), words(case, other)) for other in fair)
    assert (len(held(case, plan)), words(case, plan)) == least


@pytest.mark.parametrize("slots", [2, 3, 5])
def test_a_chain_of_relays_reaches_all_and_none_is_idle(slots: int) -> None:
    for destinations in range(40):
        relays = relays_of(destinations, slots)
        assert slots + relays * (slots - 1) >= destinations
        assert relays == 0 or slots + (relays - 1) * (slots - 1) < destinations
    assert relays_of(1, 1) == 0
    assert relays_of(2, 1) > 10**6, "none helps"


def test_a_relay_is_a_layer_of_one_word_for_each_pair_of_channels() -> None:
    layer = build_layer(out=5, kernel=3, input_shape=(2, 8, 6), bias=[1] * 5)
    assert relay_memory(layer, 3) == Memory(kernel=3 * 4, neuron=3 * 8 * 4, bias=0)


# --- one of each ------------------------------------------------------------------------------------------------------


def test_channels_are_shared_out_evenly_as_far_as_there_is_room() -> None:
    for rooms, expected in (([4, 4, 4], (3, 3, 4)), ([2, 8], (2, 8)), ([6, 5], (5, 5)), ([7, 1, 2], (1, 2, 7))):
        layers = linked([[]], [sum(expected)])
        plan = arrange(layers, chip := chip_of(*((64, n, 0) for n in rooms)), free(layers, chip))
        assert plan is not None
        ((copy,),) = plan
        assert tuple(sorted(copy.channels)) == expected
        assert copy.links == ()


def test_a_pinned_part_has_what_fits_its_core() -> None:
    layers = linked([[]], [6])
    chip = chip_of((64, 8, 0), (64, 1, 0), (64, 4, 0), (64, 16, 0))
    for pins, expected in (((2, 1, 0), (2, 1, 3)), ((3, 0, 2), (2, 2, 2)), ((1, 3), (1, 5)), ((0, 3), (3, 3))):
        wishes = free(layers, chip, parts=(len(pins),), pins=(pins,))
        assert arrange(layers, chip, wishes) == ((Copy(links=(), channels=expected),),)
    assert arrange(layers, chip, free(layers, chip, parts=(2,), pins=((1, 2),))) is None
    none = chip_of((64, 0, 0), (64, 16, 0))
    assert arrange(layers, none, free(layers, none, parts=(2,), pins=((0, 1),))) is None


def test_a_relay_lies_where_no_layer_has_room() -> None:
    """Kernels of eight words fill four cores; the relay of one word has the fifth, if that has room for one."""
    layers = linked([[1, 2, 3], [], [], []], [1, 1, 1, 1], 1, 8)
    for core, there in (((1, 1, 0), True), ((0, 64, 0), False), ((64, 0, 0), False)):
        chip = chip_of(*[(8, 64, 0)] * 4, core)
        plan = arrange(layers, chip, free(layers, chip))
        assert plan == (tuple((Copy(links=n, channels=(1,)),) for n in ((0, 1, 2), (), (), ())) if there else None)


def test_a_pinned_layer_leaves_other_cores_of_its_kind_to_others() -> None:
    """Two large cores and a small one: the second layer, pinned to a large one, leaves the other to the first."""
    layers = linked([[1], []], [4, 1])
    chip = chip_of((64, 4, 0), (64, 4, 0), (64, 1, 0))
    for pins in ((0,), (1,), (2,)):
        assert arrange(layers, chip, free(layers, chip, parts=(None, 1), pins=(None, pins))) == (
            (Copy(links=(0,), channels=(4,)),),
            (Copy(links=(), channels=(1,)),),
        )
    assert arrange(layers, chip, free(layers, chip, parts=(1, 1), pins=(None, (0,)), cores=(0, 2))) is None


def test_links_whose_spikes_meet_stay_with_one_copy() -> None:
    """Of five targets the first and the last feed the sixth layer; channels are too many for relays."""
    layers = linked([[1, 2, 3, 4], [5], [], [], [5], []], [8, 1, 1, 1, 1, 1], inputs=1)
    chip = chip_of(*[(8, 64, 0)] * 8)
    plan = arrange(layers, chip, free(layers, chip))
    assert plan is not None
    assert [copy.links for copy in plan[0]] == [(0, 3), (1, 2)]


def test_spikes_meet_by_way_of_a_third_layer() -> None:
    """The first and the third target have none in common, but each has one with the second: one copy for all three."""
    chip = chip_of(*[(8, 64, 0)] * 9)
    for second, groups in (([4], [(0, 1), (2,)]), ([4, 5], None)):
        layers = linked([[1, 2, 3], [4], second, [5], [], []], [8, 1, 1, 1, 1, 1])
        plan = arrange(layers, chip, free(layers, chip))
        assert (plan and [copy.links for copy in plan[0]]) == groups


def test_each_copy_of_a_target_takes_a_slot() -> None:
    """The second layer feeds three and needs a copy, with which the first one feeds three and needs one, too.

    Their relays would take more kernel words than are left: two large cores hold the second layer and its copy.
    """
    targets: list[list[int]] = [[1, 2], [3, 4, 5], [], [], [], []]
    channels, inputs = [8, 16, 1, 1, 1, 1], [1, 8, 8, 16, 16, 16]
    layers = tuple(linked(targets, channels, 1, n)[i] for i, n in enumerate(inputs))
    chip = chip_of(*[(16, 64, 0)] * 6, *[(128, 64, 0)] * 2)
    plan = arrange(layers, chip, free(layers, chip))
    assert plan is not None
    assert [copy.links for copy in plan[0]] == [(0,), (1,)]
    assert [len(copies) for copies in plan] == [2, 2, 1, 1, 1, 1]
