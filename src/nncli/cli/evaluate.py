"""The command `nncli eval`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nncli.cli.completion import complete_data
from nncli.cli.evaluate_numbers import evaluate_all, evaluate_one, say_left_out
from nncli.cli.execution import Address, Ca, Cert, FileJobs, Insecure, Key, Place
from nncli.cli.options import (
    DATA_HELP,
    THRESHOLD_HELP,
    Given,
    Json,
    Memory,
    ModelArgument,
    OnErrorOption,
    Quiet,
    bytes_of,
    model_in,
    text_options,
    value_option,
    with_text_options,
)
from nncli.config.decision_kinds import THRESHOLD, ThresholdRule, positive_class
from nncli.config.option import Component, OneOf, Whole, read_option
from nncli.config.task import check_metric
from nncli.data.expand import expand
from nncli.data.sources import Source
from nncli.errors import DONE, OptionError, mention
from nncli.system.atomic import MODEL, NO_MODEL, as_stdout, check_writable
from nncli.system.output import in_quotes, note_of, print_json, say
from nncli.terminal.progress import Progress

if TYPE_CHECKING:
    from nncli.data.csv.header import TextOptions
    from nncli.data.row_blocks import OnError
    from nncli.inference.evaluate import Evaluation
    from nncli.inference.judged_rows import JudgedRows

RULE_HELP = (
    "Rule to choose the threshold by, on the model's own validation rows: f1, mcc, cost, or a share, as recall=0.85 or "
    "precision=0.9."
)
POSITIVE_HELP = (
    "Which of two classes precision, recall, F1, thresholds and the curve are about; the model is not changed."
)
OUT_HELP = "File to save the model in, with the threshold of --choose-threshold."
CURVE_HELP = "CSV file to write with precision, recall, true and false positive rate, F1 and cost at each threshold."

JUDGED_HELP = (
    "CSV file to write with each row: its columns, its class, the prediction and the probabilities; of numbers, the "
    "error and the interval."
)
WORST_HELP = "Number of the most wrong rows to show; of rows that are equally wrong, the first ones in the data."
BY_HELP = "Column to compare rows by: all figures are shown for each of its categories or quarters too."


METRIC_HELP = "Metric to report first: {metrics}."


@with_text_options
def evaluate(
    model: ModelArgument,
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATA",
            help=DATA_HELP,
            show_default="the test rows of the training data",
            autocompletion=complete_data,
        ),
    ] = None,
    threshold: Annotated[str | None, value_option("P", THRESHOLD_HELP, "the model's own")] = None,
    choose_threshold: Annotated[str | None, value_option("RULE", RULE_HELP)] = None,
    positive: Annotated[str | None, value_option("CLASS", POSITIVE_HELP, "the model's own")] = None,
    out: Annotated[str | None, value_option("FILE", OUT_HELP, "none", "--out", "-o")] = None,
    curve: Annotated[str | None, value_option("FILE", CURVE_HELP)] = None,
    judged: Annotated[str | None, value_option("FILE", JUDGED_HELP)] = None,
    worst: Annotated[str | None, value_option("N", WORST_HELP, "none")] = None,
    by: Annotated[str | None, value_option("COLUMN", BY_HELP)] = None,
    *,
    given: Given,
    on_error: OnErrorOption = None,
    memory: Memory = None,
    metric: Annotated[str | None, value_option("NAME", METRIC_HELP)] = None,
    json: Json = False,
    quiet: Quiet = False,
    jobs: FileJobs = None,
    cluster: Address = None,
    tls_ca: Ca = None,
    tls_cert: Cert = None,
    tls_key: Key = None,
    insecure: Insecure = False,
) -> int:
    """Measure how good a model is, on its own test rows or on other files.

    nncli eval model.npz
    nncli eval model.npz new.csv --json
    nncli eval model.npz day-*.csv --jobs 4    a line for each, and one for all
    nncli eval a.npz b.npz new.csv             two models, and whether they differ
    nncli eval model.npz --choose-threshold recall=0.9 -o careful.npz
    """
    from nncli.inference import evaluate
    from nncli.inference.column_beside import known_column
    from nncli.inference.threshold_curve import Curve
    from nncli.model import checkpoint

    place, sources = Place.of(jobs, 1, cluster, insecure, tls_ca, tls_cert, tls_key), expand(data or [])
    if (read := given.get("rows")) is not None and ":" not in read:
        problem = f"it chooses rows to read, such as 1:83, and {in_quotes(read)} is none"
        raise OptionError("rows", problem, f"To write each judged row to a file, use {mention('judged', read)}")
    text = text_options(given)
    policy: OnError = read_option("on_error", on_error or "fail", OneOf(("fail", "skip"), "fail or skip"))
    above = None if threshold is None else read_option("threshold", threshold, THRESHOLD)
    rule = None if choose_threshold is None else read_option("choose_threshold", choose_threshold, ThresholdRule())
    if rule is not None and threshold is not None:
        raise OptionError("threshold", f"{mention('choose_threshold')} chooses another one", "Leave one of them out")
    if out is not None and rule is None:
        problem = f"it is for a threshold that {mention('choose_threshold')} chooses"
        remedy = f"Add that, or give {mention('threshold')} to nncli predict"
        is_for_one = len(sources) < 2 and model_in(sources[:1]) is None
        raise OptionError("out", problem, remedy if is_for_one else "Leave it out: of several, nothing is saved")
    asked = {"curve": curve, "judged": judged, "worst": worst, "by": by}
    looks_closer = any(value is not None for value in asked.values())
    if metric is not None:
        read_option("metric", metric, Component("metrics"))
    if sources and model_in(sources[:1]) is not None:
        for name, value in {
            **asked, "threshold": threshold, "choose_threshold": rule, "on_error": on_error, "cluster": cluster,
            "jobs": jobs,
        }.items():  # fmt: skip
            if value is not None:
                raise OptionError(name, "two models are compared as they are", "Leave it out, or name one model")
        how = text, bytes_of(memory), metric, positive
        return _compare((model, sources[0]), sources[1:], given, how, json, quiet)
    most = 0 if worst is None else read_option("worst", worst, Whole(1))
    if len(sources) > 1 or place.address is not None:
        for name, value in {**asked, "memory": memory, "metric": metric, "choose_threshold": rule}.items():
            if value is not None:
                raise OptionError(name, "for one file, or the test rows of the model", "Name one file at a time")
        return _evaluate_all(model, sources, (text, above, policy), positive, place, json, quiet)
    for name, value in {**given, "on_error": on_error}.items():
        if value and not sources:
            raise OptionError(name, "its own data are read as in training", "Leave it out")
    loaded, provenance = checkpoint.load(Path(model))
    is_number = loaded.target is not None
    if is_number:
        of_classes = {"curve": curve, "threshold": threshold, "choose_threshold": rule, "positive": positive}
        for name, value in of_classes.items():
            if value is not None:
                loaded.refuse_for_numbers(name)
    if metric is not None:
        check_metric(metric, is_number)
    of = None if positive is None else positive_class(positive, loaded.classes)
    for name in ("curve", "judged"):
        if asked[name] is not None:
            if as_stdout(asked[name]) == "-":
                raise OptionError(name, "the figures go to stdout", "Name a file")
            reads = sources or (*provenance.source, *loaded.config.data.test_source)
            check_writable(Path(asked[name] or ""), [model, *reads], f"--{name}", NO_MODEL)
    if curve is not None:
        loaded.check_threshold("curve")
        if judged is not None and Path(curve).resolve() == Path(judged).resolve():
            raise OptionError("judged", f"{judged} is the file of --curve too", "Name another file")
    if out is not None:
        if as_stdout(out) == "-":
            raise OptionError("out", "the figures go to stdout", "Name a file")
        files = (model, curve, judged, *sources, *provenance.source, *loaded.config.data.test_source)
        check_writable(Path(out), [*files, *loaded.config.data.val_source], replaces=MODEL)
    if by is not None:
        by = known_column(loaded, by)
    if is_number:
        its = {"source": sources, "text": text, "memory": bytes_of(memory), "metric": metric, "on_error": policy}
        return evaluate_one(loaded, provenance, model, its | {"by": by}, judged, most, json, quiet)
    if by is not None:
        of_groups = metric or loaded.metric
    told = list[str]()
    if rule is not None:
        from nncli.inference.new_threshold import choose_anew

        loaded, provenance, told = choose_anew(loaded, provenance, model, rule, positive, bytes_of(memory))
    details: dict[str, Any] = {}

    def look(rows: JudgedRows) -> None:
        if curve is not None:
            Curve.of(rows).write(Path(curve))
            say(f"{curve}: thresholds on the probability of {in_quotes(rows.positive)}", quiet)
        if judged is not None:
            rows.write(Path(judged))
        details.update({"worst": rows.worst(most)} if worst is not None else {})
        if by is not None:
            groups = rows.by(by, of_groups)
            details["by"] = {"column": by, "metric": of_groups, "groups": groups}

    evaluation = evaluate.evaluate_model(
        loaded, provenance, model, source=sources, text=text, memory=bytes_of(memory), threshold=above,
        on_rows=look if looks_closer else None, metric=metric, on_error=policy, by=by,
        positive=of,
    )  # fmt: skip
    if out is not None:
        checkpoint.save(Path(out), loaded, provenance)
        say(f"saved {out}, which nncli predict uses with this threshold", quiet)
    evaluation.notes.extend(told)
    for note in evaluation.notes:
        say(note, quiet)
    if worst is not None or judged is not None:
        say_left_out(loaded, sources, policy, quiet)
    if loaded.config.row_by_row:
        from nncli.explain.separation import story_of

        story, _ = story_of(loaded, provenance, model)
        details |= story
    if json:
        _note_omitted([evaluation], quiet)
        print_json(evaluation.to_json() | details)
    else:
        from nncli.terminal.evaluation import print_evaluation, print_worst
        from nncli.terminal.groups import print_groups

        print_evaluation(evaluation, quiet)
        if "by" in details:
            print_groups(**details["by"], positive=evaluation.metrics["positive"])
        if "worst" in details:
            print_worst(details["worst"])
        if "mistakes" in details:
            from nncli.terminal.mistakes import print_mistakes

            about = details["mistakes"], details["separation"], len(loaded.classes), loaded.preprocess.scaling
            print_mistakes(*about)
    return DONE


def _compare(
    models: tuple[str, str],
    sources: Source,
    given: Mapping[str, Any],
    how: tuple[TextOptions, int | None, str | None, str | None],
    json: bool,
    quiet: bool,
) -> int:
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


def _evaluate_all(
    model: str,
    sources: Source,
    how: tuple[TextOptions, float | None, OnError],
    positive: str | None,
    place: Place,
    json: bool,
    quiet: bool,
) -> int:
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
        return evaluate_all(model, sources, how[0], how[2], place, json, quiet)
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
        _note_omitted(found, quiet)
        files = [
            {"data": source, **one.to_json(), "evaluated_on": one.evaluated_on.replace(name, source)}
            for source, name, one in zip(sources, names, found, strict=True)  # by the name that a person knows
        ]
        print_json({"files": files, "all": together})
    else:
        from nncli.terminal.evaluation import print_evaluations

        print_evaluations(sources, [evaluation.metrics for evaluation in found], together)
    return DONE


def _note_omitted(found: Sequence[Evaluation], quiet: bool) -> None:
    from nncli.inference.metrics import MOST_CLASSES

    if any(evaluation.metrics["confusion_matrix_omitted"] for evaluation in found):
        counts = "confusion_counts lists its non-zero entries as [true, predicted, count]"
        say(f"confusion_matrix is left out for more than {MOST_CLASSES} classes; {counts}", quiet)
