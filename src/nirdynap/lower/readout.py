"""The readout block behind an output: its channels lie apart on the chip, and not every output can be read.

Only the memory of the core and its configuration know of the features in between. They have no weight other than zero
and never fire, so simulators leave them out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nirdynap.chips.chip import Chip, ReadoutLimits, chip_names, load_chip
from nirdynap.errors import (
    BAD_OPTION,
    NO_READOUT,
    OUTPUT_BUSY,
    OUTPUT_NOT_PIXEL,
    OUTPUT_SPREAD,
    OUTPUT_UNCLEAR,
    TOO_MANY_CLASSES,
    CompileError,
    Diagnostic,
    errors_of,
    in_words,
    node_place,
)
from nirdynap.ir.layers import Layer
from nirdynap.ir.readout import READOUT_VALUES, ReadoutOptions
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import READOUT_MAX, Pair, Shape, shape_text


class _Read(NamedTuple):
    """An output as the block sees it: its name, channels, map and pooling, and the cores that it feeds besides."""

    name: str
    shape: Shape
    pooling: Pair
    feeds: int


def spread(
    layers: tuple[Layer, ...], readout: bool | ReadoutOptions, chip: Chip
) -> tuple[tuple[Layer, ...], ReadoutOptions | None, tuple[Diagnostic, ...]]:
    """The layers, that of the output with its channels apart, the options with the output's name, and findings.

    Raises:
        CompileError: ND126 bad options, ND334 a chip without the block, ND335 which output is meant.
    """
    if readout is False:
        return layers, None, ()
    if chip.readout is None:
        raise CompileError([_no_readout(chip)])
    options = ReadoutOptions() if readout is True else readout
    findings = list(_option_findings(options, chip.readout))
    if findings:
        raise CompileError(findings)
    reads = {
        read.name: (i, _Read(read.name, layer.neuron_shape, read.pooling, len(layer.links)))
        for i, layer in enumerate(layers)
        for read in layer.readouts
    }
    if (len(reads) > 1 and options.output is None) or options.output not in (None, *reads):
        limit = ", ".join(reads)
        raise CompileError([OUTPUT_UNCLEAR.at("$.readout.output", value=in_words(options.output), limit=limit)])
    at, read = reads[options.output or next(iter(reads))]
    findings += _read_findings(read, options, chip.readout)
    if not errors_of(findings) and chip.readout.spacing > 1:
        features = on_chip(read.shape[0], chip.readout.spacing)
        value, step = f"{features} features", chip.readout.spacing
        findings.append(OUTPUT_SPREAD.at(node_place(layers[at].name), value=value, limit=read.shape[0], step=step))
    apart = dataclasses.replace(layers[at], spacing=chip.readout.spacing)
    done = (*layers[:at], apart, *layers[at + 1 :])
    return done, dataclasses.replace(options, output=read.name), tuple(findings)


def on_chip(channels: int, spacing: int) -> int:
    """Features that so many channels take, with silent ones between."""
    return (channels - 1) * spacing + 1


def block_findings(spec: Spec, chip: Chip) -> Iterator[Diagnostic]:
    """What is wrong with the readout block of a finished spec, as far as the chip bounds it."""
    if spec.readout is None:
        return
    if chip.readout is None:
        yield _no_readout(chip)
        return
    yield from _option_findings(spec.readout, chip.readout)
    if spec.readout.output not in spec.output_names:
        limit = ", ".join(spec.output_names)
        yield OUTPUT_UNCLEAR.at("$.readout.output", value=str(spec.readout.output), limit=limit)
        return
    ports = spec.ports(spec.readout.output)
    cores = [spec.core(port.core) for port in ports]
    channels = sum(core.neuron_shape[0] for core in cores)
    shape = (channels, *cores[0].neuron_shape[1:])
    feeds = max(len(core.destinations) for core in cores)
    yield from _read_findings(_Read(ports[0].name, shape, (ports[0].pooling,) * 2, feeds), spec.readout, chip.readout)


def _read_findings(read: _Read, options: ReadoutOptions, block: ReadoutLimits) -> Iterator[Diagnostic]:
    channels, *size = read.shape
    if channels < options.selected <= block.classes:
        yield _bad(".selected", options.selected, f"a class from 1 to {channels}, or 0 for none")
    if channels > block.classes:
        yield TOO_MANY_CLASSES.at(node_place(read.name), value=channels, limit=block.classes)
    if tuple(size) != read.pooling:
        pooled = f" pooled by {shape_text(read.pooling)}" * (read.pooling != (1, 1))
        yield OUTPUT_NOT_PIXEL.at(node_place(read.name), value=shape_text(size) + pooled)
    if read.feeds:
        yield OUTPUT_BUSY.at(node_place(read.name), value=read.feeds)


def _no_readout(chip: Chip) -> Diagnostic:
    with_one = ", ".join(name for name in chip_names() if load_chip(name).readout)
    return NO_READOUT.at("$.readout", chip=chip.name, limit=with_one)


def _option_findings(options: object, block: ReadoutLimits) -> Iterator[Diagnostic]:
    if not isinstance(options, ReadoutOptions):
        yield _bad("", options, "True, False or ReadoutOptions")
        return
    if options.average not in block.averages:
        yield _bad(".average", options.average, f"one of {_listed(block.averages)} ticks")
    if options.value not in READOUT_VALUES:
        yield _bad(".value", options.value, f"one of {_listed(READOUT_VALUES)}")
    for name, most in (("threshold", READOUT_MAX), ("selected", block.classes)):
        number = getattr(options, name)
        if type(number) is not int or not 0 <= number <= most:
            yield _bad(f".{name}", number, f"a whole number from 0 to {most}")
    always: object = options.always
    if not isinstance(always, bool):
        yield _bad(".always", always, "True or False")


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


def _bad(path: str, value: object, limit: str) -> Diagnostic:
    return BAD_OPTION.at(f"$.readout{path}", parameter=f"readout{path}", value=in_words(value), limit=limit)
