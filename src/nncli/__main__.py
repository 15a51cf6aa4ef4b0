"""The command `nncli`, and `python -m nncli`."""

from __future__ import annotations

import gc
import signal
import sys

YOUNG = 50_000  # new objects, instead of 700, before Python looks for cycles: loading makes many, and hardly a cycle


def run() -> int:
    """Run the program, and return its exit code."""
    gc.set_threshold(YOUNG)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # while it is loaded, Ctrl-C just ends it
    from nncli.cli.main import run as run_command_line

    code = run_command_line()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # all is done: what comes now shall not change how it ended
    return code


if __name__ == "__main__":
    sys.exit(run())
