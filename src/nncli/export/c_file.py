"""Write a model as one C99 file, without allocation and without any library but that of mathematics."""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nncli.errors import OptionError, OutputError, mention
from nncli.export.c_mean import mean_of_members
from nncli.export.description import Description, columns_of, inputs_of, members_of
from nncli.export.expressions import Language
from nncli.export.sparse_rows import with_zeros
from nncli.export.targets import TARGETS, Target, refuse_words, refuse_zero_bytes
from nncli.export.text import SHOWN, filled, said
from nncli.export.verify import WRITE_AGAIN, run_program

MOST_INPUTS = 250_000  # three times of which, in float64, are in the stack that programs have
FUNCTIONS = {"exp": "exp", "tanh": "tanh", "arctan": "atan", "cos": "cos"}
AN_ANSWER = {True: "the probability of each class", False: "the score of each class"}


@TARGETS.register("c")
class C(Target):
    """One C99 file, no allocation, no dependency but math.h"""

    endings = (".c",)
    begins = b"/* A trained model, written by nncli"

    def check_can_write(self, description: Description) -> None:
        refuse_words(description, "C")
        if (n := inputs_of(description)) > MOST_INPUTS:
            problem = f"expected at most {MOST_INPUTS:,} inputs, as the C file has them on the stack, found {n:,}"
            raise OptionError("to", problem, f"Use {mention('to', 'js')} or {mention('to', 'python')}")
        refuse_zero_bytes(description, "C")

    def write(self, description: Description, name: str) -> bytes:
        return filled("model.c", _parts(with_zeros(description), name)).encode("ascii")

    def verify(self, path: Path) -> str:
        text = path.read_text("ascii", "replace")
        macro = next((line.split()[1] for line in text.splitlines() if re.fullmatch(r"#ifdef \w+_MAIN", line)), "")
        if not macro:
            raise OutputError(str(path), "its check failed: it has no main", WRITE_AGAIN)
        with tempfile.TemporaryDirectory() as folder:
            program, whole = str(Path(folder) / "check"), str(path.resolve())
            run_program(["cc", "-std=c99", "-O2", f"-D{macro}", "-o", program, "-x", "c", whole, "-lm"], path)
            return run_program([program], path)


def _parts(description: Description, name: str) -> dict[str, str]:
    is_float, output = description["dtype"] == "float32", description["output"]
    numbers, dates, texts = (columns_of(description, kind) for kind in ("number", "date", "text"))
    is_number = description["task"] == "regression"
    answers = 1 if is_number else len(description["classes"])
    layers = [layer for member in members_of(description) for layer in member]
    widths = [inputs_of(description), *(len(layer["biases"]) for layer in layers)]
    suffix = "f" if is_float else ""
    clip = next((column["clip"] for column in numbers + dates if "clip" in column), None)  # of all, or of none
    row = description["golden"]["rows"][0]
    columns = [f"numbers[{i}]: {said(column['name'])}" for i, column in enumerate(numbers)]
    columns += [f"numbers[{len(numbers) + i}]: {said(column['name'])}, a date" for i, column in enumerate(dates)]
    columns += [f"texts[{i}]: {said(column['name'])}" for i, column in enumerate(texts)]
    classes = ", ".join(f"{i} {said(one)}" for i, one in enumerate(description["classes"]))
    answer = "the predicted number, and predict returns 0" if is_number else AN_ANSWER[output["probabilities"]]
    return {
        "TARGET": said(description["target"]),
        "NAME": name,
        "UPPER": name.upper(),
        "REAL": "float" if is_float else "double",
        "NUMBERS_EXAMPLE": _example([_number(row[column["name"]]) for column in numbers + dates] or ["0"]),
        "TEXTS_EXAMPLE": _example([_text(row[column["name"]]) for column in texts] or ["NULL"]),
        "COLUMNS": "".join(f"//     {column}\n" for column in columns),
        "ANSWERS": answer if is_number else f"{answer}, and predict returns the predicted one:\n// {classes}",
        "INPUTS": str(widths[0]),
        "N_NUMBERS": str(len(numbers)),
        "N_DATES": str(len(dates)),
        "N_TEXTS": str(len(texts)),
        "SCORES": str(widths[-1]),
        "N_ANSWERS": str(answers),
        "WIDEST": str(max(widths)),
        "EXP": f"exp{suffix}",
        "LOG1P": f"log1p{suffix}",
        "CLIPPED": f"; then x / sqrt(1 + (x / {clip:g})^2)" if clip else "",
        "INPUT": f"(x / sqrt(1 + x / {clip!r} * (x / {clip!r})))" if clip else "x",
        "DATA": "\n".join(_data(description, suffix)),
        "ACTIVATIONS": "\n".join([*_activations(description, suffix), *mean_of_members(description)]),
        "FORWARD": "\n".join(f"    {line}" for line in _forward(description)),
        "PREDICT": _predict(description, name),
        "GOLDEN": "\n".join(_golden(description)),
        "LEVEL": "" if is_number else _level(description),
        "CALL": ("" if is_number else "int prediction = ")
        + f"{name}_predict(golden_numbers[i], golden_texts[i], answers);",
        "COMPARE": "" if is_number else COMPARE,
    }


