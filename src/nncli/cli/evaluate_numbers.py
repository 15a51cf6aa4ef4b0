"""Run `nncli eval` for models that predict numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncli.cli.execution import Place
from nncli.data.sources import Source
from nncli.data.task import REGRESSION
from nncli.errors import DONE
from nncli.system.output import note_of, print_json, say
from nncli.terminal.progress import Progress

if TYPE_CHECKING:
    from nncli.data.csv.header import TextOptions
    from nncli.data.row_blocks import OnError
    from nncli.inference.judged_numbers import JudgedNumbers
    from nncli.model.model import Model
    from nncli.model.provenance import Provenance


def evaluate_one(
    model: Model,
    provenance: Provenance,
    file: str,
    how: dict[str, Any],
    judged: str | None,
    most: int,
    json: bool,
    quiet: bool,
) -> int:
    """Print the figures of a model that predicts numbers, the `most` rows that are the farthest off, and figures of
    groups; write the rows into the file `judged`."""
    from nncli.inference.evaluate_numbers import evaluate_numbers

    details: dict[str, Any] = {}

    def look(rows: JudgedNumbers) -> None:
        if judged is not None:
            rows.write(Path(judged))
        details.update({"worst": rows.worst(most)} if most else {})
        if (by := how["by"]) is not None:
            details["by"] = {"column": by, "groups": rows.by(by, how["metric"])}

    looks_closer = judged is not None or most or how["by"] is not None
    evaluation = evaluate_numbers(model, provenance, file, **how, on_rows=look if looks_closer else None)
    for note in evaluation.notes:
        say(note, quiet)
    if most or judged is not None:
        say_left_out(model, how["source"], how["on_error"], quiet)
    if json:
        print_json(evaluation.to_json() | details)
    else:
        from nncli.terminal.numbers import print_evaluation_of_numbers, print_groups_of_numbers, print_worst_numbers

        print_evaluation_of_numbers(evaluation)
        if "by" in details:
            print_groups_of_numbers(**details["by"])
        if "worst" in details:
            print_worst_numbers(details["worst"])
    return DONE


def evaluate_all(
    model: str, sources: Source, text: TextOptions, policy: OnError, place: Place, json: bool, quiet: bool
) -> int:
    """Print the figures of a model that predicts numbers for each of several files, and for all together."""
    from nncli.inference.evaluate_files_of_numbers import evaluate_files_of_numbers, pooled_numbers
    from nncli.model import checkpoint

    (model, *names), n = place.seen([model, *sources]), len(sources)
    found = []
    module = "nncli.inference.evaluate_files_of_numbers"
    with place.workers(n, module) as workers, Progress("files", n, quiet) as progress:
        evaluated = evaluate_files_of_numbers(workers, checkpoint.ModelFile.at(Path(model)), names, text, policy)
        for source, (_, evaluation) in zip(sources, evaluated, strict=True):
            for note in evaluation.notes:
                say(note_of(source, note), quiet)
            found.append(evaluation)
            progress(len(found), source)
    together = pooled_numbers(found)
    if json:
        files = [
            {"data": source, **one.to_json(), "evaluated_on": one.evaluated_on.replace(name, source)}
            for source, name, one in zip(sources, names, found, strict=True)  # by the name that a person knows
        ]
        print_json({"task": REGRESSION, "files": files, "all": together})
    else:
        from nncli.terminal.numbers import print_evaluations_of_numbers

        print_evaluations_of_numbers(sources, found, together)
    return DONE


def say_left_out(model: Model, sources: Source, policy: OnError, quiet: bool) -> None:
    """Say so where rows have other numbers than in the file."""
    if (policy if sources else model.config.data.csv.on_error) == "skip":
        say("the numbers of rows do not count rows that are left out", quiet)
