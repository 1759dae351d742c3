"""Torch modules."""

from nirdynap.nn.layers import IntegrateAndFire as IntegrateAndFire
from nirdynap.nn.layers import OverTime as OverTime
from nirdynap.nn.layers import SumPool2d as SumPool2d
from nirdynap.nn.layers import reset_states as reset_states
from nirdynap.nn.model import DynapcnnModel as DynapcnnModel
from nirdynap.nn.model import dynapcnn_to_torch as dynapcnn_to_torch
