"""The chip's event camera as the source of a network: what its DVS layer can do is taken out of the network."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from nirdynap.chips.chip import Camera, Chip, chip_names, load_chip
from nirdynap.errors import (
    BAD_OPTION,
    DVS_CHANNELS,
    DVS_DESTINATIONS,
    DVS_POOLING,
    DVS_REGION,
    DVS_TARGET,
    NO_CAMERA,
    CompileError,
    Diagnostic,
    in_words,
    node_place,
    raise_errors,
)
from nirdynap.ir.dvs import DvsLayer, Polarity
from nirdynap.ir.layers import AnyLayer
from nirdynap.ir.network import Network, Pool
from nirdynap.ir.units import Pair, Shape, shape_text
from nirdynap.lower.arrange import Plan
from nirdynap.lower.region import without_regions
from nirdynap.passes.average_pools import average_pools
from nirdynap.passes.rewrite import bypassed, credited, replaced


@dataclass(frozen=True, slots=True, kw_only=True)
class DvsOptions:
    """How a network looks through the camera. Its input is the region of the camera that begins at `origin`.

    Both polarities are merged where the network takes in one channel.

    Attributes:
        polarity: events that pass, "both", "on" or "off".
        pooling: (y, x) in front of the network's input, besides pools that the network begins with.
        origin: (y, x) of the region's first pixel on the camera, a multiple of `pooling`.
        mirror_y, mirror_x: rows, columns of the region change their order.
        mirror_diagonal: then y and x change places.
        pass_sensor_events: the chip's own camera is the source; else only events that are sent to the chip are.
    """

    polarity: Polarity = "both"
    pooling: Pair = (1, 1)
    origin: Pair = (0, 0)
    mirror_y: bool = False
    mirror_x: bool = False
    mirror_diagonal: bool = False
    pass_sensor_events: bool = True


def camera_shape(chip: Chip) -> Shape:
    """(2, H, W) of the events of the chip's camera."""
    assert chip.camera is not None
    return (2, *chip.camera.size)


def behind_camera(network: Network, chip: Chip, dvs: bool | DvsOptions) -> tuple[Network, DvsLayer | None]:
    """The network behind the DVS layer, and the layer; (network, None) without one.

    Regions, polarities and pools that the network begins with become those of the layer, pools as far as it has such
    sizes. The rest of the network sees the same counts.

    Raises:
        CompileError: ND126 bad options, ND390 no camera, ND391 beyond the camera, ND392 pooling, ND393 channels.
    """
    if dvs is False:
        return network, None
    if chip.camera is None:
        raise CompileError([no_camera(chip)])
    options = DvsOptions() if dvs is True else dvs
    raise_errors(_option_findings(options, chip.camera))
    network, options = without_regions(network, options)
    network, options = _without_pools(average_pools(network), chip.camera, options)
    layer = in_front(network, options)
    assert layer is not None
    raise_errors(_fit_findings(network, layer, chip))
    return network, layer


