"""A stand-in for samna, as far as it is documented: configuration classes, validation, and boards that compute.

Give it wherever a function takes `samna`: a configuration can be made, changed and validated without the vendor's
package or network. The board computes event by event, in samna's own order of axes, from the configuration object
alone; it is the slow check of the export (20 s for 0.3 s of N-MNIST), not a simulator to work with: `simulate` is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from nirdynap.errors import DEAD_END
from nirdynap.export.samna_config import EXPORTABLE
from nirdynap.export.samna_reading import from_samna
from nirdynap.ir.events import Events
from nirdynap.lower.validate import validate
from nirdynap.testing import samna_classes
from nirdynap.testing.samna_board import Handle, Sink, Source


def samna_stand_in(boards: Iterable[str] = (), *, scene: Events | None = None) -> Any:
    """What ``import samna`` would give, for Speck 2e and 2f, with boards of those device type names connected.

    Each time the stop watch of a board starts, its camera (where it feeds the DVS layer) sees the `scene`.

    What no page says is chosen here: values out of range are refused when they are set; `validate_configuration`
    gives the findings of `nirdynap.validate`, warnings included, as its message; an unused core has no weights.

    Example:
        >>> samna = samna_stand_in()
        >>> config = samna.speck2f.configuration.SpeckConfiguration()
        >>> config.cnn_layers[0].threshold_low = 0
        Traceback (most recent call last):
        ValueError: CnnLayerConfig.threshold_low takes (-32768, -1), not 0
    """
    connected = [SimpleNamespace(device_type_name=name, usb_device_address=i) for i, name in enumerate(boards)]
    modules = {chip: _module(chip) for chip in EXPORTABLE}
    device = SimpleNamespace(
        get_all_devices=lambda: list(connected),
        open_device=lambda info: Handle(info, modules[_chip_of(info.device_type_name)], scene),
        close_device=Handle.close,
    )
    nodes: dict[str, Any] = {f"BasicSourceNode_{chip}_event_input_event": Source for chip in EXPORTABLE}
    nodes |= {f"BasicSinkNode_{chip}_event_output_event": Sink for chip in EXPORTABLE}
    return SimpleNamespace(**modules, **nodes, device=device, graph=SimpleNamespace(EventFilterGraph=EventFilterGraph))


class EventFilterGraph:
    """Nodes in a row: what comes out of one goes into the next while the graph is started."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []

    def sequential(self, nodes: list[Any]) -> None:
        """Put nodes in a row."""
        self._nodes = nodes

    def start(self) -> None:
        """Connect them."""
        source, target = self._nodes
        source.target = target

    def stop(self) -> None:
        """Part them."""
        self._nodes[0].target = None


def _module(chip: str) -> Any:
    classes = {name: kind for name, kind in vars(samna_classes).items() if _is_class(kind)}
    event = SimpleNamespace(Spike=classes.pop("Spike"), DvsEvent=classes.pop("DvsEvent"))
    configuration = SimpleNamespace(**classes)

    def validate_configuration(config: Any) -> tuple[bool, str]:
        message = "\n".join(_faults(config, chip))
        return not message, message

    return SimpleNamespace(configuration=configuration, event=event, validate_configuration=validate_configuration)


def _is_class(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, samna_classes.Strict) and value is not samna_classes.Strict


def _chip_of(device_type: str) -> str:
    return next(chip for chip in EXPORTABLE if device_type.lower().startswith(chip))


def _faults(config: Any, chip: str) -> Iterator[str]:
    """Rules between the attributes; each attribute's own range was seen to when it was set."""
    for i, layer in enumerate(config.cnn_layers):
        size, kernel = layer.dimensions.kernel_size, np.shape(layer.weights)[2:]
        if np.size(layer.weights) and kernel != (size, size):
            yield f"cnn_layers[{i}].weights: kernels are {kernel}, kernel_size is {size}"
        if layer.leak_internal_slow_clk_enable and not layer.leak_enable:
            yield f"cnn_layers[{i}].leak_internal_slow_clk_enable needs leak_enable"
    if config.dvs_filter.hot_pixel_filter_enable and config.dvs_filter.low_pass_mode_enable:
        yield "dvs_filter: hot_pixel_filter_enable and low_pass_mode_enable exclude each other"
    spec = from_samna(config, chip)
    for finding in validate(spec, chip):
        if finding.code == DEAD_END.code:
            continue  # a core that is not monitored may be an output all the same
        # Which map comes from outside a configuration does not say, but for that of the camera.
        if spec.dvs is not None or not finding.place.startswith("$.inputs"):
            yield str(finding)
