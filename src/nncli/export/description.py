"""Describe a model as plain data, all that another program needs to give the same answers: see the docs, "Export"."""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.category_inputs import spelled_flags
from nncli.data.cells import NAN_SPELLINGS
from nncli.data.dataset import Schema, canonical
from nncli.data.dates import INPUTS
from nncli.data.input_scale import CLIP
from nncli.data.preprocess import Preprocess
from nncli.data.text_inputs import TextInputs
from nncli.export.words import KIND, columns_of_words, described, split_embedding, weights_of
from nncli.model.checkpoint import describe
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.nn.ensemble import SeveralNetworks
from nncli.nn.layers import Activation, Dense
from nncli.nn.network import Network
from nncli.nn.plain import plain
from nncli.system.characters import composed

FORMAT = "nncli export"
# a program that knows the first alone would overlook a smooth clip, one that knows two expects one network, one that
# knows three would overlook the shares of members, and one that knows four expects all cells of a row, and no words
VERSION, VERSION_WITH_CLIP, VERSION_WITH_MEMBERS, VERSION_WITH_SHARES, VERSION_OF_SPARSE_ROWS = 1, 2, 3, 4, 5
FLAGS = {"true": ("True", "TRUE"), "false": ("False", "FALSE")}
# What other languages have as functions, where the expression would overflow or there is none.
FUNCTIONS = {"softplus": "softplus(z)", "mish": "z*tanh(softplus(z))", "step": "step(z)", "sign": "sign(z)"}
Description = dict[str, Any]


def description_of(model: Model, provenance: Provenance) -> Description:
    """Return the description of a model: its columns, layers, output and card; the golden rows are added later."""
    words = model.preprocess.words
    return {
        "format": FORMAT,
        "format_version": _version(model, words),
        "nncli": provenance.version,
        "task": "classification" if model.target is None else "regression",
        "target": model.schema.target,
        "classes": list(model.classes),
        "reads": model.schema.dtype,  # numbers are rounded to this first
        "dtype": model.network.dtype.name,
        "columns": _columns(model.schema, model.preprocess, model.network.dtype),
        **({"sparse": True} if model.schema.sparse else {}),
        **({} if words is None else {"words": described(words)}),
        **_networks(model.network, words),
        "output": _output(model),
        "card": _card(model, provenance),
    }


def _version(model: Model, words: TextInputs | None) -> int:
    network = model.network
    if words is not None or model.schema.sparse:
        return VERSION_OF_SPARSE_ROWS
    if isinstance(network, SeveralNetworks):
        return VERSION_WITH_MEMBERS if network.shares is None else VERSION_WITH_SHARES
    return VERSION if model.preprocess.is_affine else VERSION_WITH_CLIP


def members_of(description: Description) -> list[list[dict[str, Any]]]:
    """Return the layers of each member of an ensemble; of one network, its own."""
    found: list[list[dict[str, Any]]] = description["members"] if "members" in description else [description["layers"]]
    return found


def activations_of(description: Description) -> list[str]:
    """Return each activation of a layer once, in the order of the layers."""
    return [*dict.fromkeys(layer["activation"] for layers in members_of(description) for layer in layers)]


def shares_of(description: Description) -> list[float]:
    """Return the share of each member in the mean."""
    n = len(members_of(description))
    found: list[float] = description.get("shares", [1 / n] * n)
    return found


def columns_of(description: Description, kind: str) -> list[dict[str, Any]]:
    """Return the columns of a kind, in the order in which they become inputs of the network."""
    return [column for column in description["columns"] if column["kind"] == kind]


def inputs_of(description: Description) -> int:
    """Count the inputs of the network that are not made of words."""
    sizes = {"number": 1, "date": len(INPUTS), KIND: 0}
    return sum(
        sizes[column["kind"]] if column["kind"] in sizes else column["inputs"] for column in description["columns"]
    )


def _columns(schema: Schema, fitted: Preprocess, dtype: np.dtype[Any]) -> list[dict[str, Any]]:
    """Describe how each column becomes inputs. Numbers come first, then three inputs for each date, then categories,
    and then words."""
    k = len(fitted.number_names)
    places = {name: slice(i, i + 1) for i, name in enumerate(fitted.number_names)}
    first = dict(fitted.dates)
    for i, name in enumerate(first):
        places[name] = slice(k + len(INPUTS) * i, k + len(INPUTS) * (i + 1))
    # what the model computes with: numbers that it reads as float64 stay so until they are scaled
    of_numbers = dtype if schema.dtype == "float32" else np.dtype(np.float64)
    found: list[dict[str, Any]] = []
    for name, kind in schema.columns:
        if name in fitted.columns_of_words:
            continue
        if kind == "text":
            found.append({"name": name, "kind": kind, **_codes(fitted.categories[name], schema.missing)})
            continue
        exact = of_numbers if kind == "number" else np.dtype(np.float64)
        learned = {
            what: getattr(fitted, what)[places[name]].astype(exact).astype(np.float64).tolist()
            for what in ("median", "shift", "scale")
        }
        clip = {"clip": CLIP} if fitted.clips else {}
        if kind == "number":
            found.append({"name": name, "kind": kind, **{what: its[0] for what, its in learned.items()}, **clip})
        else:
            found.append({"name": name, "kind": kind, "first": first[name], **learned, **clip})
    order = {"number": 0, "date": 1, "text": 2}
    found.sort(key=lambda column: order[column["kind"]])
    return [*found, *([] if fitted.words is None else columns_of_words(fitted.words, schema))]


