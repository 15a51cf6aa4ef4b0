"""MLflow: runs on its server, or in the folder mlruns."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nncli.errors import NncliError
from nncli.system.output import shortened
from nncli.tracking.tracker import Status, Tracker, Values

EXPERIMENT = "nncli"  # where MLFLOW_EXPERIMENT_NAME says no other
OF_MODEL, KIND = "nncli.model", "nncli.kind"  # tags by which a resumed run is found: the path of its file; train …
PAUSE = 1.0  # seconds between two messages to the server
MOST_METRICS, MOST_VALUE, MOST_REASON = 1000, 500, 300  # in a message; characters of an option, and of an error
STATUS = {"finished": "FINISHED", "killed": "KILLED", "failed": "FAILED"}


class MLflow(Tracker):
    """One run, which a resumed run goes on with."""

    name = "--mlflow"

    def __init__(self, run: str, kind: str, file: str, resumes: bool = False, parent: MLflow | None = None) -> None:
        """Begin a run of that name, or go on with the last one of the same kind and file; with a `parent`, within its
        run. NncliError where the tracker cannot be reached."""
        self.client: Any = client() if parent is None else parent.client
        self.last, self.waiting = time.monotonic(), list[Any]()
        tags = {OF_MODEL: str(Path(file).absolute()), KIND: kind}
        try:
            self.experiment: str = _experiment(self.client) if parent is None else parent.experiment
            found = self._earlier(tags) if resumes else None
            if found is None:
                more = {} if parent is None else {"mlflow.parentRunId": parent.run}
                found = self.client.create_run(self.experiment, run_name=run, tags=tags | more).info.run_id
            else:
                self.client.update_run(found, status="RUNNING")
        except Exception as error:
            raise _unreachable(error) from None
        self.run: str = found

    def _earlier(self, tags: Mapping[str, str]) -> str | None:
        """Find the last run with these tags."""
        asked = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items() if "'" not in value)
        runs = self.client.search_runs([self.experiment], asked, max_results=1, order_by=["attributes.start_time DESC"])
        return runs[0].info.run_id if runs else None

    def options(self, options: Values) -> None:
        from mlflow.entities import Param

        known = self.client.get_run(self.run).data.params  # which cannot change
        new = [Param(name, str(value)[:MOST_VALUE]) for name, value in options.items() if name not in known]
        self.client.log_batch(self.run, params=new)

    def epoch(self, number: int, figures: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self.waiting += [Metric(name, value, now, number) for name, value in figures.items()]
        if time.monotonic() - self.last >= PAUSE:
            self._send()

    def _send(self) -> None:
        """Send what has been told since the last time: epochs may be shorter than a message takes."""
        for start in range(0, len(self.waiting), MOST_METRICS):
            self.client.log_batch(self.run, metrics=self.waiting[start : start + MOST_METRICS])
        self.waiting, self.last = [], time.monotonic()

    def result(self, options: Values, figures: Mapping[str, float], model: Path | None) -> None:
        self.epoch(int(figures.get("epochs", 0)), figures)
        self._send()
        if model is not None:
            self.client.log_artifact(self.run, str(model))

    def close(self, status: Status) -> None:
        try:
            self._send()
        finally:
            self.client.set_terminated(self.run, STATUS[status])


def client() -> Any:
    """Return the client of the server that MLFLOW_TRACKING_URI names, or of the folder mlruns. NncliError
    where the tracker cannot be reached."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it would tell its makers of each run
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # the usual 7 take minutes, in which a run waits
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.tracking import MlflowClient
    # without a database, which needs more packages, mlflow-skinny has files
    uri = None if "MLFLOW_TRACKING_URI" in os.environ or find_spec("alembic") else Path("mlruns").absolute().as_uri()
    try:
        return MlflowClient(uri)
    except Exception as error:
        raise _unreachable(error) from None


def _experiment(client: Any) -> str:
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    found = client.get_experiment_by_name(name)
    return str(client.create_experiment(name) if found is None else found.experiment_id)


def _unreachable(error: Exception) -> NncliError:
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, OSError) and cause.strerror):  # behind what libraries say of it
        cause = cause.__cause__ or cause.__context__
    told = " ".join(str(error).split()) or type(error).__name__
    if isinstance(cause, OSError) and cause.strerror:
        told = f"{cause.filename}: {cause.strerror}" if cause.filename else cause.strerror.lower()
    what = shortened(told.rstrip(". "), MOST_REASON)
    return NncliError("--mlflow", f"the tracker cannot be used: {what}", "Look at MLFLOW_TRACKING_URI")
