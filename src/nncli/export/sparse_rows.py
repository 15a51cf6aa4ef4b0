"""Write models of numbers that are stored sparse as small as they can be: a row has only the cells that are not 0."""

from __future__ import annotations

from itertools import compress

from nncli.export.description import Description, members_of


def with_zeros(description: Description) -> Description:
    """Return the description with all cells of its golden rows, for a language whose rows have all of them."""
    if "sparse" not in description:
        return description
    names = [column["name"] for column in description["columns"]]
    golden = description["golden"]
    rows = [{name: row.get(name, 0.0) for name in names} for row in golden["rows"]]
    return {**description, "golden": {**golden, "rows": rows}}


def without_idle(description: Description) -> Description:
    """Return the description without the columns that have weights of 0 alone, as those that no training row had, and
    without these, for a language whose rows may have columns that the model does not know: they say nothing."""
    if "sparse" not in description:
        return description
    members = members_of(description)
    columns = description["columns"]
    used = [any(any(layers[0]["weights"][i]) for layers in members) for i in range(len(columns))]
    used[0] |= not any(used)  # a model has a column
    kept = [[{**layers[0], "weights": [*compress(layers[0]["weights"], used)]}, *layers[1:]] for layers in members]
    own = {"members": kept} if "members" in description else {"layers": kept[0]}
    golden = description["golden"]
    known = {column["name"] for column in compress(columns, used)}
    rows = [{name: cell for name, cell in row.items() if name in known} for row in golden["rows"]]
    found = {**description, "columns": [*compress(columns, used)], "golden": {**golden, "rows": rows}}
    return {**found, **own}