def _data(description: Description, suffix: str) -> list[str]:
    """Write the scales, the codes of texts, and the parameters."""
    lines = []
    if scales := [
        *columns_of(description, "number"),
        *(
            {what: column[what][i] for what in ("median", "shift", "scale")}
            for column in columns_of(description, "date")
            for i in range(3)
        ),
    ]:
        cells = [_list(_number(one[what]) for what in ("median", "shift", "scale")) for one in scales]
        lines.append(_array("struct scale", "scales[]", cells))
    for i, column in enumerate(columns_of(description, "text")):
        codes = sorted(column["codes"].items(), key=lambda pair: pair[0].encode("utf-8", "surrogatepass"))
        lines.append(_array("struct code", f"codes{i}[]", [f"{{{_text(text)}, {code}}}" for text, code in codes]))
    for member, layers in enumerate(members_of(description)):
        for i, layer in enumerate(layers):
            own = f"{i}{_of(description, member)}[]"
            weights = [f"{value!r}{suffix}" for row in layer["weights"] for value in row]
            lines.append(_array("real", f"W{own}", weights))
            for name, values in (("b", layer["biases"]), ("slopes", layer["slopes"])):
                if values:
                    lines.append(_array("real", f"{name}{own}", [f"{value!r}{suffix}" for value in values]))
    return lines


def _of(description: Description, member: int) -> str:
    """Return what the names of the parameters of a member end with; nothing where there is one network."""
    return f"_of_{member + 1}" if "members" in description else ""


def _names_of_activations(description: Description) -> dict[str, str]:
    """Return the name of the function for each activation, by its expression."""
    hidden = [layer["activation"] for member in members_of(description) for layer in member[:-1]]
    return {activation: f"activation{i}" for i, activation in enumerate(dict.fromkeys(hidden))}


def _activations(description: Description, suffix: str) -> list[str]:
    """Write each activation of hidden layers as a function of z and of the slope of the unit."""
    written = Language[str](
        lambda number: f"{number!r}{suffix}",
        lambda sign, left, right: f"({left} {sign} {right})",
        lambda name, argument: f"{FUNCTIONS[name]}{suffix}({argument})" if name in FUNCTIONS else f"{name}({argument})",
    )
    return [
        f"static real {name}(real z, real slope) {{ (void)slope; return "
        f"{written.translated(activation, {'z': 'z', 'slope': 'slope'})}; }}"
        for activation, name in _names_of_activations(description).items()
    ]


def _forward(description: Description) -> list[str]:
    """Write how a row becomes the scores z, in the body of a function."""
    numbers, dates = (columns_of(description, kind) for kind in ("number", "date"))
    lines, k, names = [], len(numbers), _names_of_activations(description)
    if numbers:
        value = "(float)numbers[i]" if description["reads"] == "float32" else "numbers[i]"
        lines.append(f"for (i = 0; i < NUMBERS; i++) a[i] = scaled({value}, &scales[i]);")
    for i, column in enumerate(dates):
        lines.append(f"date_inputs(numbers[{k + i}], {column['first']!r}, &scales[{k + 3 * i}], &a[{k + 3 * i}]);")
    start = k + 3 * len(dates)
    for i, column in enumerate(columns_of(description, "text")):
        arguments = f"texts[{i}], codes{i}, {len(column['codes'])}, {column['missing']}, {column['inputs'] - 1}"
        lines.append(f"a[{start} + code_of({arguments})] = 1;")
        start += column["inputs"]
    if "members" not in description:
        return [*lines, *_network(description["layers"], start, "a", "", "z", names)]
    lines += ["real x[INPUTS]; double scores[MEMBERS][SCORES];"]
    lines += ["for (i = 0; i < INPUTS; i++) x[i] = a[i];"]
    for member, layers in enumerate(description["members"]):
        lines += _network(layers, start, "x", _of(description, member), f"scores[{member}]", names)
    return [*lines, "mean_of(scores, z);"]


