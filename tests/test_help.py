"""Help: the common options on two screens, every option on request, and completion of names."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cli_process
from nncli.cli.help import COMMON
from nncli.cli.main import COMMANDS
from nncli.config.option import registries
from nncli.config.train_config import TrainConfig
from nncli.errors import flag
from nncli.figures.all_kinds import FIGURES
from nncli.figures.lines import figure_lines
from nncli.nn.models import MODELS, TabularModel

Run = Callable[..., Any]
TWO_SCREENS = 48  # lines
OPTION = re.compile(r"--[a-z][a-z0-9-]*")


@pytest.fixture(autouse=True)
def _narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_on_two_screens(command: str, nncli: Run) -> None:
    assert len(nncli(*command.split(), "--help").out.splitlines()) <= TWO_SCREENS


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_h_is_help(command: str, nncli: Run) -> None:
    assert nncli(*command.split(), "-h") == nncli(*command.split(), "--help")


def test_the_program_alone_shows_its_help(nncli: Run) -> None:
    assert nncli() == nncli("--help")


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize(
    "words", [["--help"], *([command, how] for command in COMMANDS for how in ("-h", "--help-all"))]
)
def test_no_line_is_longer_than_the_terminal(
    words: list[str], width: int, nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert max(map(len, nncli(*words).out.splitlines())) <= width


@pytest.mark.parametrize("command", ["train", "sweep", "gradcheck"])
def test_every_option_of_a_training_run_is_in_the_whole_help(command: str, nncli: Run) -> None:
    shown = nncli(command, "--help-all").out
    for name in TrainConfig.options():
        assert f"{flag(name)} " in shown
    for registry in registries().values():
        for name in registry:
            assert name in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_the_whole_help_has_every_option_of_the_command(command: str, nncli: Run) -> None:
    """What the program accepts is asked of the completion, which knows the parser and not the help."""
    accepted = {word for word in completions(f"nncli {command} --") if not word.startswith("--no-")}
    assert {"--help", "--help-all"} < accepted
    assert accepted - {"--help-all"} <= set(OPTION.findall(nncli(command, "--help-all").out))


@pytest.mark.parametrize("command", COMMANDS)
def test_names_of_options_have_no_underscores(command: str) -> None:
    assert [word for word in completions(f"nncli {command} --") if "_" in word] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_help_that_leaves_options_out_says_where_they_are(command: str, nncli: Run) -> None:
    short, whole = nncli(command, "--help").out, nncli(command, "--help-all").out
    ends_there = bool(re.search(rf"\n\d+ more options: nncli {command} --help-all\n$", short))
    assert ends_there == (command in COMMON)
    assert (short == whole) == (command not in COMMON)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_option_that_shows_the_help_stands_in_no_group_of_others(command: str, nncli: Run) -> None:
    above = nncli(command, "--help-all").out.partition("\n  -h, --help ")[0]
    assert re.findall(r"^(\w+):$", above, re.MULTILINE)[-1] in ("Options", "Other")


@pytest.mark.parametrize(("command", "names"), COMMON.items())
def test_common_options_are_options(command: str, names: str, nncli: Run) -> None:
    short, whole = (set(OPTION.findall(nncli(command, how).out)) for how in ("--help", "--help-all"))
    assert set(names.split()) <= short
    assert set(names.split()) <= whole


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_begins_as_the_list_of_commands_says(command: str) -> None:
    where, summary = COMMANDS[command]
    module, function = where.split(".")
    text = inspect.getdoc(getattr(importlib.import_module(f"nncli.cli.{module}"), function)) or ""
    assert " ".join(text.split()).startswith(summary)


@pytest.mark.parametrize(
    "name", ["hidden", *TabularModel.of_network, *TabularModel.of_training, *TabularModel.of_classes]
)
def test_defaults_of_tabular_are_among_the_defaults_in_the_help(name: str) -> None:
    further = {**TabularModel.of_network, **TabularModel.of_training, **TabularModel.of_classes}
    value = further.get(name) or getattr(TabularModel, name)
    said = "yes" if value is True else TrainConfig.kind(name).write(value)
    assert f"tabular {said}" in TrainConfig.options()[name].default_text


def test_a_model_is_described_in_words_and_then_by_its_formula(nncli: Run) -> None:
    short, whole = (" ".join(nncli("train", how).out.split()) for how in ("--help", "--help-all"))
    assert "softmax: softmax (multinomial logistic) regression" in short
    assert "regression P = softmax(X W + b)" in whole
    for model in MODELS.values():
        assert " ".join(model.formula.split()) in whole
        assert " ".join(model.formula.split()) not in short


def test_a_command_is_never_torn_apart_at_the_end_of_a_line(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for width in range(60, 101):
        monkeypatch.setenv("COLUMNS", str(width))
        assert "(nncli info --cache)" in nncli("train", "--help-all").out


@functools.cache
def completions(words: str) -> tuple[str, ...]:
    """Ask the program itself, as a shell does; once for the same words."""
    asked = {"_NNCLI_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = cli_process.nncli(cwd=Path.cwd(), environment=os.environ | asked)
    assert (done.returncode, done.stderr) == (0, b"")
    return tuple(done.stdout.decode().splitlines())


def test_completion_can_be_shown_and_installed(tmp_path: Path) -> None:
    environment = os.environ | {
        "HOME": str(tmp_path),
        "SHELL": "/bin/bash",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    shown = cli_process.nncli("--show-completion", "bash", cwd=tmp_path, environment=environment)
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert b"_nncli_completion" in shown.stdout
    installed = cli_process.nncli("--install-completion", "bash", cwd=tmp_path, environment=environment)
    assert (installed.returncode, installed.stderr) == (0, b"")
    assert "nncli" in (tmp_path / ".bashrc").read_text()


def test_the_help_has_all_figures_as_their_classes_describe_them() -> None:
    assert figure_lines() == {name: FIGURES.summary(name) for name in FIGURES}
    assert [*figure_lines()] == [*FIGURES]
