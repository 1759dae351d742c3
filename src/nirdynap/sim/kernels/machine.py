"""What the processor can do, as far as the kernels care."""

from __future__ import annotations

from functools import cache

from llvmlite import binding
from numba import config


@cache
def features() -> frozenset[str]:
    """What Numba compiles for, here or where its settings say: "+avx2" and the like."""
    if config.CPU_FEATURES is not None:
        return frozenset(config.CPU_FEATURES.split(","))
    if config.CPU_NAME in (None, "host", binding.get_host_cpu_name()):
        return frozenset(f"+{name}" for name, present in binding.get_host_cpu_features().items() if present)
    return frozenset()


def instruction_set() -> str:
    """ "avx512", "avx2" or "plain": which of them, as far as the kernels care."""
    if {"+avx512bw", "+avx512vl"} <= features():
        return "avx512"
    return "avx2" if "+avx2" in features() else "plain"