def _network(layers: list[dict[str, Any]], width: int, x: str, of: str, z: str, names: Mapping[str, str]) -> list[str]:
    """Write how the inputs x become the scores z of a network, whose parameters have names that end in `of`, and the
    functions of whose activations have these `names`."""
    lines, here, there = [], x, "b"
    for i, layer in enumerate(layers):
        units = len(layer["biases"])
        lines.append(f"DENSE({here}, {width}, {units}, W{i}{of}, b{i}{of}, {there})")
        if i < len(layers) - 1:
            slope = f"slopes{i}{of}[i]" if layer["slopes"] else "0"
            activation = f"{names[layer['activation']]}({there}[i], {slope})"
            lines.append(f"for (i = 0; i < {units}; i++) {there}[i] = {activation};")
        here, there, width = there, "a" if there == "b" else "b", units
    return [*lines, f"for (i = 0; i < SCORES; i++) {z}[i] = {here}[i];"]


def _predict(description: Description, name: str) -> str:
    """Write the function that predicts."""
    output = description["output"]
    head = f"int {name}_predict(const double *numbers, const char *const *texts, double *answers)\n{{\n"
    if description["task"] == "regression":
        body = ["double z[SCORES];", "forward(numbers, texts, z);"]
        unit = output["unit"]
        value = f"{output['mean']!r} + {output['sd']!r} * z[0]"
        rounded = (
            f"rint(({value}) / {unit!r}) * {unit!r}"
            if unit >= 1
            else f"rint(({value}) * {1 / unit:.0f}.0) / {1 / unit:.0f}.0"
        )
        body += [f"answers[0] = {rounded};  // beyond, there are rounding errors alone", "return 0;"]
        return head + "".join(f"    {line}\n" for line in body) + "}"
    K, single = len(description["classes"]), output["scores"] == 1
    body = ["double z[SCORES], s[ANSWERS];", "int k, best = 0;", "forward(numbers, texts, z);"]
    body.append("for (k = 0; k < SCORES; k++) s[k] = z[k];")
    if output["calibration"]:
        a, b = output["calibration"]["a"], output["calibration"]["b"]
        body.append(f"for (k = 0; k < SCORES; k++) s[k] = fmin(fmax({a!r} * s[k] + {b!r}, -1e30), 1e30);")
    if single:
        body.append(f"s[1] = s[0]; s[0] = {2 * output['border']!r} - s[1];")
    if output["link"] == "softmax":
        body += ["double largest = s[0], sum = 0;", "for (k = 1; k < ANSWERS; k++) largest = fmax(largest, s[k]);"]
        body.append("for (k = 0; k < ANSWERS; k++) sum += answers[k] = exp(s[k] - largest);")
    elif output["link"] == "sigmoid":
        body.append("double sum = 0;")
        body.append("for (k = 0; k < ANSWERS; k++) sum += answers[k] = 1 / (1 + exp(-fmin(fmax(s[k], -80), 80)));")
    if output["link"] == "identity":
        body.append("for (k = 0; k < ANSWERS; k++) answers[k] = s[k];")
    else:
        body.append("for (k = 0; k < ANSWERS; k++) answers[k] /= sum;")
    if output["threshold"] is not None:
        positive = output["positive"]
        body.append(f"best = answers[{positive}] >= {output['threshold']!r} ? {positive} : {1 - positive};")
    elif output["costs"]:
        costs = _list(_list(repr(float(cost)) for cost in row) for row in output["costs"])
        body += [f"static const double costs[ANSWERS][ANSWERS] = {costs};", "double least = HUGE_VAL;", "int j;"]
        body.append(
            "for (k = 0; k < ANSWERS; k++) { double cost = 0; for (j = 0; j < ANSWERS; j++) "
            "cost += answers[j] * costs[j][k]; if (cost < least) { least = cost; best = k; } }"
        )
    elif K == 2:
        body.append("best = s[1] >= s[0];")
    else:
        body.append("for (k = 1; k < ANSWERS; k++) if (s[k] > s[best]) best = k;")
    body.append("return best;")
    names = _array("char *const", f"{name}_classes[ANSWERS]", [_text(one) for one in description["classes"]])
    return names.removeprefix("static ") + "\n\n" + head + "".join(f"    {line}\n" for line in body) + "}"


