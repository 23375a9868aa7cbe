"""Python's interpreter, told what a server is: much that stays, few circles, and nobody who may wait."""

import gc
import sys

_THRESHOLDS = (20_000, 50, 100)  #: objects; by default a full collection is due every few hundred requests
_SWITCH_S = 0.0005  #: a model's thread that comes back from its library waits this long for the loop, by default 5 ms


def settle() -> None:
    """Call when something large has been loaded: what is there now is never looked through again, and the rest seldom.

    Without it the ingress spends a seventh of its time looking for garbage among modules and models.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    sys.setswitchinterval(_SWITCH_S)
