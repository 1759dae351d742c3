"""What neither the file nor the caller says, so that the convention had to: told once, with what else it could be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nirdynap.errors import LOWER_BOUND_ASSUMED, NOT_SETTLED, Diagnostic
from nirdynap.frontend.fields import Fields
from nirdynap.ir.convention import Convention
from nirdynap.ir.network import IF, Flatten, Node

_OTHERWISE = {
    "tie": {"fires": "waits", "waits": "fires"},
    "reset": {"subtract": "zero", "zero": "subtract"},
    "v_min": {"none": "-threshold or a number", "-threshold": "none or a number"},
    "spikes_per_step": {"one": "many", "many": "one"},
    "flatten": {"chw": "hwc", "hwc": "chw"},
    "integration": {
        "euler": "exp, euler-raw or exp-raw",
        "exp": "exp-raw, euler or euler-raw",
        "euler-raw": "euler, exp or exp-raw",
        "exp-raw": "exp, euler or euler-raw",
    },
}

# In which settings models of one framework differ although their files do not (measured on the exporters).
# "nir" stands for a file of unknown origin; whether it resets is ND124's business.
_OPEN = {
    "nir": ("tie", "v_min", "spikes_per_step", "flatten", "integration"),
    "sinabs": ("v_min", "spikes_per_step", "integration"),
    "snntorch": ("reset",),
    "mlx-snn": ("reset",),
}


def unsettled(
    convention: Convention,
    given: frozenset[str],
    fields: list[Fields],
    nodes: Iterable[Node],
    *,
    chosen: bool,
) -> Iterator[Diagnostic]:
    """ND134 if the answer depends on a setting that nothing but the convention says.

    Args:
        convention: in use, overrides included.
        given: names of the settings that the caller said for this run.
        fields: the raw nodes, whose metadata may say it.
        nodes: the same nodes, read.
        chosen: did the caller name the convention?
    """
    if chosen and convention.name == "nir":
        return
    said = {d.code for f in fields for d in f.findings}
    by_name = {f.raw.name: f for f in fields}
    choices = []
    for setting in _OPEN.get(convention.name, ()):
        concerned = [n for n in nodes if _matters(setting, n) and by_name[n.name].assumed(setting, given)]
        told = setting == "v_min" and LOWER_BOUND_ASSUMED.code in said
        value = getattr(convention, setting)
        if concerned and not told:
            choices.append(f"{setting} = {value} (or {_OTHERWISE[setting][value]})")
    if choices:
        flags = " or ".join("--" + choice.split()[0].replace("_", "-") for choice in choices)
        remedy = f"saying it ({flags})"
        if not chosen and convention.name == "nir":
            remedy = "the convention of your framework (--convention), which settles most of it, or " + remedy
        found = {"value": convention.name, "origin": _origin(convention, chosen), "choices": ", ".join(choices)}
        yield NOT_SETTLED.at("$", **found, remedy=remedy)


def _origin(convention: Convention, chosen: bool) -> str:
    if chosen:
        return "was asked for"
    return "is taken for want of evidence" if convention.name == "nir" else "was detected"


def _matters(setting: str, node: Node) -> bool:
    """Can the setting change what this node does?"""
    if setting == "flatten":
        return isinstance(node, Flatten) and node.input_shape[0] > 1 and max(node.input_shape[1:]) > 1
    if setting == "integration":
        return isinstance(node, IF) and node.decay is not None
    return isinstance(node, IF)
