"""Two networks, or two ways to run one, that should fire alike."""

from __future__ import annotations

from nirdynap.ir.units import DEFAULT_DT_US
from nirdynap.sim.protocol import Recording
from nirdynap.verify.locate import locate
from nirdynap.verify.runs import Runner


def assert_equivalent(
    a: Runner, b: Runner, inputs: Recording, *, dt_us: int = DEFAULT_DT_US, duration_us: int | None = None
) -> None:
    """Fail where two runs of the same input have different spikes, with the first place where they part.

    Every layer's spikes are compared, not the outputs' alone.

    Args:
        a, b: each a Spec (clocked run), `nirdynap.verify.Ran` (a spec with options of a run), a Network as
            `nirdynap.read` makes it (float run), or a simulator that is ready to run, of whatever make.
        inputs: one Events, several (a batch), or counts [time, channel, y, x] or [time, batch, channel, y, x].
        dt_us: length of a time step in microseconds.
        duration_us: length of event recordings in microseconds; default: up to each one's last event.

    Raises:
        AssertionError: the layer, the time and the neuron where they part first, as `nirdynap.locate` tells it.
        InputError: ND720 where the two do not have the same layers; every ND5xx finding about inputs and options.

    Example:
        >>> from nirdynap.testing import build_core, build_spec
        >>> a, b = (build_spec(build_core(0, [[[[w]]]], (1, 1, 1), threshold_high=12)) for w in (5, 6))
        >>> assert_equivalent(a, a, [[[[1]]], [[[1]]]])
        >>> assert_equivalent(a, b, [[[[1]]], [[[1]]]])
        Traceback (most recent call last):
        ...
        AssertionError: conv0 first differs in step 1 ...
        ...
    """
    __tracebackhide__ = True
    divergence = locate(a, b, inputs, dt_us=dt_us, duration_us=duration_us)
    if divergence is not None:
        raise AssertionError(str(divergence))
