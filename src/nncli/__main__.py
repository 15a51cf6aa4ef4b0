"""The command `nncli`, and `python -m nncli`."""

from __future__ import annotations

import signal
import sys


def run() -> int:
    """The program."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # while it is loaded, Ctrl-C just ends it
    from nncli.cli import run as run_command_line

    return run_command_line()


if __name__ == "__main__":
    sys.exit(run())
