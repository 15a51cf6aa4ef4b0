"""Summarise for a person what was decided before the first step of a training run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nncli.config.option import FULL_BATCH
from nncli.config.resolved import ResolvedConfig
from nncli.config.train_config import TrainConfig
from nncli.data.bundled import BUNDLED
from nncli.data.sources import title
from nncli.data.task import REGRESSION
from nncli.nn.optimizers import OPTIMIZERS
from nncli.system.output import counted
from nncli.training.memory import bytes_to_train, say_memory
from nncli.training.prepare import Prepared


def summary(prepared: Prepared) -> list[str]:
    """Describe data, parts, model and training, in a line each."""
    config, dataset, options = prepared.config, prepared.dataset, prepared.config.options
    bundled = "bundled " if options.data[0] in BUNDLED and not Path(options.data[0]).exists() else ""
    told = {*options.categorical, *prepared.preprocess.columns_of_words}
    texts = [f"'{name}'" for name in dataset.schema.of_kind("text") if name not in told]
    columns = counted(len(dataset.schema.columns), "column")
    predicts = f"numbers ({dataset.schema.target})" if dataset.is_numeric else f"{len(dataset.classes):,} classes"
    parts = [f"{len(prepared.train):,} training"]
    for name, part, own in (("validation", prepared.val, options.val_data), ("test", prepared.test, options.test_data)):
        place = "their own file" if name == "test" and dataset.test is not None else title(own) if own else ""
        is_in_folds = name == "validation" and part.folds is not None
        place = f" (from {place})" if place else " (each by the member that leaves it out)" if is_in_folds else ""
        parts.append(f"{len(part):,} {name}{place}")
    n = len(dataset) if prepared.start is None else prepared.start.n_new
    # a matrix, which has no profile of its columns, is there for this run alone
    on_disk = ", on the disk" + " (nncli info --cache)" * bool(dataset.schema.profile)
    return [
        f"data: {bundled}{title(options.data)}, {n:,} rows, {columns}, "
        f"{predicts}{on_disk if dataset.table.is_on_disk else ''}",
        f"rows: {', '.join(parts)}",
        *([] if options.preset.searches else [_network(prepared)]),
        *([f"read as text: {', '.join(texts[:10])}{', …' if len(texts) > 10 else ''}"] if texts else []),
        *(_search(prepared) if options.preset.searches else _training(config)),
        *_memory(prepared),
    ]


def _memory(prepared: Prepared) -> list[str]:
    """Say how much memory a run of one network will need, where that is much; rows on the disk keep to what is
    allowed."""
    dataset, train = prepared.dataset, prepared.train
    if dataset.table.is_on_disk or prepared.config.options.preset.searches:
        return []
    K = len(dataset.classes)
    return say_memory(bytes_to_train(prepared.config, len(train), dataset.table, prepared.preprocess, K), K)


def _network(prepared: Prepared) -> str:
    """Describe the network."""
    model, (network, _) = prepared.config.model, prepared.new_network()
    activation = f"{model.activation}, " if model.activation else ""
    return f"model: {model.name} {network.widths_shown()}, {activation}{network.size:,} parameters, {model.loss}"


def _training(config: ResolvedConfig) -> list[str]:
    """Describe the steps of a run, and its regularisation."""
    how, held = config.training, regularisation(config.options)
    rate = "" if OPTIMIZERS.create(how.optimizer).smooth else f"learning rate {how.lr:g} ({how.schedule}), "
    averaged = "" if how.average == "none" else f"parameters averaged ({how.average}), "
    batch = {FULL_BATCH: "the whole set at once", 1: "one row at a time"}.get(
        how.batch_size, f"batches of {how.batch_size}"
    )
    return [
        f"training: {how.optimizer}, {rate}{batch}, {averaged}at most {counted(how.epochs, 'epoch')}",
        *([f"regularisation: {', '.join(held)}"] if held else []),
    ]


def _search(prepared: Prepared) -> list[str]:
    """Describe the rounds of a search."""
    from nncli.training.search import plan_of

    plan = plan_of(prepared)
    rounds = [f"{counted(one.networks, 'network')} for {100 * one.share:.0f} % of the epochs" for one in plan.rounds]
    rows = f"each on {plan.folds} folds" if plan.folds else "judged by the validation rows"
    if plan.folds and not plan.rounds[0].on_folds:
        rows = f"the last on {plan.folds} folds if the time is enough, the others on one of them"
    return [f"search: {', then '.join(rounds)}; {rows}"]


def regularisation(config: TrainConfig) -> list[str]:
    """Describe the regularisation and the weights of the classes, each in a few words."""
    held = [
        f"{name.replace('_', ' ')} {getattr(config, name):g}{_by_schedule(config, name)}"
        for name in ("dropout", "input_dropout", "l1", "l2", "max_norm", "clip_norm", "label_smoothing")
        if getattr(config, name)
    ]
    if config.distort:
        held.append(f"distort {config.distort}")
    if config.class_weight == "none":
        return held
    return [*held, "balanced classes" if config.class_weight == "balanced" else f"class weights {config.class_weight}"]


def _by_schedule(config: TrainConfig, name: str) -> str:
    """Write the schedule that a penalty follows, if it has one."""
    schedule = config.dropout_schedule if name.endswith("dropout") else config.decay_schedule if name == "l2" else None
    return f" ({schedule})" if schedule else ""


def plan(prepared: Prepared) -> dict[str, Any]:
    """Return what `train --dry-run` shows: everything decided before the first step."""
    is_numeric, searches = prepared.dataset.is_numeric, prepared.config.options.preset.searches
    return {
        **({"task": REGRESSION} if is_numeric else {"classes": list(prepared.dataset.classes)}),
        "n_train": len(prepared.train),
        "n_val": len(prepared.val),
        "n_test": len(prepared.test),
        "inputs": prepared.preprocess.width,
        **({} if searches else {"parameters": prepared.new_network()[0].size}),
        "config": prepared.config.options.to_json(),
        "notes": list(prepared.notes),
    }
