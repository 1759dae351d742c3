import pytest
from float_layers import build_layer, chip_of

from nirdynap.chips.chip import load_chip
from nirdynap.errors import node_place
from nirdynap.ir.layers import Link, Readout
from nirdynap.ir.spec import Memory
from nirdynap.lower.rules import RULES, candidates, ki, memory_findings, memory_of_layer, rule_findings

SPECK = load_chip("speck2f")


def link(pooling=(1, 1), target=1):
    return Link(target=target, pooling=pooling, feature_shift=0)


# One row per limit: a layer right at it, a layer just beyond, and what is said about that.
LIMITS = [
    ({"kernel": 16, "input_shape": (1, 16, 16)}, {"kernel": 17, "input_shape": (1, 17, 17)}, "ND311", 17, 16),
    ({"stride": (8, 4)}, {"stride": (1, 3)}, "ND312", "1x3", "1, 2, 4, 8"),
    ({"stride": (1, 2)}, {"stride": (16, 1), "input_shape": (1, 32, 8)}, "ND312", "16x1", "1, 2, 4, 8"),
    ({"padding": (7, 0)}, {"padding": (0, 8)}, "ND313", "0x8", 7),
    ({"links": (link((4, 4)),)}, {"links": (link((3, 3)),)}, "ND314", "3x3", "1, 2, 4"),
    ({"links": (link((2, 2)),)}, {"links": (link((2, 4)),)}, "ND314", "2x4", "1, 2, 4"),
    (
        {"readouts": (Readout(pooling=(2, 2), name="out"),)},
        {"readouts": (Readout(pooling=(6, 6), name="out"),)},
        "ND314",
        "6x6",
        "1, 2, 4",
    ),
    ({"links": (link((4, 4)),)}, {"links": (link((4, 4)),), "input_shape": (1, 8, 5)}, "ND321", "4x4", "6x3"),
    ({"links": (link((4, 4)),)}, {"links": (link((4, 4)),), "input_shape": (1, 5, 8)}, "ND321", "4x4", "3x6"),
    (
        {"input_shape": (1, 128, 128), "stride": (2, 2)},
        {"input_shape": (1, 129, 8), "stride": (2, 2)},
        "ND315",
        "129x8",
        "128x128",
    ),
    (
        {"input_shape": (1, 128, 128), "stride": (2, 2)},
        {"input_shape": (1, 8, 129), "stride": (2, 2)},
        "ND315",
        "8x129",
        "128x128",
    ),
    ({"input_shape": (1, 66, 66)}, {"input_shape": (1, 8, 67)}, "ND316", "6x65", "64x64"),
    ({"input_shape": (1, 66, 66)}, {"input_shape": (1, 67, 8)}, "ND316", "65x6", "64x64"),
    ({"input_shape": (1024, 3, 3)}, {"input_shape": (1025, 3, 3)}, "ND317", 1025, 1024),
    ({"out": 1024, "input_shape": (1, 3, 3)}, {"out": 1025, "input_shape": (1, 3, 3)}, "ND318", 1025, 1024),
]


@pytest.mark.parametrize(("at", "beyond", "code", "value", "limit"), LIMITS)
def test_each_limit(at, beyond, code, value, limit):
    assert list(rule_findings((build_layer("here", **at),), SPECK)) == []
    found = [d for d in rule_findings((build_layer("there", **beyond),), SPECK) if d.code == code]
    assert [(d.place, d.value, d.limit) for d in found] == [(node_place("there"), value, limit)]


def test_pooling_that_leaves_nothing_is_named_as_the_reason():
    (finding,) = rule_findings((build_layer(links=(link((4, 4)),), input_shape=(1, 5, 5)),), SPECK)
    assert finding.found == "pooling 4x4 leaves no neuron or pixel of a 3x3 map"


def test_all_findings_of_all_layers_come_at_once_and_in_order():
    bad = {"stride": (3, 3), "padding": (8, 8), "links": (link((3, 3)),)}
    findings = list(rule_findings((build_layer("a", **bad), build_layer("b"), build_layer("c", **bad)), SPECK))
    assert [(d.place, d.code) for d in findings] == [
        (node_place(name), code) for name in ("a", "c") for code in ("ND312", "ND313", "ND314")
    ]


def test_every_rule_says_what_it_is_about():
    assert all(rule.__doc__ for rule in RULES)


def test_as_many_layers_as_cores_and_one_more():
    assert list(rule_findings(tuple(build_layer(f"l{i}") for i in range(9)), SPECK)) == []
    (finding,) = rule_findings(tuple(build_layer(f"l{i}") for i in range(10)), SPECK)
    assert (finding.code, finding.value, finding.limit) == ("ND305", 10, 9)
    mini = load_chip("speck2cmini")
    assert [d.limit for d in rule_findings(tuple(build_layer(f"l{i}") for i in range(6)), mini)] == [5]


def test_memory_is_that_of_the_formulas():
    layer = build_layer(out=5, kernel=3, input_shape=(3, 7, 12), bias=[1.0] * 5)
    assert memory_of_layer(layer) == Memory(kernel=3 * 16 * 8, neuron=5 * 8 * 16, bias=5)
    assert memory_of_layer(layer, 4) == Memory(kernel=3 * 16 * 4, neuron=4 * 8 * 16, bias=4)


@pytest.mark.parametrize(
    ("need", "cores"),
    [
        (Memory(1, 1, 0), tuple(range(9))),
        (Memory(16384, 65536, 1024), (0, 1, 2)),
        (Memory(32768, 32768, 0), (3, 4)),
        (Memory(32769, 16384, 0), (5, 6)),
        (Memory(32768, 16384, 0), (3, 4, 5, 6)),
        (Memory(65536, 16385, 0), ()),
    ],
)
def test_candidates_of_a_speck(need, cores):
    assert candidates(need, SPECK) == cores


def test_the_cores_without_bias_memory_of_a_mini_hold_no_biases():
    mini = load_chip("speck2cmini")
    assert candidates(memory_of_layer(build_layer(bias=[1.0, 1.0])), mini) == (3, 4)
    assert candidates(memory_of_layer(build_layer()), mini) == (0, 1, 2, 3, 4)


def test_each_memory_that_no_core_has_is_a_finding():
    chip = chip_of((64, 64, 0), (128, 32, 0))
    findings = list(memory_findings(build_layer(out=8, input_shape=(2, 8, 8), bias=[1.0] * 8), chip, ""))
    assert [(d.code, d.value, d.limit) for d in findings] == [("ND301", 256, 128), ("ND302", 512, 64), ("ND303", 8, 0)]
    assert "in core 1" in findings[0].found
    assert "in core 0" in findings[1].found


def test_memories_that_only_different_cores_have():
    chip = chip_of((64, 64, 16), (128, 32, 16))
    (finding,) = memory_findings(build_layer(out=2, input_shape=(4, 6, 8)), chip, "")
    assert finding.code == "ND306"
    assert finding.found.startswith("kernel 128, neuron 64, bias 0 words")
    assert finding.found.endswith("(core 0 lacks kernel or core 1 lacks neuron)")


@pytest.mark.parametrize(
    ("words", "said"), [(0, "0"), (1023, "1023"), (1024, "1 Ki"), (1536, "1536"), (65536, "64 Ki")]
)
def test_words_as_people_say_them(words, said):
    assert ki(words) == said
