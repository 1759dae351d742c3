from nirdynap.sim import ClockedSimulator
from nirdynap.testing.conformance import ClockedConformance


class TestClockedSimulator(ClockedConformance):
    def run(self, spec, raster, *, saturate, spikes_per_step):
        return ClockedSimulator(spec, saturate=saturate, spikes_per_step=spikes_per_step).run(raster, record="all")
