"""Work that other processes find by its name."""

from __future__ import annotations

import os
import signal

from nncli.system.workers import Stop, never


def mortal(piece: str, shared: int, stop: Stop = never) -> int:
    """Stands in for work that the system ends, as it does when memory runs out."""
    if piece == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return shared
