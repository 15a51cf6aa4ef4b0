"""The command `nncli eval`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nncli.cli.completion import complete_data
from nncli.cli.evaluate_one import Judging, evaluate_classes, evaluate_numbers
from nncli.cli.evaluate_several import compare_two, evaluate_each
from nncli.cli.execution import Address, Ca, Cert, FileJobs, Insecure, Key, Place
from nncli.cli.guard_options import GuardOption, StrictOption, check_guard_file
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
from nncli.errors import OptionError, mention
from nncli.system.atomic import MODEL, NO_MODEL, as_stdout, check_writable, same_file
from nncli.system.output import in_quotes

if TYPE_CHECKING:
    from nncli.data.row_blocks import OnError

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
    "CSV file to write with each row: its columns (of sparse rows none), its class, the prediction and the "
    "probabilities; of numbers, the error and the interval."
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
    guard: GuardOption = None,
    strict: StrictOption = False,
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
    from nncli.inference.column_beside import known_column
    from nncli.inference.guarding import refuse_unknown
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
    guards = {"guard": guard, "strict": strict or None}
    asked = {"curve": curve, "judged": judged, "worst": worst, "by": by, **guards}
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
        return compare_two((model, sources[0]), sources[1:], given, how, json, quiet)
    most = 0 if worst is None else read_option("worst", worst, Whole(1))
    if len(sources) > 1 or place.address is not None:
        for name, value in {**asked, "memory": memory, "metric": metric, "choose_threshold": rule}.items():
            if value is not None:
                its = "for one file" if name in guards else "for one file, or the test rows of the model"
                remedy = "Name one file at a time" if len(sources) > 1 else f"Leave {mention('cluster')} out"
                raise OptionError(name, its, remedy)
        return evaluate_each(model, sources, (text, above, policy), positive, place, json, quiet)
    for name, value in {**given, "on_error": on_error}.items():
        if value and not sources:
            raise OptionError(name, "its own data are read as in training", "Leave it out")
    for name, value in guards.items():
        if value is not None and not sources:
            raise OptionError(name, "it compares new rows with those of training", "Name a file of new rows")
    loaded, provenance = checkpoint.load(Path(model))
    if loaded.target is not None:
        of_classes = {"curve": curve, "threshold": threshold, "choose_threshold": rule, "positive": positive}
        for name, value in of_classes.items():
            if value is not None:
                loaded.refuse_for_numbers(name)
    if metric is not None:
        check_metric(metric, loaded.target is not None)
    if curve is not None:
        loaded.check_threshold("curve")
    if strict:
        refuse_unknown(loaded, model)
    of = None if positive is None else positive_class(positive, loaded.classes)
    reads = [model, *(sources or (*provenance.source, *loaded.config.data.test_source))]
    _check_files(reads, curve, judged, guard)
    if out is not None:
        if as_stdout(out) == "-":
            raise OptionError("out", "the figures go to stdout", "Name a file")
        own = (*provenance.source, *loaded.config.data.test_source, *loaded.config.data.val_source)
        check_writable(Path(out), [*reads, *own, curve, judged, guard], replaces=MODEL)
    told = list[str]()
    if rule is not None:
        from nncli.inference.new_threshold import choose_anew

        loaded, provenance, told = choose_anew(loaded, provenance, model, rule, positive, bytes_of(memory))
    judging = Judging(
        loaded, provenance, model, sources, text, bytes_of(memory), metric, policy, curve, judged, most,
        None if by is None else known_column(loaded, by), guard, strict, json, quiet,
    )  # fmt: skip
    if loaded.target is not None:
        return evaluate_numbers(judging)
    return evaluate_classes(judging, above, of, out, told)


def _check_files(reads: Sequence[str], curve: str | None, judged: str | None, guard: str | None) -> None:
    """Raise OptionError or OutputError where a file cannot be written, or is named twice."""
    for name, file in (("curve", curve), ("judged", judged)):
        if file is not None:
            if as_stdout(file) == "-":
                raise OptionError(name, "the figures go to stdout", "Name a file")
            check_writable(Path(file), reads, f"--{name}", NO_MODEL)
    if curve is not None and judged is not None and same_file(curve, judged):
        raise OptionError("judged", f"{judged} is the file of --curve too", "Name another file")
    if guard is not None:
        check_guard_file(guard, reads, "the figures", {"--curve": curve, "--judged": judged})
