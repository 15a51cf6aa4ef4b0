"""Completion in a shell: commands, options, and the values that an option or argument may have."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

import workbooks
from nncli.cli.completion import ROOMS, registered
from nncli.config.option import registries
from nncli.data.column_names_at_once import column_names_at_once
from nncli.export.all_targets import TARGETS
from nncli.figures.all_kinds import FIGURES
from nncli.model.file_members import REFERENCES
from nncli.sweep.search import SEARCHES

Run = Callable[..., Any]
Complete = Callable[[str], list[str]]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("odd.csv").write_text('sepal length;"a,b";größe;class\n1;2;3;x\n')


@pytest.fixture
def complete(nncli: Run, monkeypatch: pytest.MonkeyPatch) -> Complete:
    """complete("nncli train --l") asks as bash does; a blank at the end begins a new word, $ stands for one in it."""

    def ask(line: str) -> list[str]:
        words = [word.replace("$", " ") for word in line.split(" ")]
        monkeypatch.setenv("_NNCLI_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", "\n".join(words))
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        found = nncli()
        assert (found.code, found.err) == (0, "")
        return found.out.split("\n")[:-1] if found.out.strip() else []

    return ask


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("nncli ev", ["eval"]),
        ("nncli train --no-c", ["--no-calibrate"]),
        ("nncli train --no-l", ["--no-learn-scale"]),
        ("nncli train --optimizer ada", ["adagrad", "adam", "adamw"]),
        ("nncli train -m mi", ["mira"]),
        ("nncli train --activation relu,ta", ["relu,tanh"]),
        ("nncli sweep --model softmax,sv", ["softmax,svm"]),
        ("nncli train --metric roc", ["roc-auc"]),
        ("nncli eval m.npz --metric mc", ["mcc"]),
        ("nncli sweep --search r", ["random", "refine"]),
        ("nncli train --reference l", ["linear"]),
        ("nncli report m.npz --to ", ["html", "md"]),
        ("nncli plot m.npz sc", ["scatter"]),
        ("nncli train --scale m", ["minmax"]),
        ("nncli train --on-error ", ["fail", "skip"]),
        ("nncli check wi", ["wine"]),
        ("nncli train odd.csv ", []),
        ("nncli train odd.csv --target ", ["sepal\\ length", "a,b", "größe", "class"]),
        ("nncli train odd.csv --target gr", ["größe"]),
        ("nncli train odd.csv --lr 0.1 -t c", ["class"]),
        ("nncli train odd.csv --drop class,s", ["class,sepal\\ length"]),
        ("nncli train odd.csv --drop class,a", ['class,\\"a,b\\"']),
        ("nncli train odd.csv --target sepal\\$l", ["sepal\\ length"]),
        ('nncli train odd.csv --target "s', ["sepal length"]),
        ("nncli sweep iris --group petal_w", ["petal_width_cm"]),
        ("nncli check odd.csv --categorical g", ["größe"]),
        ("nncli plot odd.csv scatter g", ["größe"]),
        ("nncli train none.csv --target ", []),
        ("nncli train --target ", []),
        ("nncli train --lr ", []),
    ],
)
def test_what_may_come_next_is_completed(line: str, found: list[str], complete: Complete) -> None:
    assert complete(line) == found


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("adam : be", ["beta1=0.9", "beta2=0.999"]),
        ("adam : beta2 =", ["0.999"]),
        ("adam : beta1 = 0.8 : beta", ["beta2=0.999"]),
        ("sgd,adam : beta1", ["beta1=0.9"]),
        ("adam:be", ["adam:beta1=0.9", "adam:beta2=0.999"]),  # by who has taken : out of COMP_WORDBREAKS
        ("'adam:beta1", ["adam:beta1=0.9"]),
        ("adam : gamma", []),
        ("adamant :", []),
    ],
)
def test_settings_of_a_component_are_completed_with_their_defaults(
    typed: str, found: list[str], complete: Complete
) -> None:
    """Bash takes words apart at : and =, and replaces only the last piece."""
    assert complete(f"nncli sweep --optimizer {typed}") == found


def test_of_a_name_with_a_colon_bash_replaces_the_last_piece(complete: Complete) -> None:
    Path("odd.csv").write_text("time: from here,time: to there,class\n1,2,x\n")
    assert complete("nncli train odd.csv --target time : \\$fr") == ["\\ from\\ here"]
    assert complete("nncli train odd.csv --target time") == ["time:\\ from\\ here", "time:\\ to\\ there"]


def test_settings_are_those_that_the_option_takes(complete: Complete) -> None:
    from nncli.nn.optimizers import OPTIMIZERS

    for name in OPTIMIZERS:
        for setting in complete(f"nncli train --optimizer {name} :"):
            OPTIMIZERS.create(f"{name}:{setting}")
    assert complete("nncli train --optimizer adam :") != []
    assert complete("nncli train --optimizer = ada") == ["adagrad", "adam", "adamw"]


def test_every_word_of_a_few_is_completed(complete: Complete) -> None:
    assert complete("nncli sweep --search ") == [*SEARCHES]
    assert complete("nncli train --reference ") == [*REFERENCES]
    assert sorted(complete("nncli export m.npz --to ")) == sorted(TARGETS)


def test_bundled_sets_stand_beside_files_that_begin_as_they_do(complete: Complete) -> None:
    Path("iris new.csv").touch()
    assert complete("nncli train ir") == ["iris", "iris\\ new.csv"]


def test_a_model_has_columns_and_classes(iris_model: Path, complete: Complete) -> None:
    assert complete(f"nncli eval {iris_model} --by petal") == ["petal_length_cm", "petal_width_cm"]
    assert complete(f"nncli eval {iris_model} odd.csv --by g") == ["größe"]
    assert complete(f"nncli predict {iris_model} --keep petal_l") == ["petal_length_cm"]
    assert complete(f"nncli eval {iris_model} --positive v") == ["versicolor", "virginica"]


def test_a_damaged_model_has_nothing_to_complete(complete: Complete) -> None:
    Path("m.npz").write_bytes(b"PK\x03\x04" + b"x" * 26 + b"meta.npy" + b"x" * 99)
    assert complete("nncli eval m.npz --positive ") == []
    assert complete("nncli eval m.npz --by ") == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_beside_an_option_stands_the_first_sentence_of_its_help(
    shell: str, nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_NNCLI_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "nncli train --op")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    found = nncli().out
    assert "Method that updates the weights" in found
    assert "{" not in found
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "nncli train --re")
    assert "Once the epoch is chosen, train anew up to it" in nncli().out


def test_names_from_the_source_are_those_in_the_registries() -> None:
    loaded = {**registries(), "figures": FIGURES}
    assert ROOMS.keys() == loaded.keys()
    for name, registry in loaded.items():
        assert sorted(registered(name)) == sorted(registry), name
        assert len(registry) >= 2


@pytest.mark.parametrize("form", ["tsv", "utf-16", "gz", "parquet", "arrow", "jsonl", "xlsx"])
def test_columns_are_read_from_every_kind_of_table(form: str) -> None:
    names, file = ["größe", "b c", "class"], Path(f"d.{form}")
    text = "\t".join(names) + "\n1\t2\tx\n"
    if form in ("tsv", "utf-16", "gz"):
        data = text.encode("utf-16" if form == "utf-16" else "utf-8")
        file.write_bytes(gzip.compress(data) if form == "gz" else data)
    elif form == "jsonl":
        file.write_text("".join(json.dumps(dict.fromkeys(names, 1)) + "\n" for _ in range(2)))
    elif form == "xlsx":
        workbooks.write(file, {"one": workbooks.sheet([names, [1, 2, "x"]])})
    else:
        table = pa.table({name: [1, 2] for name in names})
        pa.parquet.write_table(table, file) if form == "parquet" else pa.feather.write_feather(table, file)
    assert column_names_at_once(file) == names


@pytest.mark.parametrize("content", ["1,2,3\n4,5,6\n", "", "\n\n", "\x00\x01", "a,a\n"])
def test_a_file_without_a_header_has_no_names(content: str) -> None:
    Path("d.csv").write_text(content)
    assert column_names_at_once(Path("d.csv")) in ([], ["a"], ["\x00\x01"])


def test_a_pipe_is_not_read() -> None:
    os.mkfifo("pipe")
    assert column_names_at_once(Path("pipe")) == []


@pytest.mark.parametrize("line", ["nncli train iris --target ", "nncli train --optimizer a", "nncli plot m.npz c"])
def test_a_shell_does_not_wait_for_numpy(line: str) -> None:
    words = line.split(" ")
    asked = {"_NNCLI_COMPLETE": "complete_bash", "COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    code = "import sys; from nncli.cli.main import main; main([]); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | asked
    )
    assert done.stdout.strip()
    assert not {"numpy", "pyarrow", "rich", "pydantic"} & set(done.stderr.split())
