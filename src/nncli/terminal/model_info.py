"""Print what is in a model, or which tables are kept on the disk."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from nncli.config.ensemble_kind import members_in_words
from nncli.config.usual_model import chosen_model
from nncli.data.cells import DEFAULT_MISSING
from nncli.data.disk.cache import Entry
from nncli.data.sources import title
from nncli.data.words.options import WordOptions
from nncli.model.decision import say_threshold
from nncli.nn.calibration import Calibration
from nncli.system.characters import encoding_name
from nncli.system.output import counted, in_quotes, percent, put, quantity
from nncli.terminal.mistakes import told_mistakes
from nncli.terminal.numbers import written
from nncli.terminal.tables import PARTS, cut, first_names, new_table, show

SHOWN_FILES = 3  # of a table


def print_cache(folder: Path, entries: Sequence[Entry]) -> None:
    """Print the tables that are kept on the disk."""
    if entries:
        table = new_table("MB", "rows", "columns", "table", align="left")
        for one in entries:
            table.add_row(f"{one.bytes / 1e6:,.1f}", f"{one.rows:,}", f"{one.columns:,}", _named(one))
        show(table)
    size = sum(one.bytes for one in entries)
    put(f"{counted(len(entries), 'table')} in {folder}, {size / 1e6:,.1f} MB")


def parts_of(d: dict[str, Any]) -> dict[str, str]:
    """Say of each part of a blend how often it counts, and what it was trained with."""
    parts = d.get("parts", [])
    total = sum(part["times"] for part in parts)
    return {f"part {i}": f"{part['times']} of {total}, {part['trained_with']}" for i, part in enumerate(parts, 1)}


def _texts(columns: Sequence[str], **options: Any) -> str:
    """Say which columns are read word by word, and what is counted in them."""
    how = WordOptions(**options)
    return f"{first_names([in_quotes(name) for name in columns])}: {how.in_words()}, hashed to 2^{how.bits} inputs"


def _named(entry: Entry) -> str:
    if entry.state == "damaged":
        return "damaged"
    shown, more = " ".join(map(shlex.quote, entry.files[:SHOWN_FILES])), len(entry.files) - SHOWN_FILES
    outdated = " (outdated: its file has changed or is gone)" if entry.state == "outdated" else ""
    return shown + (f" and {more:,} more" if more > 0 else "") + outdated


def print_model(d: dict[str, Any]) -> None:
    """Print what `checkpoint.describe` says of a model, and whether weights can separate its training rows."""
    figures = d["figures"]
    numbers = [column["name"] for column in d["columns"] if column["kind"] == "number"]
    table = new_table("", "", align="left")
    facts = {
        "model": f"{d['model']} {d['layers']}, {d['parameters']:,} parameters",
        "chosen": chosen_model(d["notes"]),
        **parts_of(d),
        "ensemble": ""
        if "parts" in d
        else members_in_words(d["options"].get("ensemble"), of_classes=bool(d["classes"])),
        "target": f"{d['target']}, {_classes(d)}",
        "numbers": f"{counted(len(numbers), 'column')}, scaling {d['scaling']}: {first_names(numbers)}"
        if numbers
        else "",
        "constant": first_names([column["name"] for column in d["columns"] if column.get("scale") == 0]),
        "dates": first_names([f"{one['name']} (from {one['first']})" for one in d["columns"] if one["kind"] == "date"]),
        **{
            f"text '{cut(name)}'": first_names(["(missing)" if value is None else value for value in values])
            for name, values in d["categories"].items()
        },
        "texts": _texts(**d["words"]) if "words" in d else "",
        "reading": ", ".join(
            [*_reading(**d["reading"]), *(f"{one['name']}: {one['cells']}" for one in d["columns"] if "cells" in one)]
        ),
        "data": f"{title(tuple(d['data']['source']))}, {d['data']['rows']:,} rows, SHA-256 {d['data']['sha256'][:16]}…",
        "vectors": "from {file}, SHA-256 {sha256:.16}…".format(**d["vectors"]) if "vectors" in d else "",
        "from": _lineage(d["from"]),
        "rows": ", ".join(f"{figures[f'n_{part}']:,} {title}" for title, part in PARTS),
        **_figures(figures),
        "folds": _judged_in_folds(figures["folds"]),
        "calibrated": str(Calibration(**d["calibration"])) if d["calibration"] else "",
        "decision": _decided(d["classes"], d["decision"]),
        "history": _history(d),
        **told_mistakes(d["mistakes"], d["separation"], len(d["classes"]), d["scaling"]),
        "guards": _guarded(d["guards"]),
        "options": d["command_line"],
        "program": f"nncli {d['nncli']}",
    }
    for name, text in facts.items():
        if text:
            table.add_row(name, Text(text))
    show(table)


def _history(d: dict[str, Any]) -> str:
    """Say which epoch was kept; of a blend, which of the networks that were trained is the best by itself."""
    best, done = d["figures"]["best_epoch"], d["figures"]["epochs"]
    if "parts" in d:
        return f"{counted(done, 'network')} trained, of which number {best} is the best by itself"
    return f"epoch {best} of {done} kept" + (", and the state that --resume starts from" if d["resumable"] else "")


def _guarded(known: dict[str, Any] | None) -> str:
    """Say what predict and eval compare later rows with."""
    if known is None:
        return "off: no statistics of the training columns are known (an older model, or many or sparse columns)"
    rows = f"later rows are compared with {counted(known['training_rows'], 'training row')}"
    predicted = known["predicted_rows"]
    return rows + (f", their predictions with those of {counted(predicted, 'row')}" if predicted else "")


def _classes(d: dict[str, Any]) -> str:
    if "task" in d:
        scale = d["target_scale"]
        return f"a number: mean {quantity(scale['mean'])}, sd {quantity(scale['sd'])} in the training rows"
    return f"{len(d['classes'])} classes: {first_names(d['classes'])}"


def _figures(figures: dict[str, Any]) -> dict[str, str]:
    """Write the accuracy of each part beside the baseline; of numbers, RMSE and R²."""
    parts = [(title, figures[part]) for title, part in PARTS if figures[part]]
    if "task" in figures:
        guess = quantity(figures["baseline"]["mean"]["rmse"])
        rmse = ", ".join(f"{title} {quantity(found['rmse'])}" for title, found in parts)
        r2 = ", ".join(f"{title} {written('r2', found['r2'])}" for title, found in parts)
        reference = figures["reference"]
        other = f"; {reference['name']} {quantity(reference['rmse'])}" if reference else ""
        return {"RMSE": f"{rmse} (baseline {guess}, the mean{other})", "R²": r2}
    accuracy = ", ".join(f"{title} {percent(found['accuracy'])}" for title, found in parts)
    baseline = f"baseline {percent(figures['baseline_accuracy'])}{_referred(figures['reference'])}"
    return {"accuracy": f"{accuracy} ({baseline})"}


def _judged_in_folds(folds: dict[str, Any] | None) -> str:
    """Write the accuracy of all rows, each judged by a model that has not seen it."""
    if folds is None:
        return ""
    if "rmse" in folds["metrics"]:
        one = folds["metrics"]["rmse"]
        low, high = one["interval"] or (one["value"],) * 2
        interval = f"95 % interval {quantity(low)} to {quantity(high)}"
        return f"RMSE {quantity(one['value'])} of {folds['n']:,} rows ({interval})"
    accuracy = folds["metrics"]["accuracy"]
    low, high = accuracy["interval"] or (accuracy["value"],) * 2
    interval = f"95 % interval {percent(low)} to {percent(high)}"
    return f"accuracy {percent(accuracy['value'])} of {folds['n']:,} rows ({interval})"


def _referred(reference: dict[str, Any] | None) -> str:
    return f", {reference['name']} {percent(reference['accuracy'])}" if reference else ""


def _decided(classes: Sequence[str], decision: dict[str, Any] | None) -> str:
    """Say which of two classes is the positive one, and how a class is decided where that is not the likeliest."""
    if not classes:
        return ""
    positive = classes[1 if decision is None else decision["positive"]]
    if decision is not None and decision["threshold"] is not None:
        return say_threshold(decision["threshold"], positive, decision["rule"])
    if decision is not None and decision["costs"]:
        return "the class of the least expected cost"
    return f"the likelier class; {in_quotes(positive)} is the positive one" if len(classes) == 2 else ""


def _reading(header: bool, delimiter: str, decimal: str, encoding: str, missing: list[str], dtype: str) -> list[str]:
    """Return how files are read, where that is not the default."""
    more = [repr(text) for text in missing if text not in DEFAULT_MISSING]
    fewer = [repr(text) for text in DEFAULT_MISSING if text not in missing]
    unusual = {
        "no header": not header,
        f"delimiter {'tab' if delimiter == chr(9) else delimiter}": delimiter != ",",
        f"decimal mark {decimal}": decimal != ".",
        f"encoding {encoding_name(encoding)}": encoding != "utf-8",
        f"missing also {', '.join(more)}": bool(more),
        f"no missing value {', '.join(fewer)}": bool(fewer),
        f"numbers as {dtype}": dtype != "float32",
    }
    return [words for words, is_so in unusual.items() if is_so]


def _lineage(parent: dict[str, Any] | None) -> str:
    """Write which model another one went on from, and the data of all before it."""
    if parent is None:
        return ""
    data = first_names([title(tuple(source)) for source in parent["data"]])
    return f"the model with SHA-256 {parent['sha256'][:16]}…, and data before: {data}"