def in_front(network: Network, dvs: bool | DvsOptions) -> DvsLayer | None:
    """The DVS layer through which the network looks as it is, nothing taken out of it; None without one."""
    if dvs is False:
        return None
    options = DvsOptions() if dvs is True else dvs
    channels, *map_size = network.input.input_shape
    height, width = map_size[::-1] if options.mirror_diagonal else map_size
    return DvsLayer(
        polarity=options.polarity,
        merge=channels == 1,
        pooling=options.pooling,
        origin=(options.origin[0] // options.pooling[0], options.origin[1] // options.pooling[1]),
        size=(height, width),
        mirror_y=options.mirror_y,
        mirror_x=options.mirror_x,
        mirror_diagonal=options.mirror_diagonal,
        pass_sensor_events=options.pass_sensor_events,
    )


def no_camera(chip: Chip) -> Diagnostic:
    """The chip has none, or none that is known."""
    with_one = ", ".join(name for name in chip_names() if load_chip(name).camera)
    return NO_CAMERA.at("$.dvs", chip=chip.name, limit=with_one)


def camera_findings(
    layers: tuple[AnyLayer, ...], plan: Plan | None, dvs: DvsLayer | None, chip: Chip
) -> Iterator[Diagnostic]:
    """Do the cores that the camera feeds take in what it gives, and are there slots for all of them?

    Without a plan each layer counts as one core.
    """
    if dvs is None:
        return
    assert chip.camera is not None
    parts = [1] * len(layers) if plan is None else [sum(len(copy.channels) for copy in copies) for copies in plan]
    slots = sum(len(layer.input_shifts) * number for layer, number in zip(layers, parts, strict=True))
    if slots > chip.camera.destinations:
        yield DVS_DESTINATIONS.at("$.dvs", value=slots, limit=chip.camera.destinations)
    for layer in layers:
        for shift in layer.input_shifts:
            yield from target_finding(node_place(layer.name), dvs, shift, layer.input_shape)


def target_finding(place: str, dvs: DvsLayer, shift: int, room: Shape) -> Iterator[Diagnostic]:
    """Does a core that takes in `room` (C, H, W) take in what the DVS layer gives, and nothing else?

    The layer cannot move channels, and the vendor's validation refuses maps of another size (docs/hardware.md,
    section validate_configuration).
    """
    if shift or room != dvs.output_shape:
        given = shape_text(dvs.output_shape) + f" from channel {shift} on" * bool(shift)
        yield DVS_TARGET.at(place, value=given, limit=shape_text(room))


def _option_findings(options: object, camera: Camera) -> Iterator[Diagnostic]:
    if not isinstance(options, DvsOptions):
        yield _bad("", options, "True, False or DvsOptions")
        return
    if options.polarity not in ("both", "on", "off"):
        yield _bad(".polarity", options.polarity, "both, on or off")
    for name in ("mirror_y", "mirror_x", "mirror_diagonal", "pass_sensor_events"):
        if not isinstance(getattr(options, name), bool):
            yield _bad(f".{name}", getattr(options, name), "True or False")
    pairs = {"pooling": options.pooling, "origin": options.origin}
    wrong = [name for name, pair in pairs.items() if not _is_pair(pair)]
    for name in wrong:
        least = 1 if name == "pooling" else 0
        yield _bad(f".{name}", pairs[name], f"two whole numbers (y, x) from {least} up")
    if wrong:
        return
    if any(size not in camera.poolings for size in options.pooling):
        yield pooling_finding("$.dvs.pooling", options.pooling, camera)
    elif any(start % size for start, size in zip(options.origin, options.pooling, strict=True)):
        yield _bad(".origin", options.origin, f"multiples of the pooling {options.pooling}")


def _is_pair(pair: object) -> bool:
    return isinstance(pair, tuple) and len(pair) == 2 and all(type(n) is int and n >= 0 for n in pair)


def _bad(path: str, value: object, limit: str) -> Diagnostic:
    return BAD_OPTION.at(f"$.dvs{path}", parameter=f"dvs{path}", value=in_words(value), limit=limit)


def pooling_finding(place: str, size: Pair, camera: Camera) -> Diagnostic:
    """The camera has no such pooling (y, x)."""
    return DVS_POOLING.at(place, value=shape_text(size), limit=", ".join(map(str, camera.poolings)))


def _fit_findings(network: Network, dvs: DvsLayer, chip: Chip) -> Iterator[Diagnostic]:
    assert chip.camera is not None
    channels = network.input.input_shape[0]
    if channels not in (1, 2):
        yield DVS_CHANNELS.at(node_place(network.input.name), value=channels, limit="2, or 1 when merged")
    if any(pixels > side for pixels, side in zip(dvs.reach, chip.camera.size, strict=True)):
        yield DVS_REGION.at("$.dvs", value=shape_text(dvs.reach), limit=shape_text(chip.camera.size))
    for pool in network.targets(network.input.name):
        # What is left goes into the first convolution's stride, as without a camera: no stride, no way.
        if isinstance(pool, Pool) and any(size not in chip.limits.strides for size in pool.size):
            yield pooling_finding(node_place(pool.name), pool.size, chip.camera)


def _without_pools(network: Network, camera: Camera, options: DvsOptions) -> tuple[Network, DvsOptions]:
    """The network without the pooling that all of its input's targets begin with, and the camera with it."""
    while (size := _common_size(network, camera, options)) != (1, 1):
        pooling = (options.pooling[0] * size[0], options.pooling[1] * size[1])
        options = dataclasses.replace(options, pooling=pooling)
        network = _divided(network, size[::-1] if options.mirror_diagonal else size)
    return network, options


def _common_size(network: Network, camera: Camera, options: DvsOptions) -> Pair:
    """The largest pooling (y, x), along the camera's axes, that the DVS layer can take over from all targets.

    What is left of a pool must be square, since it becomes part of a kernel: so both sides grow together.
    """
    y, x = (_common_sizes(network, camera, options, axis) for axis in (0, 1))
    pools = [t for t in network.targets(network.input.name) if isinstance(t, Pool)]
    turned = [pool.size[::-1] if options.mirror_diagonal else pool.size for pool in pools]
    pairs = ((a, b) for a in y for b in x if all(size[0] // a == size[1] // b for size in turned))
    return max(pairs, default=(1, 1))


def _common_sizes(network: Network, camera: Camera, options: DvsOptions, axis: int) -> list[int]:
    """The poolings along one of the camera's axes.

    Windows must lie as they do in the network: the region begins with a whole one, and where it is mirrored ends with
    one. What a network drops at the end of its map would otherwise be what the camera has at the beginning.
    """
    along = 1 - axis if options.mirror_diagonal else axis
    sizes = [t.size[along] if isinstance(t, Pool) else 1 for t in network.targets(network.input.name)]
    side = network.input.input_shape[1 + along]
    mirrored = (options.mirror_y, options.mirror_x)[axis]
    return [
        n
        for n in camera.poolings
        if options.pooling[axis] * n in camera.poolings
        and options.origin[axis] % (options.pooling[axis] * n) == 0
        and all(size % n == 0 for size in sizes)
        and not (mirrored and side % n)
    ]


def _divided(network: Network, size: Pair) -> Network:
    """The network behind an input that is pooled already, by `size` (y, x) along the network's axes."""
    entry = network.input
    channels, height, width = entry.input_shape
    shape = (channels, height // size[0], width // size[1])
    pools = [t for t in network.targets(entry.name) if isinstance(t, Pool)]
    for pool in pools:
        rest = (pool.size[0] // size[0], pool.size[1] // size[1])
        network = replaced(network, dataclasses.replace(pool, input_shape=shape, size=rest))
        if rest == (1, 1):
            for target in network.targets(pool.name):
                network = replaced(network, credited(target, pool.origin))
            network = bypassed(network, pool.name)
    return replaced(network, dataclasses.replace(entry, input_shape=shape))
