"""TensorBoard: the files of events that it reads, written by tensorboardX."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nncli.errors import OutputError
from nncli.tracking.tracker import Status, Tracker, Values

FLUSH = 10  # seconds after which what was told is on the disk


class TensorBoard(Tracker):
    """The events of one run, in a folder of its own: each folder below that which TensorBoard is given is a run."""

    name = "--tensorboard"

    def __init__(self, folder: Path, purge: int | None = None) -> None:
        """Open a folder. Of what is there, the epochs from `purge` on count no more, as they are to come again.
        OutputError where the folder cannot be written."""
        from tensorboardX import SummaryWriter

        try:
            folder.mkdir(parents=True, exist_ok=True)
            # files of the same second would have the same name
            suffix = f".{len([*folder.iterdir()])}"
            self.writer: Any = SummaryWriter(str(folder), purge_step=purge, flush_secs=FLUSH, filename_suffix=suffix)
        except OSError as error:
            problem = f"cannot write: {error.strerror or error}"
            raise OutputError(str(folder), problem, "Choose another place with --tensorboard") from None

    def options(self, options: Values) -> None:
        rows = "".join(f"| {name} | {_in_table(value)} |\n" for name, value in options.items())
        self.writer.add_text("options", f"| option | value |\n|---|---|\n{rows}")

    def epoch(self, number: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self.writer.add_scalar(name, value, number)

    def result(self, options: Values, figures: Mapping[str, float], model: Path | None) -> None:
        from tensorboardX.summary import hparams

        for summary in hparams(dict(options), dict(figures)):
            self.writer.file_writer.add_summary(summary)
        for name, value in figures.items():
            self.writer.add_scalar(name, value)

    def close(self, status: Status) -> None:
        self.writer.close()


def folder_of_run(parent: str, name: str, resumes: bool) -> Path:
    """Return the folder of a run below that of all runs: `name`, or `name-2` … where earlier runs have that; of one
    that is resumed, the last of these."""
    used = 0
    while (folder := Path(parent, name if used == 0 else f"{name}-{used + 1}")).exists():
        used += 1
        last = folder
    return last if resumes and used else folder


def _in_table(value: float | str) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
