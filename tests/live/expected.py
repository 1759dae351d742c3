"""Models that are proven, but whose integers are not compared with the live model, each with the reason."""

from __future__ import annotations

from collections.abc import Mapping

_LEAK = "ND212"

NOT_LOWERED: Mapping[str, Mapping[str, str]] = {
    "norse": dict.fromkeys(
        (
            "leak",
            "leak_around_rest",
            "leak_of_everything",
            "leak_per_neuron",
            "leak_subtract",
            "synapse_of_one_step",
        ),
        _LEAK,
    ),
    "rockpool": dict.fromkeys(("leak", "leak_of_another_step", "leak_per_neuron"), _LEAK),
    "sinabs": {
        **dict.fromkeys(("leaky", "leaky_alphas", "leaky_raw"), _LEAK),
        **dict.fromkeys(("average_pools", "pool_as_norm"), "ND314"),  # pools that the chip does not have
        "threshold_per_channel": "ND203",  # one lower bound for all channels
    },
    "snntorch": dict.fromkeys(
        (
            "leak",
            "leak_at_once",
            "leak_in_loop",
            "leak_in_some",
            "leak_lapicque",
            "leak_of_everything",
            "leak_to_zero",
        ),
        _LEAK,
    ),
    "spikingjelly": dict.fromkeys(("leaky_decayed_input", "leaky_learned", "leaky_subtract", "zero_leaky"), _LEAK),
    "spyx": {"leak": _LEAK, "leak_per_pixel": _LEAK, "flat_neurons": "ND212 ND219"},
}
"""Per framework and model: the codes with which lowering refuses it."""

NOT_COMPARED: Mapping[str, Mapping[str, str]] = {
    "sinabs": {"currents_add_up": "one core holds both convolutions, under one scale"},
}
"""Per framework and model: what the live model has no place for."""
