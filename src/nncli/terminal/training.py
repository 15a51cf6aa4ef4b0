"""Print the figures of a training run, or what it would do."""

from __future__ import annotations

from typing import Any

from nncli.config.train_config import TrainConfig
from nncli.metrics.definitions import METRICS
from nncli.system.output import number, percent, put, say
from nncli.terminal.tables import PARTS, cut, first_names, new_table, show

ALWAYS = ("accuracy", "log-loss")  # metrics that are shown in any case


def print_training(figures: dict[str, Any], quiet: bool = False) -> None:
    """Print the final figures beside those of the baseline, which always predicts the most frequent class."""
    if "task" in figures:
        from nncli.terminal.numbers import print_training_of_numbers

        print_training_of_numbers(figures, quiet)
        return
    asked = figures["metric"]
    if asked is not None and asked["name"] in ALWAYS:
        asked = None
    more = [] if asked is None else [cut(METRICS.create(asked["name"]).label(figures["positive"]))]
    loss = "loss" if figures["train"]["log_loss"] is None else "log_loss"  # which needs probabilities
    table = new_table("", "rows", loss.replace("_", " "), "accuracy", *more)
    for title, part in PARTS:
        if found := figures[part]:
            cells = number(found[loss]), percent(found["accuracy"]), *_value(asked, part)
            table.add_row(title, f"{figures[f'n_{part}']:,}", *cells)
    if figures["reference"]:
        from nncli.training.reference import REFERENCES

        reference = figures["reference"]
        name = f"reference ({REFERENCES[reference['name']]})"
        by = reference["metric"]
        log_loss = number(by["value"]) if by and by["name"] == "log-loss" else ""
        its = _value(by, "value") if by and asked and by["name"] == asked["name"] else [""] * len(more)
        table.add_row(name, "", log_loss, percent(reference["accuracy"]), *its, style="dim")
    baseline = percent(figures["baseline_accuracy"])
    table.add_row("baseline (most frequent class)", "", "", baseline, *("" for _ in more), style="dim")
    show(table)
    if figures["reference"]:
        from nncli.training.reference import say_comparison

        for line in say_comparison(figures["reference"], figures["positive"]):
            put(line)
    if figures["folds"]:
        from nncli.terminal.folds import print_folds

        print_folds(figures["folds"], figures["positive"], figures["metric"])
    elif not (figures["val"] or figures["test"]):
        say("note: no rows were held out, so these figures do not say how good the model is on new rows", quiet)


def _value(asked: dict[str, Any] | None, part: str) -> list[str]:
    """Write the metric that was asked for, if one was, for a part."""
    if asked is None:
        return []
    write = percent if METRICS.create(asked["name"]).in_percent else number
    return ["·" if asked[part] is None else write(asked[part])]


def print_plan(plan: dict[str, Any]) -> None:
    """Print the plan of `train --dry-run`."""
    table = new_table("", "", align="left")
    for key in ("n_train", "n_val", "n_test", "inputs", "parameters"):
        if key in plan:  # a search has no parameters yet
            table.add_row(key, f"{plan[key]:,}")
    table.add_row(*(("task", plan["task"]) if "task" in plan else ("classes", first_names(plan["classes"]))))
    config = TrainConfig.from_json(plan["config"])
    for name in plan["config"]:
        if config.written(name) and getattr(config, name) is not False:
            table.add_row(name, config.written(name))
    show(table)
