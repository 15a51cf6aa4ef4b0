"""The card of a model, as JSON: what it predicts from what, how good it is, what it was made from, and its limits."""

from __future__ import annotations

from typing import Any

from nncli.data.task import CLASSIFICATION
from nncli.guards.shares import written_date
from nncli.model.checkpoint import describe
from nncli.model.limits import limits_of
from nncli.model.model import Model
from nncli.serve.models import Served

OF_DESCRIPTION = (
    "model", "layers", "parameters", "target", "calibration", "decision", "scaling", "reading", "data", "figures",
    "command_line", "notes", "kernels", "guards",
)  # fmt: skip


def card(served: Served) -> dict[str, Any]:
    """Describe a model for whoever asks it."""
    model = served.model
    d = describe(model, served.provenance)
    return {
        "name": served.name,
        "sha256": served.sha256,
        "loaded": served.loaded,
        "nncli": d["nncli"],
        "task": d.get("task", CLASSIFICATION),
        "classes": d["classes"],
        "columns": columns_of(served),
        **{name: d[name] for name in OF_DESCRIPTION},
        **({"target_scale": d["target_scale"]} if model.target is not None else {}),
        "limits": limits_of(model),
    }


def columns_of(served: Served) -> list[dict[str, Any]]:
    """Describe the columns that a row has: the range of numbers and dates in the training rows, the categories of
    texts, or that its words count (`words`); where cells are written in a way of their own, how (`cells`); of these and
    of dates, a typical one (`example`)."""
    model = served.model
    spellings = dict(model.schema.spellings)
    days = _ranges_of_dates(model)
    described = describe(model, served.provenance)["columns"]
    profile = {column.name: column for column in model.schema.profile}
    found = []
    for column in described:
        name, kind = column["name"], column["kind"]
        its: dict[str, Any] = {"name": name, "kind": kind}
        if kind == "number":
            its["median"] = column["median"]
            if name in profile and profile[name].low is not None:
                its |= {"low": profile[name].low, "high": profile[name].high, "whole": profile[name].whole}
        elif kind == "text":
            its["categories"] = [one for one in model.preprocess.categories.get(name, ()) if one is not None]
            its |= {"words": True} if name in model.preprocess.columns_of_words else {}
        elif name in days:
            its["low"], its["high"] = map(written_date, days[name])
        if "cells" in column:
            its["cells"] = column["cells"]
        typical = sum(days[name]) / 2 if name in days else its.get("median")
        if typical is not None and (name in spellings or kind == "date"):
            its["example"] = spellings[name].written(typical) if name in spellings else written_date(typical)
        found.append(its)
    return found


def _ranges_of_dates(model: Model) -> dict[str, tuple[float, float]]:
    """Return the first and the last day of the columns of dates in the training rows, as far as they are known."""
    names = model.schema.of_kind("date")
    if model.distribution is None:
        return {}
    ranges = model.distribution.ranges[len(model.schema.of_kind("number")) :, :2]
    return {name: (low, high) for name, (low, high) in zip(names, ranges.tolist(), strict=True) if low <= high}
