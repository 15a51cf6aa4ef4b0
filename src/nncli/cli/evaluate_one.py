"""Run `nncli eval` for one model, on its own test rows or on one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncli.cli.guard_options import write_guard
from nncli.errors import DONE
from nncli.system.output import in_quotes, print_json, say

if TYPE_CHECKING:
    from nncli.data.csv.header import TextOptions
    from nncli.data.row_blocks import OnError
    from nncli.data.sources import Source
    from nncli.inference.evaluate import Evaluation
    from nncli.inference.evaluate_numbers import EvaluationOfNumbers
    from nncli.inference.judged_numbers import JudgedNumbers
    from nncli.inference.judged_rows import JudgedRows
    from nncli.model.model import Model
    from nncli.model.provenance import Provenance


@dataclass(frozen=True)
class Judging:
    """A model, the rows to judge it on, and what is asked for: a metric to report first, files for the thresholds, the
    judged rows and the report of the guard, so many of the most wrong rows, figures by a column, and to be strict."""

    model: Model
    provenance: Provenance
    file: str
    source: Source
    text: TextOptions
    memory: int | None
    metric: str | None
    on_error: OnError
    curve: str | None
    judged: str | None
    most: int
    by: str | None
    guard: str | None
    strict: bool
    json: bool
    quiet: bool

    @property
    def looks_closer(self) -> bool:
        """Tell whether the rows themselves are needed, and not their figures alone."""
        return bool(self.curve or self.judged or self.most or self.by)

    def how(self) -> dict[str, Any]:
        """Return how the rows are read and judged, for `evaluate_model` and `evaluate_numbers`."""
        names = ("source", "text", "memory", "metric", "on_error", "by", "strict")
        return {name: getattr(self, name) for name in names}

    def look_at_guard(self, evaluation: Evaluation | EvaluationOfNumbers) -> None:
        """Say the notes, write the report of the guard, and raise DataError if it is strict and the rows have drifted:
        nothing else has been written by then."""
        from nncli.inference.guarding import refuse_drift

        for note in evaluation.notes:
            say(note, self.quiet)
        if self.guard is not None:
            write_guard(self.guard, evaluation.guard, self.file, self.source, self.quiet)
        if self.strict and evaluation.guard is not None:
            refuse_drift(evaluation.guard, self.source)

    def say_left_out(self) -> None:
        """Say so where rows have other numbers than in the file."""
        policy = self.on_error if self.source else self.model.config.data.csv.on_error
        if (self.most or self.judged) and policy == "skip":
            say("the numbers of rows do not count rows that are left out", self.quiet)


def evaluate_classes(
    asked: Judging, threshold: float | None, positive: int | None, out: str | None, told: Sequence[str]
) -> int:
    """Print the figures of a model of classes. `told` is what there is to say of a threshold that was chosen for it,
    with which it is saved in `out`."""
    from nncli.inference.evaluate import evaluate_model
    from nncli.inference.threshold_curve import Curve
    from nncli.model import checkpoint

    model = asked.model
    judged: list[JudgedRows] = []
    of_groups = asked.metric or model.metric if asked.by else ""  # before the metric of the threshold takes its place
    evaluation = evaluate_model(
        model, asked.provenance, asked.file, **asked.how(), threshold=threshold, positive=positive,
        on_rows=judged.append if asked.looks_closer else None,
    )  # fmt: skip
    evaluation.notes.extend(told)
    asked.look_at_guard(evaluation)
    details: dict[str, Any] = {}
    for rows in judged:
        if asked.curve is not None:
            Curve.of(rows).write(Path(asked.curve))
            say(f"{asked.curve}: thresholds on the probability of {in_quotes(rows.positive)}", asked.quiet)
        if asked.judged is not None:
            rows.write(Path(asked.judged))
        details |= {"worst": rows.worst(asked.most)} if asked.most else {}
        if asked.by is not None:
            details["by"] = {"column": asked.by, "metric": of_groups, "groups": rows.by(asked.by, of_groups)}
    if out is not None:
        checkpoint.save(Path(out), model, asked.provenance)
        say(f"saved {out}, which nncli predict uses with this threshold", asked.quiet)
    asked.say_left_out()
    if model.config.row_by_row:
        from nncli.explain.separation import story_of

        story, _ = story_of(model, asked.provenance, asked.file)
        details |= story
    if asked.json:
        note_omitted([evaluation], asked.quiet)
        print_json(evaluation.to_json() | details)
        return DONE
    from nncli.terminal.evaluation import print_evaluation, print_worst
    from nncli.terminal.groups import print_groups

    print_evaluation(evaluation, asked.quiet)
    if "by" in details:
        print_groups(**details["by"], positive=evaluation.metrics["positive"])
    if "worst" in details:
        print_worst(details["worst"])
    if "mistakes" in details:
        from nncli.terminal.mistakes import print_mistakes

        about = details["mistakes"], details["separation"], len(model.classes), model.preprocess.scaling
        print_mistakes(*about)
    return DONE


def evaluate_numbers(asked: Judging) -> int:
    """Print the figures of a model that predicts numbers."""
    from nncli.inference import evaluate_numbers as numbers

    judged: list[JudgedNumbers] = []
    on_rows = judged.append if asked.looks_closer else None
    evaluation = numbers.evaluate_numbers(asked.model, asked.provenance, asked.file, **asked.how(), on_rows=on_rows)
    asked.look_at_guard(evaluation)
    details: dict[str, Any] = {}
    for rows in judged:
        if asked.judged is not None:
            rows.write(Path(asked.judged))
        details |= {"worst": rows.worst(asked.most)} if asked.most else {}
        if asked.by is not None:
            details["by"] = {"column": asked.by, "groups": rows.by(asked.by, asked.metric)}
    asked.say_left_out()
    if asked.json:
        print_json(evaluation.to_json() | details)
        return DONE
    from nncli.terminal.numbers import print_evaluation_of_numbers, print_groups_of_numbers, print_worst_numbers

    print_evaluation_of_numbers(evaluation)
    if "by" in details:
        print_groups_of_numbers(**details["by"])
    if "worst" in details:
        print_worst_numbers(details["worst"])
    return DONE


def note_omitted(found: Sequence[Evaluation], quiet: bool) -> None:
    """Say so where the confusion matrix of an evaluation is too large to be printed."""
    from nncli.inference.metrics import MOST_CLASSES

    if any(evaluation.metrics["confusion_matrix_omitted"] for evaluation in found):
        counts = "confusion_counts lists its non-zero entries as [true, predicted, count]"
        say(f"confusion_matrix is left out for more than {MOST_CLASSES} classes; {counts}", quiet)
