"""The options that say who does the work of a command, here or on a cluster."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from nncli.cli.options import switch, value_option
from nncli.config.option import Whole, read_option
from nncli.errors import OptionError, UsageError

if TYPE_CHECKING:
    from nncli.system.connection import Tls
    from nncli.system.workers import Workers

GROUP = "Processes"
worker_option = functools.partial(value_option, group=GROUP)
ADDRESS_HELP = "Dask scheduler to use in place of --jobs: tls://host:8786 or tcp://host:8786."
Address = Annotated[str | None, worker_option("ADDRESS", ADDRESS_HELP)]
Ca = Annotated[str | None, worker_option("FILE", "Certificate of the authority to trust, for tls://.")]
Cert = Annotated[str | None, worker_option("FILE", "Certificate of this program, for tls://.")]
Key = Annotated[str | None, worker_option("FILE", "Private key of this program, for tls://.")]
Insecure = Annotated[bool, switch("--insecure", "Allow tcp://, where anybody can listen and join.", group=GROUP)]
FileJobs = Annotated[str | None, worker_option("N", "Number of files to read at a time, each in its own process.", "1")]


def cores() -> int:
    """Return how many this process may use; where the system cannot say so, as on macOS, how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Place:
    """Who works: so many processes of this machine, or a cluster."""

    jobs: int
    address: str | None
    tls: Tls | None
    insecure: bool

    @classmethod
    def of(cls, jobs: str | None, usual: int, address: str | None, insecure: bool, *tls_files: str | None) -> Place:
        """Read the options; OptionError where they contradict one another. Without `jobs`, there are `usual` ones."""
        tls = _tls(tls_files)
        if address is not None and jobs is not None:
            raise OptionError("jobs", "the cluster says how much is done at a time", "Leave one of them out")
        if address is not None:
            from nncli.system.connection import check_address

            check_address(address, tls, insecure)
        elif tls or insecure:
            raise OptionError("insecure" if insecure else "tls_ca", "there is no --cluster to reach", "Leave it out")
        return cls(count("jobs", jobs) if jobs is not None else usual, address, tls, insecure)

    def works_apart(self, pieces: int) -> bool:
        """Tell whether other processes do the work."""
        return self.address is not None or min(self.jobs, pieces) > 1

    def refuse_stdin(self, *sources: str) -> None:
        """Raise UsageError for stdin, which only one process can read, and only once."""
        if "-" in sources:
            raise UsageError("-", "stdin cannot be one of several files, nor read by other processes", "Name files")

    def seen(self, sources: Sequence[str]) -> list[str]:
        """Name the files as the workers have to: on a cluster, by their whole paths."""
        if self.address is None:
            return list(sources)
        return [str(Path(source).absolute()) if Path(source).exists() else source for source in sources]

    def folder(self) -> contextlib.AbstractContextManager[Path | None]:
        """Make a folder that the workers see too; none with a cluster."""
        from nncli.system import scratch

        return scratch.folder() if self.address is None else contextlib.nullcontext()

    @contextlib.contextmanager
    def workers(self, pieces: int, module: str) -> Iterator[Workers]:
        """Start workers for so many calls of a function of `module`."""
        from nncli.system.cluster import connect
        from nncli.system.processes import Processes
        from nncli.system.workers import SameProcess

        if self.address is not None:
            with connect(self.address, self.tls, self.insecure) as cluster:
                yield cluster
        elif self.works_apart(pieces):
            with Processes(min(self.jobs, pieces), module) as processes:
                yield processes
        else:
            yield SameProcess()


def count(option: str, text: str) -> int:
    """Read an option that is a whole number of at least 1."""
    return int(read_option(option, text, Whole(1)))


def _tls(files: Sequence[str | None]) -> Tls | None:
    given = [file for file in files if file is not None]
    if not given:
        return None
    if len(given) < len(files):
        raise OptionError("tls_ca", "--tls-cert and --tls-key belong to it, and one is missing", "Give all three")
    for file in given:
        if not Path(file).is_file():
            raise OptionError("tls_ca", f"there is no file {file}")
    from nncli.system.connection import Tls

    return Tls(*given)
