"""The command `nncli`, and `python -m nncli`."""

from __future__ import annotations

import gc
import signal
import sys

# New objects, instead of 700, before Python looks for cycles among them: loading makes 60,000, and hardly a cycle.
YOUNG = 200_000


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
