"""Word what the operating system refuses, and say what a person can do about it."""

from __future__ import annotations

import errno
import resource
from pathlib import Path

from nncli.errors import NncliError
from nncli.system.output import STDOUT

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
NO_FILES = (errno.EMFILE, errno.ENFILE)  # for this process, and for the whole system
FOLDER_REMOVED = "the working folder has been removed", "Go to another with cd"


def remedy_for(error: OSError, elsewhere: str) -> str:
    """Return what to do about a file that cannot be written. `elsewhere` says how to write another one, in the
    imperative, as "choose another place with -o"; it is all there is to say unless the cause is known."""
    if error.errno == errno.EMFILE:
        allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        return f"Allow more with ulimit -n {most}" if allowed < most else "Have the limit raised (ulimit -n)"
    if error.errno == errno.ENFILE:
        return "End other programs"
    if error.errno in NO_ROOM:
        return f"Make room there, or {elsewhere}"
    if error.errno == errno.EFBIG:
        return f"Allow larger files with ulimit -f, or {elsewhere}"
    return elsewhere[:1].upper() + elsewhere[1:]


def explain(error: OSError) -> NncliError:
    """Return the error that says what the system has refused to the program, and what to do where that is known."""
    problem = error.strerror or str(error)
    if error.filename == STDOUT:
        return NncliError(STDOUT, f"cannot write: {problem}")
    if error.errno == errno.EMFILE:
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return NncliError("nncli", f"too many files are open: {allowed:,} are allowed", remedy_for(error, ""))
    if error.errno == errno.ENFILE:
        return NncliError("nncli", "the system has too many open files", remedy_for(error, ""))
    if error.filename is not None:
        return NncliError(str(error.filename), problem)
    if error.errno == errno.ENOENT and problem.startswith("No usable temporary directory"):
        found = "expected a folder for temporary files that can be written to, found none"
        return NncliError("TMPDIR", found, "Make room in one, or set the variable to another")
    if error.errno == errno.ENOENT and _is_gone(Path()):
        return NncliError("nncli", *FOLDER_REMOVED)
    if error.errno in (*NO_ROOM, errno.EFBIG):
        remedy = remedy_for(error, "set TMPDIR to a folder with room")
        return NncliError("nncli", f"{problem}, most likely for temporary files", remedy)
    return NncliError("nncli", problem)


def _is_gone(folder: Path) -> bool:
    try:
        return not folder.absolute().exists()
    except OSError:
        return True
