"""How much memory a process takes at its peak.

The system counts for `ru_maxrss` what the parent had when it started the process; VmHWM begins anew with the program.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

PEAK = "int(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"  # KiB
CODE = (
    "import sys; from nncli.cli.main import main; code = main(sys.argv[1:]); "
    f"print({PEAK}, file=sys.stderr); sys.exit(code)"
)


def run(*words: str, **kwargs: Any) -> tuple[subprocess.CompletedProcess[str], int]:
    """Run the command line in a process of its own; return what it came to, and its peak in KiB."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, *words], capture_output=True, text=True, timeout=60, check=False, **kwargs
    )
    *lines, peak = done.stderr.splitlines(keepends=True)
    done.stderr = "".join(lines)
    return done, int(peak)
