"""Print the figures of a training run, or what it would do."""

from __future__ import annotations

from typing import Any

from nncli.config.train_config import TrainConfig
from nncli.system.output import number, percent, say
from nncli.terminal.tables import PARTS, first_names, new_table, show
from nncli.training.reference import REFERENCES


def print_training(figures: dict[str, Any], quiet: bool = False) -> None:
    """Print the final figures beside those of the baseline, which always predicts the most frequent class."""
    table = new_table("", "rows", "loss", "accuracy")
    for title, part in PARTS:
        if figures[part]:
            loss, accuracy = number(figures[part]["loss"]), percent(figures[part]["accuracy"])
            table.add_row(title, f"{figures[f'n_{part}']:,}", loss, accuracy)
    if figures["reference"]:
        reference = figures["reference"]
        name = f"reference ({REFERENCES[reference['name']]})"
        table.add_row(name, "", "", percent(reference["accuracy"]), style="dim")
    table.add_row("baseline (most frequent class)", "", "", percent(figures["baseline_accuracy"]), style="dim")
    show(table)
    if not (figures["val"] or figures["test"]):
        say("note: no rows were held out, so these figures do not say how good the model is on new rows", quiet)


def print_plan(plan: dict[str, Any]) -> None:
    """Print the plan of `train --dry-run`."""
    table = new_table("", "", align="left")
    for key in ("n_train", "n_val", "n_test", "inputs", "parameters"):
        table.add_row(key, f"{plan[key]:,}")
    table.add_row("classes", first_names(plan["classes"]))
    config = TrainConfig.from_json(plan["config"])
    for name in plan["config"]:
        if config.text(name) and getattr(config, name) is not False:
            table.add_row(name, config.text(name))
    show(table)
