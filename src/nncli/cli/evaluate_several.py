"""Run `nncli eval` for two models, which are compared, and for several files, each by itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncli.cli.evaluate_one import note_omitted
from nncli.cli.execution import Place
from nncli.config.decision_kinds import positive_class
from nncli.config.task import check_metric
from nncli.data.sources import Source
from nncli.data.task import REGRESSION
from nncli.errors import DONE, OptionError
from nncli.system.output import note_of, print_json, say
from nncli.terminal.progress import Progress

if TYPE_CHECKING:
    from nncli.data.csv.header import TextOptions
    from nncli.data.row_blocks import OnError
    from nncli.inference.evaluate import Evaluation


def compare_two(
    models: tuple[str, str],
    sources: Source,
    given: Mapping[str, Any],
    how: tuple[TextOptions, int | None, str | None, str | None],
    json: bool,
    quiet: bool,
) -> int:
    """Print how two models differ on the rows of a source, or on their own test rows."""
    from nncli.inference.compare import compare_models
    from nncli.inference.compare_numbers import compare_numbers
    from nncli.model import checkpoint

    positive = how[-1]
    for name, value in given.items():
        if value and not sources:
            raise OptionError(name, "their own data are read as in training", "Leave it out")
    one, other = ((name, *checkpoint.load(Path(name))) for name in models)
    if one[1].target is not None and other[1].target is not None:
        if positive is not None:
            one[1].refuse_for_numbers("positive")
        if how[2] is not None:
            check_metric(how[2], is_regression=True)
        found = compare_numbers((one, other), sources, *how[:3])
    else:
        for name, its, _ in (one, other):
            its.refuse_numbers(name, "a comparison with a model of classes")
        of = None if positive is None else positive_class(positive, one[1].classes)
        found = compare_models((one, other), sources, *how[:3], of)
    for note in found.notes:
        say(note, quiet)
    if json:
        print_json(found.to_json())
    else:
        from nncli.terminal.evaluation import print_comparison

        print_comparison(found)
    return DONE


def evaluate_each(
    model: str,
    sources: Source,
    how: tuple[TextOptions, float | None, OnError],
    positive: str | None,
    place: Place,
    json: bool,
    quiet: bool,
) -> int:
    """Print the figures of a model for each of several files, and for all together."""
    from nncli.inference import evaluate
    from nncli.inference.metrics import pooled
    from nncli.model import checkpoint

    if not sources:
        raise OptionError("cluster", "there are no files to share out", "Name some")
    place.refuse_stdin(model, *sources)
    loaded, _ = checkpoint.load(Path(model))  # what is wrong with it is reported once, and at once
    if loaded.target is not None:
        for name, value in {"threshold": how[1], "positive": positive}.items():
            if value is not None:
                loaded.refuse_for_numbers(name)
        return _each_of_numbers(model, sources, how[0], how[2], place, json, quiet)
    of = None if positive is None else positive_class(positive, loaded.classes)
    model, *names = place.seen([model, *sources])
    found: list[Evaluation] = []
    n = len(sources)
    with place.workers(n, "nncli.inference.evaluate") as workers, Progress("files", n, quiet) as progress:
        file = checkpoint.ModelFile.at(Path(model))
        evaluated = evaluate.evaluate_files(workers, file, names, *how, of)
        for source, (_, evaluation) in zip(sources, evaluated, strict=True):
            for note in evaluation.notes:
                say(note_of(source, note), quiet)
            found.append(evaluation)
            progress(len(found), source)
    together = pooled([evaluation.metrics for evaluation in found])
    if json:
        note_omitted(found, quiet)
        files = [
            {"data": source, **one.to_json(), "evaluated_on": one.evaluated_on.replace(name, source)}
            for source, name, one in zip(sources, names, found, strict=True)  # by the name that a person knows
        ]
        print_json({"files": files, "all": together})
    else:
        from nncli.terminal.evaluation import print_evaluations

        print_evaluations(sources, [evaluation.metrics for evaluation in found], together)
    return DONE


def _each_of_numbers(
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
