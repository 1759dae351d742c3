"""The same input on each rung from the framework's model down to the chip's own spikes.

The room can be called as its function: nirdynap.verify(source, chip, input).
"""

import inspect
import sys
from types import ModuleType

from nirdynap.verify.divergence import Difference as Difference
from nirdynap.verify.guards import guards as guards
from nirdynap.verify.ladder import verify as verify
from nirdynap.verify.locate import locate as locate
from nirdynap.verify.metrics import Agreement as Agreement
from nirdynap.verify.parting import Divergence as Divergence
from nirdynap.verify.runs import Ran as Ran
from nirdynap.verify.runs import Runner as Runner
from nirdynap.verify.sensitivity import Sensitivity as Sensitivity
from nirdynap.verify.sensitivity import sensitivity as sensitivity
from nirdynap.verify.verification import Comparison as Comparison
from nirdynap.verify.verification import Rung as Rung
from nirdynap.verify.verification import RungLayer as RungLayer
from nirdynap.verify.verification import Verification as Verification
from nirdynap.verify.waterfall import Loss as Loss
from nirdynap.verify.waterfall import Waterfall as Waterfall

__all__ = ["verify"]  # what help() tells of this room: the function's signature and text


class _CallableRoom(ModuleType):
    # The room and the public function share a name. Whoever imports a module of this room first makes Python bind
    # `nirdynap.verify` to the room, so the room answers a call as the function does.
    __call__ = staticmethod(verify)
    __signature__ = inspect.signature(verify)  # else `inspect` takes the first parameter of __call__ for self


sys.modules[__name__].__class__ = _CallableRoom