COMPARE = """\
        if (prediction != golden_predictions[i] && !level(golden_answers[i], golden_tolerances[i])) {
            fprintf(stderr, "golden row %d: expected class %d, found %d\\n", i + 1, golden_predictions[i], prediction);
            return 1;
        }
"""


def _level(description: Description) -> str:
    """Write the function that tells whether rounding may decide between two classes."""
    output = description["output"]
    lines = ["double near = 1e-5 + 2 * tolerance, first = -HUGE_VAL, second = -HUGE_VAL;", "int k;"]
    value = "answers[k]"
    if output["threshold"] is not None:
        lines = [f"return fabs(answers[{output['positive']}] - {output['threshold']!r}) <= 1e-5 + 2 * tolerance;"]
    else:
        if output["costs"]:
            largest = max(abs(cost) for row in output["costs"] for cost in row)
            costs = _list(_list(repr(float(cost)) for cost in row) for row in output["costs"])
            lines += [f"static const double costs[ANSWERS][ANSWERS] = {costs};", "int j;", f"near *= {largest!r};"]
            value = "-cost"
            cost = "double cost = 0; for (j = 0; j < ANSWERS; j++) cost += answers[j] * costs[j][k]; "
        else:
            cost = ""
        lines.append(
            f"for (k = 0; k < ANSWERS; k++) {{ {cost}double value = {value}; if (value > first) "
            "{ second = first; first = value; } else if (value > second) second = value; }"
        )
        lines.append("return first - second <= near;")
    body = "".join(f"    {line}\n" for line in lines)
    return f"static int level(const double *answers, double tolerance)\n{{\n{body}}}\n"


def _golden(description: Description) -> list[str]:
    """Write the golden rows with their answers."""
    golden = description["golden"]
    numbers = columns_of(description, "number") + columns_of(description, "date")
    texts = columns_of(description, "text")
    n = len(golden["rows"])
    rows = [_list([_number(row[column["name"]]) for column in numbers] or ["0"]) for row in golden["rows"]]
    cells = [_list([_text(row[column["name"]]) for column in texts] or ["NULL"]) for row in golden["rows"]]
    lines = [f"enum {{ ROWS = {n} }};"]
    lines.append(_array("double", f"golden_numbers[ROWS][{max(1, len(numbers))}]", rows))
    lines.append(_array("char *const", f"golden_texts[ROWS][{max(1, len(texts))}]", cells))
    answers = [_list(map(_number, answers)) for answers in golden["answers"]]
    lines.append(_array("double", "golden_answers[ROWS][ANSWERS]", answers))
    lines.append(_array("double", "golden_tolerances[ROWS]", [_number(one) for one in golden["tolerances"]]))
    if "predictions" in golden:
        places = {one: str(i) for i, one in enumerate(description["classes"])}
        lines.append(_array("int", "golden_predictions[ROWS]", [places[one] for one in golden["predictions"]]))
    return lines


def _array(kind: str, name: str, cells: Sequence[str]) -> str:
    """Write an array that is constant, in lines of moderate length."""
    lines, line = [], "   "
    for cell in cells:
        if len(line) + len(cell) > 118:
            lines.append(line)
            line = "   "
        line += f" {cell},"
    return "\n".join([f"static const {kind} {name} = {{", *lines, line, "};"])


def _example(cells: Sequence[str]) -> str:
    """Write the first cells of an array."""
    return _list([*cells[:SHOWN], *["..."] * (len(cells) > SHOWN)])


def _list(cells: Iterable[str]) -> str:
    return "{ " + ", ".join(cells) + " }"


def _number(value: Any) -> str:
    return "NAN" if value is None or math.isnan(value) else repr(float(value))


def _text(value: Any) -> str:
    """Write a string of C in ASCII: other bytes of its UTF-8 as three octal digits, which end by themselves."""
    if value is None:
        return "NULL"
    plain = {*range(32, 127)} - {*b'"\\?'}
    data = str(value).encode("utf-8", "surrogateescape")
    return '"' + "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in data) + '"'
