"""A cluster whose worker means no good: the program ends in a line, and nothing of it is run, printed or believed."""

from __future__ import annotations

import functools
import math
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli_errors import BAD_DATA
from clusters import done_so_far, running
from nncli.config.resolved import DataConfig
from nncli.config.train_config import TrainConfig
from nncli.data.bundled import path_of
from nncli.data.csv.header import DETECTED
from nncli.data.load import load_dataset
from nncli.inference.evaluate import check_evaluation, evaluate_file
from nncli.inference.predict import check_file_result, predict_file
from nncli.inference.predict_options import PredictOptions
from nncli.model.checkpoint import ModelFile, load_same
from nncli.sweep.ledger_lines import check_trial_result
from nncli.sweep.trial import DataInMemory, Trial, run_trial
from nncli.system.wire_format import nothing_unpickled, pack, unpack
from nncli.system.workers import ProcessDeath

Run = Callable[..., Any]
SWEEP = ["sweep", "digits", "--lr", "0.02,0.01", "--epochs", "25", "-q"]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@dataclass(frozen=True)
class Attacker:
    """A scheduler whose only worker attacks: its address, and a folder of what it is to do and has done."""

    address: str
    folder: Path
    names: dict[int, str]  # by process

    def order(self, attack: str) -> None:
        (self.folder / "attack").write_text(attack)
        (self.folder / "deeds").write_text("")

    def deceived(self) -> set[str]:
        """Which processes ran the code of its objects."""
        return {self.names[int(line)] for line in (self.folder / "deeds").read_text().split()}


@pytest.fixture(scope="module")
def attacker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacker]:
    folder = tmp_path_factory.mktemp("attacker")
    with running(folder, names="") as (address, [scheduler]):
        words = [str(Path(__file__).parent / "evil_worker.py"), str(folder), address, "--nthreads", "1", "--no-nanny"]
        words += ["--no-dashboard", "--local-directory", str(folder / "worker")]
        quiet = subprocess.DEVNULL
        worker = subprocess.Popen([sys.executable, *words], stdout=quiet, stderr=quiet)
        try:
            yield Attacker(address, folder, {os.getpid(): "client", scheduler.pid: "scheduler", worker.pid: "worker"})
        finally:
            worker.kill()
            worker.wait()


@pytest.mark.parametrize(
    "attack", ["version", "version-error", "result", "exception", "exception-object", "number", "record", "state"]
)
def test_no_worker_runs_code_in_the_client(nncli: Run, attacker: Attacker, attack: str) -> None:
    """Whatever it sends instead of its version, a result or an error, there is one line, and no file of a stranger."""
    attacker.order(attack)
    outcome = nncli(*SWEEP, "--cluster", attacker.address, "--insecure")
    assert "client" not in attacker.deceived()
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (BAD_DATA, "", 1)
    assert "version" in attack or outcome.err == (
        f"{attacker.address}: expected a result, found that a worker could not start its task, or sent "
        "something else. Look at the logs of the workers, and at who can join the cluster.\n"
    )
    assert done_so_far("model.sweep.jsonl") == []


def test_nothing_is_believed_for_predict_and_eval_either(nncli: Run, attacker: Attacker, iris_model: Path) -> None:
    attacker.order("number")
    there = ["--cluster", attacker.address, "--insecure"]
    for words in (["predict", iris_model, path_of("iris"), "-o", "answers.csv"], ["eval", iris_model, path_of("iris")]):
        outcome = nncli(*words, *there, "-q")
        assert (outcome.code, outcome.out) == (BAD_DATA, "")
        assert outcome.err.startswith(f"{attacker.address}: expected a result, found ")
    assert not Path("answers.csv").exists()


def test_no_worker_prints_in_the_client(nncli: Run, attacker: Attacker) -> None:
    attacker.order("events")
    outcome = nncli(*SWEEP, "--cluster", attacker.address, "--insecure", "--json")
    assert attacker.deceived() <= {"worker"}
    assert "from a worker" not in outcome.out
    assert outcome.err.count("\n") == 1


def test_a_pickle_names_no_code_while_a_cluster_is_connected() -> None:
    plain = {"a": [1, 2.5, None, "b"], "c": b"bytes"}
    with nothing_unpickled():
        assert pickle.loads(pickle.dumps(plain)) == plain
        for what in (print, Path("x"), ValueError("x"), ProcessDeath):
            with pytest.raises(AttributeError):
                pickle.loads(pickle.dumps(what))
    assert pickle.loads(pickle.dumps(Path("x"))) == Path("x")


