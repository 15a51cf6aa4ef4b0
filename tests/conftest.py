"""What tests share: the command line in this process, and a model trained once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.cli import main


@pytest.fixture(autouse=True)
def _floating_point_errors_raise() -> Iterator[None]:
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        yield


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def nncli(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """nncli("train", "iris", "-q") runs the command line in this process."""

    def run(*argv: object) -> Outcome:
        capfd.readouterr()
        code = main([str(word) for word in argv])
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def digits_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "digits.npz"
    assert main(["train", "digits", "--epochs", "12", "-q", "--json", "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="session")
def iris_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "iris.npz"
    assert main(["train", "iris", "--epochs", "60", "-q", "--json", "-o", str(path)]) == 0
    return path