def _codes(categories: tuple[str | None, ...], missing: Iterable[str]) -> dict[str, Any]:
    """Return which input each text sets to 1; any other text sets the last one."""
    other = len(categories)
    codes = {value: i for i, value in enumerate(categories) if value is not None}
    for spelling, value in spelled_flags(categories).items():
        codes.setdefault(str(spelling), codes[value])
    for value, spellings in FLAGS.items():
        for spelling in spellings:
            if value in codes:
                codes.setdefault(spelling, codes[value])
    for text, code in [*codes.items()]:
        for spelling in _spellings(text):
            codes.setdefault(spelling, code)
    of_missing = categories.index(None) if None in categories else other
    words = [*missing, *(spelling for word in missing for spelling in _spellings(word))]
    codes |= dict.fromkeys(("", *words, *NAN_SPELLINGS), of_missing)  # also where it is another way to write 1
    return {"inputs": other + 1, "codes": codes, "missing": of_missing}


def _spellings(text: str) -> list[str]:
    """Return other ways to write a text, of which `predict` knows that they are the same, for languages that can only
    look it up: with accents as characters of their own, and of 1 and 0.5 also 1.0, 1., +1 and .5."""
    found = [unicodedata.normalize("NFD", text)]
    if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        found += [f"{text}.", f"{text}.0", text.replace("0.", ".", 1)]
        found += [f"+{one}" for one in (text, *found)]
    return [one for one in found if one != text and canonical(composed(one)) == text]


def _networks(network: Network, words: TextInputs | None) -> dict[str, Any]:
    """Describe the layers; of an ensemble those of each member, and the link whose values are averaged, with the share
    of each member where these differ."""
    if isinstance(network, SeveralNetworks):
        found = {"members": [_layers(member, words) for member in network.members()], "mean": network.link}
        return found if network.shares is None else {**found, "shares": [float(s) for s in network.shares]}
    return {"layers": _layers(network, words)}


def _layers(network: Network, words: TextInputs | None) -> list[dict[str, Any]]:
    """Describe the dense layers, from the inputs on, each with the activation behind it."""
    found, dtype = list[dict[str, Any]](), network.dtype
    if embedding := split_embedding(network):
        found.append(_dense(embedding[0], np.zeros(embedding[0].shape[1]), dtype, words))
        layers = network.layers[embedding[1] :]
    else:
        layers = plain(network).layers
    for layer in layers:
        if isinstance(layer, Dense):
            found.append(_dense(layer.W, layer.b, dtype, None if found else words))
        elif isinstance(layer, Activation):
            found[-1]["activation"] = _expression(layer)
            found[-1]["slopes"] = _plain(layer.s, dtype) if hasattr(layer, "s") else []
    return found


def _dense(W: NDArray[Any], b: NDArray[Any], dtype: np.dtype[Any], words: TextInputs | None) -> dict[str, Any]:
    """Describe a dense layer without an activation; the first one of a network with words has their weights too."""
    of_words = {}
    if words is not None:
        W, of_words["words"] = weights_of(W, words, dtype)
    return {"weights": _plain(W, dtype), **of_words, "biases": _plain(b, dtype), "activation": "z", "slopes": []}


def _expression(activation: Activation) -> str:
    """Write an activation as an expression in z, and in the slope of the unit if it is learned."""
    if activation.name in FUNCTIONS:
        return FUNCTIONS[activation.name]
    text = activation.graph
    settings: Mapping[str, Any] = dataclasses.asdict(activation) if dataclasses.is_dataclass(activation) else {}
    for name, value in settings.items():
        text = re.sub(rf"\b{name}\b", repr(float(value)), text)
    return text


def _output(model: Model) -> dict[str, Any]:
    """Describe how the scores z of the last layer become an answer."""
    if model.target is not None:
        # beyond the last place there are rounding errors alone, as `predict` knows too
        place = model.target.decimals(model.network.dtype.name)
        return {"mean": model.target.mean, "sd": model.target.sd, "unit": float(f"1e{-place}")}
    calibration, decision = model.calibration, model.decision
    link = model.loss.link
    if calibration is not None:
        link = "sigmoid" if model.network.widths[-1] == 1 else "softmax"
    rule = None if decision is None or decision.is_likeliest else decision
    return {
        "scores": model.network.widths[-1],
        "calibration": None if calibration is None else {"a": calibration.a, "b": calibration.b},
        "link": link,
        "border": 0.0 if calibration is not None else model.loss.border,
        "probabilities": model.probabilistic,
        "threshold": None if rule is None else rule.threshold,
        "positive": model.positive,
        "costs": None if rule is None or rule.threshold is not None else [list(row) for row in rule.costs],
    }


def _card(model: Model, provenance: Provenance) -> dict[str, Any]:
    """Return what tells the model: what `info` shows, but for what the description has already and the epochs."""
    shown = describe(model, provenance)
    names = ("model", "layers", "parameters", "data", "command_line", "figures", "notes", "kernels")
    card: dict[str, Any] = json.loads(json.dumps({name: shown[name] for name in names}, default=str))
    return card


def _plain(values: NDArray[Any], dtype: np.dtype[Any]) -> Any:
    """Return parameters as lists, written with the fewest figures from which they follow in that type."""
    values = values.astype(dtype)
    if dtype == np.float64:
        return values.tolist()
    # the shortest text of each float32, read as a float64: rounded to float32 it is the same number again
    return np.array([float(str(one)) for one in values.ravel()]).reshape(values.shape).tolist()
