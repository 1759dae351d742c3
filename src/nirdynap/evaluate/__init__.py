"""Whole data sets on any executor: a columnar file with one row for each sample, and a summary.

The room can be called as its function: nirdynap.evaluate(spec, samples).
"""

import inspect
import sys
from types import ModuleType

from nirdynap.evaluate.evaluation import evaluate as evaluate
from nirdynap.evaluate.summary import CoreSummary as CoreSummary
from nirdynap.evaluate.summary import Failure as Failure
from nirdynap.evaluate.summary import OutputSummary as OutputSummary
from nirdynap.evaluate.summary import Spread as Spread
from nirdynap.evaluate.summary import Summary as Summary

__all__ = ["evaluate"]  # what help() tells of this room: the function's signature and text


class _CallableRoom(ModuleType):
    # The room and the public function share a name; see nirdynap.verify.
    __call__ = staticmethod(evaluate)
    __signature__ = inspect.signature(evaluate)


sys.modules[__name__].__class__ = _CallableRoom
