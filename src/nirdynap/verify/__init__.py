"""Float network, lowered network, clocked and event-driven integers: the same input on each, side by side."""

import sys
from types import ModuleType

from nirdynap.verify.divergence import Difference as Difference
from nirdynap.verify.ladder import verify as verify
from nirdynap.verify.metrics import Agreement as Agreement
from nirdynap.verify.verification import Comparison as Comparison
from nirdynap.verify.verification import Rung as Rung
from nirdynap.verify.verification import RungLayer as RungLayer
from nirdynap.verify.verification import Verification as Verification


class _CallableRoom(ModuleType):
    # The room and the public function share a name. Whoever imports a module of this room first makes Python bind
    # `nirdynap.verify` to the room, so the room answers a call as the function does.
    __call__ = staticmethod(verify)


sys.modules[__name__].__class__ = _CallableRoom
