import torch

from nirdynap.nn import dynapcnn_to_torch
from nirdynap.testing.conformance import ClockedConformance


class TestDynapcnnModel(ClockedConformance):
    def run(self, spec, raster, *, saturate, spikes_per_step):
        model = dynapcnn_to_torch(spec, saturate=saturate, spikes_per_step=spikes_per_step, record="all")
        return model.run(torch.from_numpy(raster.copy()))
