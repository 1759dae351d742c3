"""Torch modules."""

from nirdynap.nn.encoders import DeltaToSpikes as DeltaToSpikes
from nirdynap.nn.encoders import ImageToSpikes as ImageToSpikes
from nirdynap.nn.encoders import SignalToSpikes as SignalToSpikes
from nirdynap.nn.event_order import jitter as jitter
from nirdynap.nn.event_order import single_event_steps as single_event_steps
from nirdynap.nn.layers import IntegrateAndFire as IntegrateAndFire
from nirdynap.nn.layers import OverTime as OverTime
from nirdynap.nn.layers import SumPool2d as SumPool2d
from nirdynap.nn.layers import reset_states as reset_states
from nirdynap.nn.maps import Crop2d as Crop2d
from nirdynap.nn.maps import InputPlaceholder as InputPlaceholder
from nirdynap.nn.max_pooling import SpikingMaxPool2d as SpikingMaxPool2d
from nirdynap.nn.model import DynapcnnModel as DynapcnnModel
from nirdynap.nn.model import dynapcnn_to_torch as dynapcnn_to_torch
from nirdynap.nn.rounding import NeuromorphicReLU as NeuromorphicReLU
from nirdynap.nn.rounding import Quantize as Quantize
from nirdynap.nn.training import Activity as Activity
from nirdynap.nn.training import TrainableDynapcnn as TrainableDynapcnn
from nirdynap.nn.training import TrainableLayer as TrainableLayer
from nirdynap.nn.training import trainable as trainable
