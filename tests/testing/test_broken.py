"""Networks that break one rule: that one, wherever it is, and no other."""

from __future__ import annotations

import nir
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

import nirdynap.testing
from nirdynap import errors
from nirdynap.chips.chip import chip_names
from nirdynap.compile import check
from nirdynap.errors import errors_of
from nirdynap.testing import RULES, networks

WEIGHTS = (nir.Conv2d, nir.Linear, nir.Affine)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), chip=st.sampled_from(chip_names()))
def test_that_rule_and_no_other(rule, data, chip):
    report = check(data.draw(networks(chip=chip, breaks=rule)), chip, convention="torch")
    code = getattr(errors, rule.upper()).code
    assert {d.code for d in errors_of(report.diagnostics)} == {code}


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "too_many_layers"])
def test_the_shrink_target_is_the_broken_layer_alone(rule):
    quick = settings(max_examples=20, database=None, phases=[Phase.generate, Phase.shrink])
    smallest = find(networks(breaks=rule), lambda _: True, settings=quick)
    assert sum(isinstance(node, WEIGHTS) for node in smallest.nodes.values()) <= 1


@settings(max_examples=25)
@given(networks(breaks="stride", min_layers=2, max_layers=3, nested=False))
def test_layers_are_counted_with_the_broken_one(drawn):
    kinds = [isinstance(node, WEIGHTS) for name, node in drawn.nodes.items() if not name.startswith("norm")]
    assert 2 <= sum(kinds) <= 3


def test_a_code_is_a_name_too():
    assert repr(networks(breaks="ND311")) == repr(networks(breaks="kernel_size"))
    with pytest.raises(InvalidArgument, match="expected breaks to be one of kernel_size, stride"):
        networks(breaks="ND999")


def test_the_kit_is_found_under_one_name():
    assert set(nirdynap.testing._HOME) <= set(dir(nirdynap.testing))
    assert all(getattr(nirdynap.testing, name) is not None for name in nirdynap.testing._HOME)
    with pytest.raises(AttributeError, match="no attribute 'network'"):
        _ = nirdynap.testing.network
