"""A run before its first step, for a person: what was decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nncli.config.option import FULL_BATCH
from nncli.config.train_config import TrainConfig
from nncli.data.bundled import BUNDLED
from nncli.data.sources import title
from nncli.model.model import build_network
from nncli.nn.optimizers import OPTIMIZERS
from nncli.training.prepare import Prepared


def summary(prepared: Prepared) -> list[str]:
    """What was decided for the user, a line each."""
    config, dataset = prepared.config, prepared.dataset
    network, _ = build_network(config, prepared.preprocess.width, len(dataset.classes))
    bundled = "bundled " if config.data[0] in BUNDLED and not Path(config.data[0]).exists() else ""
    texts = [f"'{name}'" for name in dataset.schema.of_kind("text") if name not in config.categorical]
    columns = len(dataset.schema.columns)
    noun = "column" if columns == 1 else "columns"
    activation = f"{config.activation}, " if config.activation else ""
    rate = f"learning rate {config.lr:g} ({config.schedule}), "
    if OPTIMIZERS.create(config.optimizer or "").smooth:
        rate = ""
    averaged = "" if config.average == "none" else f"parameters averaged ({config.average}), "
    held = regularisation(config)
    batch = {FULL_BATCH: "the whole set at once", 1: "one row at a time"}.get(
        config.batch_size or FULL_BATCH, f"batches of {config.batch_size}"
    )
    parts = [f"{len(prepared.train):,} training"]
    for name, part, own in (("validation", prepared.val, config.val_data), ("test", prepared.test, config.test_data)):
        place = "their own file" if name == "test" and dataset.test is not None else title(own) if own else ""
        parts.append(f"{len(part) if part else 0:,} {name}" + (f" (from {place})" if place else ""))
    return [
        f"data: {bundled}{title(config.data)}, {len(dataset):,} rows, {columns:,} {noun}, "
        f"{len(dataset.classes):,} classes{', on the disk (nncli info --cache)' if dataset.table.is_on_disk else ''}",
        f"rows: {', '.join(parts)}",
        f"model: {config.model} {network.widths_shown()}, {activation}{network.size:,} parameters, {config.loss}",
        *([f"read as text: {', '.join(texts[:10])}{', …' if len(texts) > 10 else ''}"] if texts else []),
        f"training: {config.optimizer}, {rate}{batch}, {averaged}at most {config.epochs} epochs",
        *([f"regularisation: {', '.join(held)}"] if held else []),
    ]


def regularisation(config: TrainConfig) -> list[str]:
    """What holds the parameters down, and what the classes count, each in a few words."""
    held = [
        f"{name.replace('_', ' ')} {getattr(config, name):g}"
        for name in ("dropout", "input_dropout", "l1", "l2", "max_norm", "clip_norm", "label_smoothing")
        if getattr(config, name)
    ]
    return held if config.class_weight == "none" else [*held, f"{config.class_weight} classes"]


def plan(prepared: Prepared) -> dict[str, Any]:
    """What `train --dry-run` shows: everything decided before the first step."""
    network, _ = build_network(prepared.config, prepared.preprocess.width, len(prepared.dataset.classes))
    return {
        "classes": list(prepared.dataset.classes),
        "n_train": len(prepared.train),
        "n_val": len(prepared.val) if prepared.val else 0,
        "n_test": len(prepared.test) if prepared.test else 0,
        "inputs": prepared.preprocess.width,
        "parameters": network.size,
        "config": prepared.config.to_json(),
        "notes": list(prepared.notes),
    }
