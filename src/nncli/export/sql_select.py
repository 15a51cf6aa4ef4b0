"""The SELECT that predicts, for SQLite, DuckDB and PostgreSQL.

Each step from the cells to the answer is a common table expression, with a column for each unit. They are MATERIALIZED:
a database that put one into the next would compute a unit again for each unit behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nncli.export.description import Description, columns_of
from nncli.export.expressions import Language

ROW = "nn_row"
SPLIT = "536870913e0"  # 2^29 + 1: v·s − (v·s − v) is v in the 24 bits of float32 (Veltkamp 1968)
FUNCTIONS = {
    "relu": "CASE WHEN {0} > 0e0 THEN {0} ELSE 0e0 END",
    "sigmoid": "1e0 / (1e0 + exp(CASE WHEN {0} > 80e0 THEN -80e0 WHEN {0} < -80e0 THEN 80e0 ELSE -({0}) END))",
    # PostgreSQL takes an exponential that is too near 0 for a mistake
    "softplus": "CASE WHEN {0} > 40e0 THEN {0} WHEN {0} < -700e0 THEN 0e0 ELSE ln(1e0 + exp({0})) END",
    "step": "CASE WHEN {0} >= 0e0 THEN 1e0 ELSE 0e0 END",
    "sign": "CASE WHEN {0} >= 0e0 THEN 1e0 ELSE -1e0 END",
    # e^2z, of which z = ±20 gives ±1 already
    "tanh": "1e0 - 2e0 / (1e0 + exp(2e0 * CASE WHEN {0} > 20e0 THEN 20e0 WHEN {0} < -20e0 THEN -20e0 ELSE {0} END))",
    "exp": "exp(CASE WHEN {0} < -700e0 THEN -700e0 ELSE {0} END)",
    "arctan": "atan({0})",
    "cos": "cos({0})",
}
Named = dict[str, str]  # column → expression


def select(description: Description) -> str:
    """Write the SELECT of a model."""
    steps: list[tuple[str, Named, str]] = []  # name, columns, and the step before
    steps.append(("nn_rows", {}, "data"))
    cells, scaled, inputs, clipped = _inputs(description)
    steps.append(("nn_cells", cells, "nn_rows"))
    before = "nn_cells"
    for i, parts in enumerate(_dates(description)):
        kept = {name: name for name in steps[-1][1]}
        steps.append((f"nn_dates{i + 1}", kept | parts, before))
        before = f"nn_dates{i + 1}"
    steps.append(("nn_scaled", scaled, before))
    steps.append(("nn_inputs", inputs, "nn_scaled"))
    if clipped:
        steps.append(("nn_clipped", clipped, "nn_inputs"))
    before, last = steps[-1][0], len(description["layers"])
    for i, layer in enumerate(description["layers"]):
        texts = columns_of(description, "text") if i == 0 else []
        steps.append((f"nn_layer{i + 1}", _layer(layer, len(inputs) - len(texts) if i == 0 else None, texts), before))
        before = f"nn_layer{i + 1}"
        if i + 1 < last and layer["activation"] != "z":
            steps.append((f"nn_units{i + 1}", _units(layer), before))
            before = f"nn_units{i + 1}"
    steps += _answer(description, before)
    written = []
    for name, named, source in steps:
        if not named:
            written.append(f"{name} AS MATERIALIZED (SELECT row_number() OVER () AS {ROW}, {source}.* FROM {source})")
            continue
        listed = ",\n  ".join([ROW, *(f"{its} AS {one}" for one, its in named.items())])
        written.append(f"{name} AS MATERIALIZED (SELECT\n  {listed}\n  FROM {source})")
    answers = [f"nn_answer.{internal} AS {quoted(name)}" for internal, name in _names(description).items()]
    listed = ",\n  ".join(["nn_rows.*", *answers])
    final = (
        f"SELECT\n  {listed}\nFROM nn_rows JOIN nn_answer ON nn_rows.{ROW} = nn_answer.{ROW}\nORDER BY nn_rows.{ROW};"
    )
    return "WITH " + ",\n".join(written) + "\n" + final


def _inputs(description: Description) -> tuple[Named, Named, Named, Named]:
    """Write the cells with the missing ones filled in, then scaled, then cut off; at last, with a smooth clip, which
    without one is empty."""
    numbers, dates, texts = (columns_of(description, kind) for kind in ("number", "date", "text"))
    cells, scaled, inputs, clipped = Named(), Named(), Named(), Named()
    for i, column in enumerate(numbers):
        cells[f"v{i}"] = f"COALESCE({_value(column['name'])}, {_number(column['median'])})"
        value = f"(v{i} * {SPLIT} - (v{i} * {SPLIT} - v{i}))" if description["reads"] == "float32" else f"v{i}"
        scaled[f"x{i}"] = f"({value} - {_number(column['shift'])}) * {_number(column['scale'])}"
    k = len(numbers)
    for i, column in enumerate(dates):
        cells[f"d{i}"] = _value(column["name"])
        parts = (f"d{i} - {_number(column['first'])}", f"day_of_year{i}", f"weekday{i}")
        for j, part in enumerate(parts):
            value = f"COALESCE({part}, {_number(column['median'][j])})"
            scaled[f"x{k}"] = f"({value} - {_number(column['shift'][j])}) * {_number(column['scale'][j])}"
            k += 1
    for name in scaled:
        inputs[name] = f"CASE WHEN {name} > 1e15 THEN 1e15 WHEN {name} < -1e15 THEN -1e15 ELSE {name} END"
    if clip := next((column["clip"] for column in numbers + dates if "clip" in column), None):  # of all, or of none
        for name in inputs:  # nearer to 0 it is x itself, and a square may be too small for a database
            part = f"({name} / {_number(clip)})"
            bent = f"{name} / SQRT(1e0 + {part} * {part})"
            clipped[name] = f"CASE WHEN ABS({name}) < 1e-9 THEN {name} ELSE {bent} END"
    for i, column in enumerate(texts):
        text = f"TRIM(CAST({quoted(column['name'])} AS VARCHAR))"
        codes = " ".join(f"WHEN {_text(text)} THEN {code}" for text, code in column["codes"].items())
        cell = f"CASE {text} {codes} ELSE {column['inputs'] - 1} END"
        cells[f"t{i}"] = f"CASE WHEN {quoted(column['name'])} IS NULL THEN {column['missing']} ELSE {cell} END"
        scaled[f"t{i}"] = inputs[f"t{i}"] = f"t{i}"
        if clip:
            clipped[f"t{i}"] = f"t{i}"
    return cells, scaled, inputs, clipped


def _value(name: str) -> str:
    """Write the number of a cell, NULL where it is missing. SQLite would make 0 of an empty text, as its import leaves
    it, and of two NaN the other databases say that they are equal."""
    cell = quoted(name)
    is_missing = f"LOWER(CAST({cell} AS VARCHAR)) IN ('', 'nan')"
    return f"CASE WHEN {is_missing} THEN NULL ELSE CAST({cell} AS DOUBLE PRECISION) END"


def _dates(description: Description) -> list[Named]:
    """Write, step by step, the day of the year and the weekday of each date, from days since 1970. Years are counted
    from March: a leap day is then the last of its year (Fliegel and Van Flandern 1968)."""
    steps: list[Named] = [{} for _ in range(5)]
    for i in range(len(columns_of(description, "date"))):
        steps[0][f"day{i}"] = f"FLOOR(d{i})"
        steps[1][f"era{i}"] = f"FLOOR((day{i} + 719468e0) / 146097e0)"
        steps[1][f"weekday{i}"] = f"day{i} + 3e0 - 7e0 * FLOOR((day{i} + 3e0) / 7e0)"
        steps[2][f"of_era{i}"] = f"day{i} + 719468e0 - 146097e0 * era{i}"
        whole = " ".join(f"{sign} FLOOR(of_era{i} / {n}e0)" for sign, n in (("-", 1460), ("+", 36524), ("-", 146096)))
        steps[3][f"year{i}"] = f"FLOOR((of_era{i} {whole}) / 365e0)"
        from_march = f"(of_era{i} - 365e0 * year{i} - FLOOR(year{i} / 4e0) + FLOOR(year{i} / 100e0))"
        # a year of 400 from March is a leap year in its first two months of the next, by that one's number
        leap = (
            f"CASE WHEN year{i} / 4e0 = FLOOR(year{i} / 4e0) AND (year{i} / 100e0 <> FLOOR(year{i} / 100e0) "
            f"OR year{i} = 0e0) THEN 1e0 ELSE 0e0 END"
        )
        steps[4][f"day_of_year{i}"] = (
            f"CASE WHEN {from_march} >= 306e0 THEN {from_march} - 305e0 ELSE {from_march} + 60e0 + {leap} END"
        )
    return steps if steps[0] else []


def _layer(layer: dict[str, Any], numbers: int | None, texts: Sequence[dict[str, Any]]) -> Named:
    """Write z = x W + b; the first layer has so many numbers, and then texts, of which one weight counts each.

    Weights of 0 are left out: most are 0 where embeddings are written as layers.
    """
    k = len(layer["weights"]) if numbers is None else numbers
    found = {}
    for j, bias in enumerate(layer["biases"]):
        terms = [
            _number(bias),
            *(f"x{i} * {_number(layer['weights'][i][j])}" for i in range(k) if layer["weights"][i][j]),
        ]
        start = k
        for i, column in enumerate(texts):
            values = [row[j] for row in layer["weights"][start : start + column["inputs"]]]
            if any(values):
                cases = " ".join(f"WHEN {code} THEN {_number(value)}" for code, value in enumerate(values))
                terms.append(f"CASE t{i} {cases} END")
            start += column["inputs"]
        found[f"x{j}"] = _sum(terms)
    return found


def _sum(terms: Sequence[str]) -> str:
    """Write a sum of which no part is deeper than it must: databases limit how deep an expression is."""
    if len(terms) <= 4:
        return " + ".join(terms)
    half = len(terms) // 2
    return f"({_sum(terms[:half])}) + ({_sum(terms[half:])})"


def _units(layer: dict[str, Any]) -> Named:
    written = Language[str](
        _number,
        lambda sign, left, right: f"({left} {sign} {right})",
        lambda name, argument: f"({FUNCTIONS[name].format(argument)})",
    )
    slopes = [*map(_number, layer["slopes"])] or ["0e0"] * len(layer["biases"])
    return {
        f"x{j}": written.translated(layer["activation"], {"z": f"x{j}", "slope": slope})
        for j, slope in enumerate(slopes)
    }


def _answer(description: Description, before: str) -> list[tuple[str, Named, str]]:
    """Write the steps from the scores to the answer; the last is nn_answer, with the columns that `_names` lists."""
    output = description["output"]
    if description["task"] == "regression":
        value, unit = f"{_number(output['mean'])} + {_number(output['sd'])} * x0", output["unit"]
        parts = _number(unit if unit >= 1 else round(1 / unit))
        first, then = ("/", "*") if unit >= 1 else ("*", "/")
        return [("nn_answer", {"answer": f"ROUND(({value}) {first} {parts}) {then} {parts}"}, before)]
    K, scores = len(description["classes"]), {f"s{k}": f"x{k}" for k in range(output["scores"])}
    if output["calibration"]:
        a, b = _number(output["calibration"]["a"]), _number(output["calibration"]["b"])
        scores = {name: f"{a} * {score} + {b}" for name, score in scores.items()}
    steps: list[tuple[str, Named, str]] = [("nn_scores", scores, before)]
    if output["scores"] == 1:
        steps.append(("nn_two", {"s0": f"{_number(2 * output['border'])} - s0", "s1": "s0"}, "nn_scores"))
    kept = {f"s{k}": f"s{k}" for k in range(K)}
    first = "CASE " + " ".join(
        f"WHEN {' AND '.join(f's{k} >= s{j}' for j in range(k + 1, K))} THEN s{k}" for k in range(K - 1)
    )
    steps.append(("nn_largest", kept | {"largest": f"{first} ELSE s{K - 1} END"}, steps[-1][0]))
    if output["link"] == "identity":
        p = {f"p{k}": f"s{k}" for k in range(K)}
        steps.append(("nn_shares", kept | {"largest": "largest"} | p, "nn_largest"))
    else:
        name, of = ("exp", "(s{k} - largest)") if output["link"] == "softmax" else ("sigmoid", "s{k}")
        of_score = FUNCTIONS[name].format(of)
        e = {f"e{k}": of_score.format(k=k) for k in range(K)}
        total = _sum([f"e{k}" for k in range(K)])
        steps.append(("nn_exponentials", kept | {"largest": "largest"} | e, "nn_largest"))
        p = {f"p{k}": f"e{k} / ({total})" for k in range(K)}
        steps.append(("nn_shares", kept | {"largest": "largest"} | p, "nn_exponentials"))
    names = [_text(name) for name in description["classes"]]
    if output["threshold"] is not None:
        positive = output["positive"]
        is_positive = f"p{positive} >= {_number(output['threshold'])}"
        best = f"CASE WHEN {is_positive} THEN {names[positive]} ELSE {names[1 - positive]} END"
    elif output["costs"]:
        costs = {f"c{k}": _sum([f"p{j} * {_number(output['costs'][j][k])}" for j in range(K)]) for k in range(K)}
        steps.append(("nn_costs", {f"p{k}": f"p{k}" for k in range(K)} | costs, "nn_shares"))
        chain = " ".join(
            f"WHEN {' AND '.join(f'c{k} <= c{j}' for j in range(k + 1, K))} THEN {names[k]}" for k in range(K - 1)
        )
        best = f"CASE {chain} ELSE {names[-1]} END"
    elif K == 2:
        best = f"CASE WHEN s1 >= s0 THEN {names[1]} ELSE {names[0]} END"
    else:
        chain = " ".join(f"WHEN s{k} = largest THEN {name}" for k, name in enumerate(names[:-1]))
        best = f"CASE {chain} ELSE {names[-1]} END"
    steps.append(("nn_answer", {"answer": best, **{f"p{k}": f"p{k}" for k in range(K)}}, steps[-1][0]))
    return steps


def _names(description: Description) -> dict[str, str]:
    """Return the columns of the answer, and their names: those of nncli predict --proba."""
    if description["task"] == "regression":
        return {"answer": "prediction"}
    kind = "p" if description["output"]["probabilities"] else "score"
    return {"answer": "prediction", **{f"p{k}": f"{kind}_{name}" for k, name in enumerate(description["classes"])}}


def _number(value: float) -> str:
    """Write a number as one in double precision: without an exponent, databases take it for a decimal."""
    text = repr(float(value))
    return text if "e" in text else f"{text}e0"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