@pytest.mark.parametrize("value", [None, True, 1 << 60, 0.1 + 0.2, "größe \udcff", b"\0\xff", [{"a": [1, "b", 2.0]}]])
def test_plain_values_cross_as_they_are(value: object) -> None:
    assert unpack(pack(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        b"", "text", None, b"\xc1", pack([1])[:-1], pack(1) + b"x", pack(math.nan), pack([math.inf]), pack({1: 2}),
        b"\x91" * 5000 + b"\x00",  # lists in lists
        b"\xd4\x05\x00",  # an extension type
        b"\xd6\xff\0\0\0\0",  # a time
        b"\xdd\xff\xff\xff\xff",  # a list that says it has 4 billion items
        b"\xa1\xff",  # text that is not UTF-8
    ],
)  # fmt: skip
def test_other_bytes_are_refused(data: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack(data)


def test_a_scheduler_without_encryption_is_told(nncli: Run, attacker: Attacker) -> None:
    tls = Path(__file__).parent / "tls"
    files = ["--tls-ca", tls / "cert.pem", "--tls-cert", tls / "cert.pem", "--tls-key", tls / "key.pem"]
    outcome = nncli(*SWEEP, "--cluster", attacker.address.replace("tcp", "tls"), *files)
    assert outcome.code == BAD_DATA
    assert ": no encrypted connection: wrong version number. Check whether the scheduler uses tls://.\n" in outcome.err


def result_of_a_trial() -> tuple[Any, Callable[[Any], None]]:
    config = TrainConfig(data=("iris",), epochs=3)
    dataset = load_dataset(("iris",), DataConfig.of(config).csv, "float32")
    found = run_trial((Trial(config), None), DataInMemory({"float32": dataset}))
    return [found[0], None], check_trial_result


def result_of_a_failed_trial() -> tuple[Any, Callable[[Any], None]]:
    return [{"outcome": "failed", "reason": "diverged", "seconds": 1.5}, b"state"], check_trial_result


def result_of_answers(model: ModelFile) -> tuple[Any, Callable[[Any], None]]:
    check = functools.partial(check_file_result, load_same(model)[0].guard())
    return predict_file((0, str(path_of("iris"))), (model, PredictOptions(keep="all"), None)), check


def result_of_an_evaluation(model: ModelFile) -> tuple[Any, Callable[[Any], None]]:
    classes = list(load_same(model)[0].classes)
    return evaluate_file(str(path_of("iris")), (model, DETECTED, None, "fail", None)), functools.partial(
        check_evaluation, classes
    )


@pytest.mark.parametrize("kind", ["trial", "failed", "answers", "evaluation"])
def test_results_are_of_one_form_and_no_other(kind: str, iris_model: Path) -> None:
    """What a worker finds passes on its way, and nothing with one part of it changed into another kind."""
    model = ModelFile.at(iris_model)
    result, check = {
        "trial": result_of_a_trial,
        "failed": result_of_a_failed_trial,
        "answers": lambda: result_of_answers(model),
        "evaluation": lambda: result_of_an_evaluation(model),
    }[kind]()
    check(unpack(pack(result)))
    changed = 0
    for other in changes(unpack(pack(result))):
        with pytest.raises(ValueError, match=r"."):
            check(other)
        changed += 1
    assert changed > 3


def changes(value: Any) -> Iterator[Any]:
    """The value with each of its parts replaced by one of another kind, and without each of its names."""
    if isinstance(value, dict):
        for name in value:
            yield {key: inner for key, inner in value.items() if key != name}
            yield from ({**value, name: other} for other in changes(value[name]))
    elif isinstance(value, list):
        for i, inner in enumerate(value[:4]):
            yield from ([*value[:i], other, *value[i + 1 :]] for other in changes(inner))
    yield 7.5 if isinstance(value, int | bytes) else "7" if isinstance(value, float) else 7
    yield {"a": "b"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_val", 2_000_000_000), ("n_val", 0), ("right", "!"), ("right", ""), ("epochs", 5), ("best_epoch", 4),
        ("parameters", 0), ("history", [[1.0]] * 3), ("outcome", "failed"), ("outcome", "won"), ("seconds", -1.0),
        ("val", {"accuracy": 1.5, "balanced-accuracy": 0.5, "loss": 0.1}),
    ],
)  # fmt: skip
def test_figures_that_no_trial_comes_to_are_refused(name: str, value: object) -> None:
    [record, state], check = result_of_a_trial()
    with pytest.raises(ValueError, match=r"."):
        check([{**record, name: value}, state])
