from nirdynap.sim import EventSimulator
from nirdynap.testing.conformance import EventConformance


class TestEventSimulator(EventConformance):
    def run(self, spec, recording, *, order, emission, bias_clock_us, duration_us):
        simulator = EventSimulator(spec, order=order, emission=emission, bias_clock_us=bias_clock_us)
        return simulator.run(recording, record="all", duration_us=duration_us)
