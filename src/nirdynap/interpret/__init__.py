"""The float run of a network."""

from nirdynap.interpret.result import FloatResult as FloatResult
from nirdynap.interpret.run import interpret as interpret
