"""What the processor can do, as far as the kernels care."""

from __future__ import annotations

from functools import cache

from llvmlite import binding
from numba import config


@cache
def instruction_set() -> str:
    """ "avx512", "avx2" or "plain": what Numba compiles for, here or where its settings say."""
    if config.CPU_FEATURES is not None:
        features = set(config.CPU_FEATURES.split(","))
    elif config.CPU_NAME in (None, "host", binding.get_host_cpu_name()):
        features = {f"+{name}" for name, present in binding.get_host_cpu_features().items() if present}
    else:
        features = set()
    if {"+avx512bw", "+avx512vl"} <= features:
        return "avx512"
    return "avx2" if "+avx2" in features else "plain"
