"""The DVS layer in the vendor's words, and back (docs/hardware.md, section Configuration tree)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from nirdynap.errors import CAMERA_OR_RECORDING, MONITOR_STARTS_CAMERA, Diagnostic
from nirdynap.export.samna_tree import DvsLayerConfig, DvsLayerDestination, Mirror, Vec2
from nirdynap.ir.dvs import DvsLayer, Polarity
from nirdynap.ir.spec import InputPort
from nirdynap.ir.units import Pair

DVS_LAYER = 13  # where monitored spikes of the DVS layer come from (docs/hardware.md, section Identifiers)
DVS_NAME = "dvs"  # what sinabs calls it among the layers to monitor


def dvs_config(dvs: DvsLayer, inputs: tuple[InputPort, ...], monitor: bool) -> DvsLayerConfig:
    """The layer's settings; its events go to `inputs`, in that order."""
    slots = [DvsLayerDestination(enable=True, layer=port.core) for port in inputs]
    last = (dvs.origin[0] + dvs.size[0] - 1, dvs.origin[1] + dvs.size[1] - 1)
    return DvsLayerConfig(
        off_channel=dvs.polarity != "on",
        on_channel=dvs.polarity != "off",
        merge=dvs.merge,
        pooling=_vec2(dvs.pooling),
        origin=_vec2(dvs.origin),
        cut=_vec2(last),
        mirror=Mirror(x=dvs.mirror_x, y=dvs.mirror_y),
        mirror_diagonal=dvs.mirror_diagonal,
        destinations=tuple([*slots, DvsLayerDestination(), DvsLayerDestination()][:2]),
        pass_sensor_events=dvs.pass_sensor_events,
        monitor_enable=monitor,
    )


def read_camera(layer: Any) -> tuple[DvsLayer | None, tuple[InputPort, ...]]:
    """A ``DvsLayerConfig`` of samna and the cores that it feeds; (None, ()) if none of its events reaches a core."""
    inputs = tuple(InputPort(slot.layer, 0) for slot in layer.destinations if slot.enable)
    if not inputs or not (layer.on_channel or layer.off_channel):
        return None, ()
    polarity: Polarity = "both" if layer.on_channel and layer.off_channel else "on" if layer.on_channel else "off"
    dvs = DvsLayer(
        polarity=polarity,
        merge=layer.merge,
        pooling=(layer.pooling.y, layer.pooling.x),
        origin=(layer.origin.y, layer.origin.x),
        size=(layer.cut.y - layer.origin.y + 1, layer.cut.x - layer.origin.x + 1),
        mirror_y=layer.mirror.y,
        mirror_x=layer.mirror.x,
        mirror_diagonal=layer.mirror_diagonal,
        pass_sensor_events=layer.pass_sensor_events,
    )
    return dvs, inputs


def monitor_findings(dvs: DvsLayer | None, watched: Collection[int]) -> Iterator[Diagnostic]:
    """Monitoring the layer is no way to look on silently: it starts the camera."""
    if dvs is not None and DVS_LAYER in watched and not dvs.pass_sensor_events:
        yield MONITOR_STARTS_CAMERA.at("$.monitor")


def camera_finding(dvs: DvsLayer | None, config: Any, *, recording: bool) -> Iterator[Diagnostic]:
    """Either a recording is played or the camera is listened to; both at once would be neither."""
    camera = dvs is not None and config.dvs_layer.pass_sensor_events
    if camera and recording:
        found = "and would send events between those of the recording"
        remedy = "Board.listen, or converting with DvsOptions(pass_sensor_events=False) to play recordings"
        yield CAMERA_OR_RECORDING.at("$.device", value="on", found=found, remedy=remedy)
    if not camera and not recording:
        found = "and nothing else is there to listen to"
        remedy = "Board.run with a recording, or converting with dvs=True"
        yield CAMERA_OR_RECORDING.at("$.device", value="off", found=found, remedy=remedy)


def _vec2(pair: Pair) -> Vec2:
    return Vec2(x=pair[1], y=pair[0])
