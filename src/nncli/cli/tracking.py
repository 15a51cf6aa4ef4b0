"""The options that tell trackers of experiments of a run, for the commands train and sweep."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from nncli.cli.options import switch, value_option
from nncli.errors import OptionError
from nncli.system.output import say

if TYPE_CHECKING:
    from nncli.tracking.sweep import SweepTracking
    from nncli.tracking.tracker import Tracker, Tracking

GROUP = "Run"
TENSORBOARD_HELP = "Folder to write what TensorBoard shows to; each run has a folder of its own in it."
MLFLOW_HELP = "Tell MLflow of the run: the server that MLFLOW_TRACKING_URI names, or the folder mlruns."
TensorBoardFolder = Annotated[str | None, value_option("DIR", TENSORBOARD_HELP, group=GROUP)]
ToMLflow = Annotated[bool, switch("--mlflow", MLFLOW_HELP, group=GROUP)]


def check_installed(tensorboard: str | None, mlflow: bool) -> None:
    """Raise OptionError where the package of a tracker that is asked for is missing."""
    asked = (("tensorboard", tensorboard is not None, "tensorboardX"), ("mlflow", mlflow, "mlflow"))
    for option, is_asked, package in asked:
        if is_asked and find_spec(package) is None:
            raise OptionError(option, f"{package} is not installed", f"Install it with: pip install 'nncli[{option}]'")


def tracking_of_run(tensorboard: str | None, mlflow: bool, out: str, done: int, is_regression: bool) -> Tracking:
    """Begin what tells the trackers that are asked for of a training run of which so many epochs are `done`."""
    from nncli.tracking.tracker import Tracking

    name = Path(out).stem if out != "-" else "model"
    trackers: list[Tracker] = []
    if tensorboard is not None:
        from nncli.tracking.tensorboard import TensorBoard, folder_of_run

        purge = done + 1 if done else None
        trackers.append(TensorBoard(folder_of_run(tensorboard, name, resumes=done > 0), purge))
    if mlflow:
        from nncli.tracking.mlflow import MLflow

        trackers.append(MLflow(name, "train", out, resumes=done > 0))
    return Tracking(trackers, say, is_regression)


def tracking_of_sweep(tensorboard: str | None, mlflow: bool, out: str, resumes: bool) -> SweepTracking:
    """Begin what tells the trackers that are asked for of a sweep."""
    from nncli.tracking.sweep import SweepTracking

    name = Path(out).stem
    makers: dict[str, Callable[[str], Tracker]] = {}
    winner: list[Tracker] = []
    if tensorboard is not None:
        from nncli.tracking.tensorboard import TensorBoard, folder_of_run

        folder = folder_of_run(tensorboard, name, resumes)
        makers["tensorboard"] = lambda trial: TensorBoard(folder / trial)
        winner.append(TensorBoard(folder / "winner"))
    if mlflow:
        from nncli.tracking.mlflow import MLflow

        whole = MLflow(name, "sweep", out, resumes)
        makers["mlflow"] = lambda trial: MLflow(trial, "trial", out, parent=whole)
        winner.append(whole)
    return SweepTracking(makers, winner, say)
