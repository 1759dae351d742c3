"""Torch modules."""

from nirdynap.nn.model import DynapcnnModel as DynapcnnModel
from nirdynap.nn.model import dynapcnn_to_torch as dynapcnn_to_torch
