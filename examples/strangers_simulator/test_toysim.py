"""All that is tested here comes from nirdynap.testing: networks, recordings, and what the spikes should be."""

import toysim

from nirdynap import Events
from nirdynap.testing import Abilities, SimulatorConformance


class TestToysim(SimulatorConformance):
    max_examples = 200
    abilities = Abilities(decimators=False, dvs=False, orders=("depth",))

    def run_clocked(self, spec, raster, *, saturate, spikes_per_step):
        return toysim.clocked(spec, raster, saturate=saturate, spikes_per_step=spikes_per_step)

    def run_event(self, spec, recording, *, order, emission, bias_clock_us, duration_us):
        options = {"emission": emission, "bias_clock_us": bias_clock_us, "duration_us": duration_us}
        samples = [toysim.event(spec, list(zip(*rows(e), strict=True)), **options) for e in recording]
        return {core.core: [as_events(sample[core.core]) for sample in samples] for core in spec.cores}


def rows(events):
    return (getattr(events, name).tolist() for name in ("t", "c", "y", "x"))


def as_events(spikes):
    t, c, y, x = zip(*spikes, strict=True) if spikes else ((), (), (), ())
    return Events(t=t, c=c, y=y, x=x)
