"""What a caller hands over where something else is due: said in one way, by every function that takes a spec."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nirdynap.errors import LABEL_OUTSIDE, WRONG_ARGUMENT, Diagnostic, InputError
from nirdynap.ir.events import Events
from nirdynap.ir.spec import Spec


def wrong(parameter: str, value: object, due: str, remedy: str) -> Diagnostic:
    """ND513: `value` is not what `parameter` has to be."""
    return WRONG_ARGUMENT.at(f"$.{parameter}", value=described(value), limit=due, remedy=remedy)


def described(value: object) -> str:
    """A value that nobody expected, in a few words."""
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    if isinstance(value, (str, os.PathLike)):
        return f"the text or path {str(value)!r}"
    if isinstance(value, np.ndarray):
        kind = "a structured array" if is_structured(value) else f"an array of {value.dtype}"
        return f"{kind} of shape {value.shape}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOaeio' else 'a'} {name}"


def check_spec(value: object) -> None:
    """Nothing, for a spec.

    Raises:
        InputError: ND513 for anything else.
    """
    if isinstance(value, Spec):
        return
    remedy = "nirdynap.nir_to_dynapcnn(graph), which makes one, or nirdynap.load(path), which reads one"
    if isinstance(value, (str, os.PathLike)):
        path = str(value)
        remedy = f"nirdynap.{'nir_to_dynapcnn' if path.lower().endswith('.nir') else 'load'}({path!r})"
    raise InputError([wrong("spec", value, "a Spec", remedy)])


def checked_path(value: object, parameter: str = "path") -> Path:
    """`value` as a path.

    Raises:
        InputError: ND513 for what is none.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise InputError([wrong(parameter, value, "the path of a file", "its name, as a text or a pathlib.Path")])
    return Path(value)


def check_recording(value: object) -> None:
    """Nothing, for one Events or several, and for whatever may be numbers, which are looked at later.

    Raises:
        InputError: ND513 for anything else, such as a path, a structured array, or a recording beside its label.
    """
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, Events)):
        others = [part for part in value if not isinstance(part, Events)]
        if 0 < len(others) < len(value):
            raise InputError([wrong("recording", others[0], "one more Events object", "Events alone, without labels")])
    elif is_structured(value) or not (isinstance(value, Events) or hasattr(value, "__array__")):
        raise InputError([wrong("recording", value, "an Events object, several, or a raster", events_of(value))])


def is_structured(value: object) -> bool:
    """Is it an array with named fields?"""
    return isinstance(value, np.ndarray) and value.dtype.names is not None


def check_events(value: object) -> None:
    """Nothing, for Events.

    Raises:
        InputError: ND513 for anything else.
    """
    if not isinstance(value, Events):
        raise InputError([wrong("events", value, "an Events object", events_of(value))])


def label_findings(spec: Spec, labels: Iterable[int], first: int = 0) -> Iterator[Diagnostic]:
    """ND756 for the first label that is the index of no output neuron; `first` is the number of the first sample."""
    neurons = max((math.prod(spec.output_shape(name)) for name in spec.output_names), default=0)
    for sample, label in enumerate(labels, first):
        if not 0 <= label < neurons:
            yield LABEL_OUTSIDE.at(
                "$.label", value=int(label), limit=f"0 to {neurons - 1}" if neurons else "none", sample=sample
            )
            return


def events_of(value: Any) -> str:
    """How to make Events of it."""
    if isinstance(value, np.ndarray):
        return f"nirdynap.Events.from_{'structured' if is_structured(value) else 'raster'}(array)"
    if isinstance(value, (str, os.PathLike)):
        return (
            "nirdynap.Events(t=..., c=..., y=..., x=...) of what numpy.load(path) holds; nirdynap.evaluate takes paths"
        )
    return "nirdynap.Events(t=..., c=..., y=..., x=...), or its from_structured or from_raster"
