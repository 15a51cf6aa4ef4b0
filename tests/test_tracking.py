"""What TensorBoard and MLflow are told of a run, read back from where they have it."""

from __future__ import annotations

import importlib.util
import json
import signal
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tensorboardX.proto.event_pb2 import Event

from nncli.data.bundled import path_of
from nncli.training import run

# MLflow itself calls codecs.open, which Python 3.14 advises against
pytestmark = pytest.mark.filterwarnings("ignore:codecs.open:DeprecationWarning:mlflow")

Run = Callable[..., Any]
OF_EPOCHS = {
    "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate", "gradient_norm", "seconds",
    "epoch_seconds",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)


def events(folder: str) -> Iterator[Any]:
    """Read the event files of a folder: records of a length, its checksum, an event and its checksum."""
    for file in sorted(Path(folder).glob("events.*")):
        data, at = file.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            event = Event()
            event.ParseFromString(data[at + 12 : at + 12 + length])
            yield event
            at += length + 16


def scalars(folder: str) -> dict[str, dict[int, float]]:
    """Return the values by name and step, as TensorBoard shows them: those of steps that come again count no more."""
    found: dict[str, dict[int, float]] = {}
    for event in events(folder):
        for value in event.summary.value:
            if value.HasField("simple_value"):
                found.setdefault(value.tag, {})[event.step] = value.simple_value
    return found


def interrupted_after(epochs: int, patch: pytest.MonkeyPatch) -> None:
    fit = run.fit

    def stopping(trainer: Any, on_epoch: Any, *more: Any) -> Any:
        def after(epoch: Any) -> None:
            on_epoch(epoch)
            if epoch.number == epochs:
                signal.raise_signal(signal.SIGINT)

        return fit(trainer, after, *more)

    patch.setattr(run, "fit", stopping)


def test_tensorboard_has_what_the_log_has(nncli: Run) -> None:
    words = ["breast-cancer", "--epochs", "3", "--metric", "f1", "--hidden", "8", "-q", "--json"]
    told = nncli("train", *words, "--tensorboard", "runs", "--log", "log.jsonl", "-o", "my.npz").json
    found, log = scalars("runs/my"), [json.loads(line) for line in Path("log.jsonl").read_text().splitlines()]
    assert {*found} >= OF_EPOCHS | {"val_metric"}
    for name in OF_EPOCHS | {"val_metric"}:  # in float32; the log has microseconds
        assert found[name] == pytest.approx({line["number"]: line[name] for line in log}, rel=1e-6, abs=1e-6)
    assert found["final_test_accuracy"][0] == pytest.approx(told["test"]["accuracy"])
    assert found["final_test_f1"][0] == pytest.approx(told["metric"]["test"])
    assert "mistakes" not in found


def test_tensorboard_has_the_options_beside_the_figures(nncli: Run) -> None:
    nncli("train", "iris", "--epochs", 2, "--lr", 0.03, "-q", "--tensorboard", "runs", "-o", "my.npz")
    values = [value for event in events("runs/my") for value in event.summary.value]
    begun = next(v for v in values if v.tag == "_hparams_/session_start_info").metadata.plugin_data.content
    assert b"learning" not in begun
    assert b"lr" in begun
    assert struct.pack("<d", 0.03) in begun
    text = next(v for v in values if v.tag.startswith("options")).tensor.string_val[0].decode()
    assert "| lr | 0.03 |" in text
    assert "| data | iris |" in text


