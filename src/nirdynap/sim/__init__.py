"""Exact simulation of a spec on recordings."""

from nirdynap.sim.asynchronous import EventSimulator as EventSimulator
from nirdynap.sim.clocked import ClockedSimulator as ClockedSimulator
from nirdynap.sim.options import instruction_set as instruction_set
from nirdynap.sim.protocol import Simulator as Simulator
from nirdynap.sim.simulation import simulate as simulate
