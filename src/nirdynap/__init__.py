"""Spiking networks from NIR to DYNAP-CNN / Speck: exact lowering, exact simulation, proof of equivalence.

The names below are the public ones. They are loaded on first use, so that `import nirdynap` is cheap and no command
pays for torch or numba unless it needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nirdynap.calibrate.options import Calibrate as Calibrate
    from nirdynap.chips.chip import Chip as Chip
    from nirdynap.chips.chip import chip_names as chip_names
    from nirdynap.chips.chip import load_chip as load_chip
    from nirdynap.comparison import diff as diff
    from nirdynap.compile import check as check
    from nirdynap.compile import nir_to_dynapcnn as nir_to_dynapcnn
    from nirdynap.errors import CompileError as CompileError
    from nirdynap.errors import DeviceError as DeviceError
    from nirdynap.errors import Diagnostic as Diagnostic
    from nirdynap.errors import InputError as InputError
    from nirdynap.errors import NirdynapError as NirdynapError
    from nirdynap.errors import StoreError as StoreError
    from nirdynap.evaluate import evaluate as evaluate
    from nirdynap.export.deploy import deploy as deploy
    from nirdynap.export.dynapcnn_to_nir import dynapcnn_to_nir as dynapcnn_to_nir
    from nirdynap.export.nir_writer import write as write
    from nirdynap.export.samna_config import configuration as configuration
    from nirdynap.export.samna_config import to_samna as to_samna
    from nirdynap.export.samna_reading import from_samna as from_samna
    from nirdynap.frameworks.export import to_nir as to_nir
    from nirdynap.frontend import read as read
    from nirdynap.ir.chip_recordings import ChipRecordings as ChipRecordings
    from nirdynap.ir.clock import ExternalClock as ExternalClock
    from nirdynap.ir.clock import InternalClock as InternalClock
    from nirdynap.ir.convention import CONVENTIONS as CONVENTIONS
    from nirdynap.ir.convention import Convention as Convention
    from nirdynap.ir.dvs import DvsLayer as DvsLayer
    from nirdynap.ir.events import Events as Events
    from nirdynap.ir.network import Network as Network
    from nirdynap.ir.readout import ReadoutOptions as ReadoutOptions
    from nirdynap.ir.readout import ReadoutRecord as ReadoutRecord
    from nirdynap.ir.report import Report as Report
    from nirdynap.ir.result import Result as Result
    from nirdynap.ir.spec import Spec as Spec
    from nirdynap.lower.camera import DvsOptions as DvsOptions
    from nirdynap.lower.discretize import discretize_conv_if as discretize_conv_if
    from nirdynap.lower.discretize import discretize_scalar as discretize_scalar
    from nirdynap.lower.discretize import discretize_tensor as discretize_tensor
    from nirdynap.lower.discretize import scale_for_bits as scale_for_bits
    from nirdynap.lower.validate import validate as validate
    from nirdynap.nn.model import dynapcnn_to_torch as dynapcnn_to_torch
    from nirdynap.nn.training import trainable as trainable
    from nirdynap.sim import simulate as simulate
    from nirdynap.store import load as load
    from nirdynap.store import save as save
    from nirdynap.verify import guards as guards
    from nirdynap.verify import locate as locate
    from nirdynap.verify import sensitivity as sensitivity
    from nirdynap.verify import verify as verify

__version__ = "0.1.0"

_ROOMS = {
    "calibrate.options": ("Calibrate",),
    "chips.chip": ("Chip", "chip_names", "load_chip"),
    "comparison": ("diff",),
    "compile": ("check", "nir_to_dynapcnn"),
    "errors": ("CompileError", "DeviceError", "Diagnostic", "InputError", "NirdynapError", "StoreError"),
    "evaluate": ("evaluate",),
    "export.deploy": ("deploy",),
    "export.dynapcnn_to_nir": ("dynapcnn_to_nir",),
    "export.nir_writer": ("write",),
    "export.samna_config": ("configuration", "to_samna"),
    "export.samna_reading": ("from_samna",),
    "frameworks.export": ("to_nir",),
    "frontend": ("read",),
    "ir.chip_recordings": ("ChipRecordings",),
    "ir.clock": ("ExternalClock", "InternalClock"),
    "ir.convention": ("CONVENTIONS", "Convention"),
    "ir.dvs": ("DvsLayer",),
    "ir.events": ("Events",),
    "ir.network": ("Network",),
    "ir.readout": ("ReadoutOptions", "ReadoutRecord"),
    "ir.report": ("Report",),
    "ir.result": ("Result",),
    "ir.spec": ("Spec",),
    "lower.camera": ("DvsOptions",),
    "lower.discretize": ("discretize_conv_if", "discretize_scalar", "discretize_tensor", "scale_for_bits"),
    "lower.validate": ("validate",),
    "nn.model": ("dynapcnn_to_torch",),
    "nn.training": ("trainable",),
    "sim": ("simulate",),
    "store": ("load", "save"),
    "verify": ("guards", "locate", "sensitivity", "verify"),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'nirdynap' has no attribute {name!r}")
    value = getattr(import_module(f"nirdynap.{_HOME[name]}"), name)
    # `verify` is a room as well: the import has bound its name to the room, which can be called like the function.
    return globals().setdefault(name, value)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME} - {"Any", "TYPE_CHECKING", "annotations", "import_module"})