def test_a_second_run_has_a_second_folder_and_a_resumed_one_its_own(
    nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["train", "iris", "--epochs", 6, "-q", "-o", "my.npz", "--tensorboard", "runs", "--log", "log.jsonl"]
    nncli(*words)
    with monkeypatch.context() as patch:
        interrupted_after(3, patch)
        assert nncli(*words).code == 130
    assert {*scalars("runs/my-2")["train_loss"]} == {1, 2, 3}
    nncli(*words, "--resume")
    assert sorted(path.name for path in Path("runs").iterdir()) == ["my", "my-2"]
    assert scalars("runs/my-2")["train_loss"] == scalars("runs/my")["train_loss"]
    # of what was told before, TensorBoard leaves out the steps from this on
    assert [event.step for event in events("runs/my-2") if event.session_log.status] == [4]


def test_a_run_that_goes_on_from_a_model_is_told_too(nncli: Run) -> None:
    header, *rows = path_of("iris").read_text().splitlines(keepends=True)
    for name, its in (("old.csv", rows[::2]), ("new.csv", rows[1::2])):
        Path(name).write_text(header + "".join(its))
    nncli("train", "old.csv", "--epochs", 2, "-q", "-o", "first.npz")
    words = ["new.csv", "--from", "first.npz", "--epochs", 3, "-q", "-o", "second.npz"]
    assert nncli("train", *words, "--tensorboard", "runs").code == 0
    assert {*scalars("runs/second")["gradient_norm"]} == {1, 2, 3}
    assert "final_test_accuracy" in scalars("runs/second")


def test_a_number_is_predicted_with_rmse(nncli: Run) -> None:
    nncli("train", "iris", "-t", "petal_width_cm", "--epochs", 2, "-q", "--tensorboard", "runs")
    assert {"train_rmse", "val_rmse", "final_test_mae"} <= {*scalars("runs/model")}


def test_each_trial_of_a_sweep_is_a_run(nncli: Run) -> None:
    words = ["sweep", "iris", "--lr", "0.1,0.01", "--epochs", 3, "--jobs", 1, "-q", "--json", "-o", "best.npz"]
    told = nncli(*words, "--tensorboard", "runs").json
    trials = [path for path in Path("runs/best").iterdir() if path.name.startswith("trial-")]
    records = [json.loads(line) for line in Path("best.sweep.jsonl").read_text().splitlines()[1:]]
    assert len(trials) == 2
    for record in records:
        found = scalars(f"runs/best/trial-{record['trial'][:8]}")
        assert [*found["val_loss"].values()] == pytest.approx([row[2] for row in record["history"]], rel=1e-5)
        assert found["final_val_accuracy"][0] == pytest.approx(record["val"]["accuracy"])
    winner = scalars("runs/best/winner")
    assert winner["final_test_accuracy"][0] == pytest.approx(told["winner"]["test"]["accuracy"])
    nncli("sweep", "iris", "--lr", "0.1,0.01,0.5", *words[4:], "--tensorboard", "runs")
    assert len([*Path("runs/best").iterdir()]) == 4  # the new trial is beside those that were there


@pytest.mark.parametrize("options", ["--lr 0.1 --schedule step:every=0.4", "-m perceptron"], ids=["steps", "mistakes"])
def test_a_trial_is_told_of_as_the_same_training_run_is(options: str, nncli: Run) -> None:
    """With the learning rate and the norm of the gradient, or the mistakes, of each epoch."""
    words = ["iris", "--epochs", 3, "--metric", "balanced-accuracy", "-q", "--tensorboard", "runs", *options.split()]
    assert nncli("sweep", *words, "--jobs", 1, "-o", "best.npz").code == 0
    assert nncli("train", *words, "--test", "0.15", "--threads", 1).code == 0
    trial = scalars(next(str(path) for path in Path("runs/best").iterdir() if path.name.startswith("trial-")))
    run = scalars("runs/model")
    of_epochs = {name for name in run if not name.startswith("final_")} - {"epochs", "best_epoch", "baseline_accuracy"}
    assert {"learning_rate", "val_metric", "epoch_seconds"} < of_epochs
    assert ("mistakes" in of_epochs, "gradient_norm" in of_epochs) == ("perceptron" in options, "lr" in options)
    assert of_epochs <= {*trial}
    for name in of_epochs - {"seconds", "epoch_seconds"}:
        assert trial[name] == run[name]
        assert {*trial[name]} == {1, 2, 3}


def test_a_run_that_diverges_is_closed_too(nncli: Run) -> None:
    words = ["wine", "--scale", "none", "--optimizer", "sgd", "--lr", 1e30, "-q", "--tensorboard", "runs"]
    assert nncli("train", *words).code == 1
    assert any(value.tag.startswith("options") for event in events("runs/model") for value in event.summary.value)


def test_a_tracker_that_fails_does_not_stop_the_run(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from nncli.tracking.tensorboard import TensorBoard

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TensorBoard, "epoch", fail)
    found = nncli("train", "iris", "--epochs", 3, "-q", "--tensorboard", "runs")
    assert found.code == 0
    line = "warning: --tensorboard is told no more of this run: [Errno 28] No space left on device\n"
    assert found.err == line
    assert Path("model.npz").exists()


@pytest.mark.parametrize("command", ["train", "sweep"])
@pytest.mark.parametrize(("option", "package"), [("--tensorboard runs", "tensorboardX"), ("--mlflow", "mlflow")])
def test_a_package_that_is_missing_is_one_line(
    command: str, option: str, package: str, nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("nncli.cli.tracking.find_spec", lambda name: None if name == package else find(name))
    found = nncli(command, "iris", *option.split(), "--lr", 0.1, "-q")
    name = option.split()[0]
    line = f"{name}: {package} is not installed. Install it with: pip install 'nncli[{name.removeprefix('--')}]'.\n"
    assert (found.code, found.out, found.err) == (2, "", line)
    assert not [*Path().iterdir()]


def test_a_folder_that_is_a_file_is_one_line(nncli: Run) -> None:
    Path("runs").touch()
    found = nncli("train", "iris", "--epochs", 1, "-q", "--tensorboard", "runs")
    line = "runs/model: cannot write: Not a directory. Choose another place with --tensorboard.\n"
    assert (found.code, found.err) == (1, line)


def test_neither_package_is_loaded_unless_it_is_asked_for(nncli: Run) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from nncli.cli.main import main; main(['train', 'iris', '--epochs', '1', '-q', '--json']);"
        "print({'tensorboardX', 'mlflow', 'google.protobuf'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "set()\n"


# MLflow, through its own client


def runs_of(experiment: str = "nncli") -> list[Any]:
    """Return the runs in the folder mlruns, the oldest first."""
    from nncli.tracking.mlflow import client

    its = client()
    found = its.search_runs([its.get_experiment_by_name(experiment).experiment_id], order_by=["start_time ASC"])
    return [*found]


def history(one: Any, name: str) -> dict[int, float]:
    from nncli.tracking.mlflow import client

    return {metric.step: metric.value for metric in client().get_metric_history(one.info.run_id, name)}


def artifacts(one: Any) -> dict[str, bytes]:
    folder = Path(one.info.artifact_uri.removeprefix("file://"))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_mlflow_has_a_run_and_goes_on_with_it(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["train", "iris", "--epochs", 5, "--lr", 0.03, "-q", "--json", "-o", "my.npz", "--mlflow"]
    with monkeypatch.context() as patch:
        interrupted_after(2, patch)
        assert nncli(*words).code == 130
    (one,) = runs_of()
    assert one.info.status == "KILLED"
    assert {*history(one, "train_loss")} == {1, 2}
    told = nncli(*words, "--resume", "--log", "log.jsonl").json
    (one,) = runs_of()
    assert (one.info.status, one.info.run_name) == ("FINISHED", "my")
    assert (one.data.params["lr"], one.data.params["data"]) == ("0.03", "iris")
    log = [json.loads(line) for line in Path("log.jsonl").read_text().splitlines()]
    assert history(one, "val_loss") == {line["number"]: line["val_loss"] for line in log}
    assert len(history(one, "gradient_norm")) == 5
    assert one.data.metrics["final_test_accuracy"] == told["test"]["accuracy"]
    assert artifacts(one) == {"my.npz": Path("my.npz").read_bytes()}


@pytest.mark.long
def test_mlflow_has_the_trials_of_a_sweep_within_its_run(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "flowers")
    nncli("sweep", "iris", "--lr", "0.1,0.01", "--epochs", 2, "--jobs", 1, "-q", "-o", "best.npz", "--mlflow")
    whole, *trials = runs_of("flowers")
    assert {one.data.tags["mlflow.parentRunId"] for one in trials} == {whole.info.run_id}
    assert {one.data.params["lr"] for one in trials} == {"0.1", "0.01"}
    assert all(len(history(one, "val_loss")) == 2 for one in trials)
    assert artifacts(whole) == {"best.npz": Path("best.npz").read_bytes()}
    assert {one.info.status for one in (whole, *trials)} == {"FINISHED"}


@pytest.mark.long
def test_mlflow_knows_how_a_run_ended(nncli: Run) -> None:
    words = ["wine", "--scale", "none", "--optimizer", "sgd", "--lr", 1e30, "-q", "--mlflow"]
    assert nncli("train", *words).code == 1
    (one,) = runs_of()
    assert one.info.status == "FAILED"


@pytest.mark.long
def test_a_server_that_does_not_answer_is_one_line(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    found = nncli("train", "iris", "--epochs", 1, "-q", "--mlflow")
    assert (found.code, found.err.count("\n")) == (1, 1)
    told = "--mlflow: the tracker cannot be used: connection refused. Look at MLFLOW_TRACKING_URI.\n"
    assert found.err == told
    assert not Path("model.npz").exists()
