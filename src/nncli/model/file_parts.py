"""Make the parts of a model from what its file holds: what does not belong together is refused."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncli.config.resolved import BlendPart, ResolvedConfig
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Schema
from nncli.data.heaps import MOST_BINS, Heap
from nncli.data.preprocess import SCALINGS, Preprocess
from nncli.data.sources import native
from nncli.data.words.options import WordOptions, parse_ngrams
from nncli.errors import NncliError
from nncli.guards.distribution import Distribution, Predictions
from nncli.model import lineage
from nncli.model.decision import Decision
from nncli.model.file_members import OF_COLUMNS, REFERENCES
from nncli.model.provenance import Fingerprint, Provenance, figures_of_file
from nncli.nn.buffers import all_finite
from nncli.nn.optimizers import OPTIMIZERS
from nncli.system import plain_json

if TYPE_CHECKING:
    from nncli.data.text_inputs import TextInputs

# the files of each option: where the document has their size, and their digest
FILES = {
    "data": ("file_bytes", "sha256"),
    "val_data": ("val_bytes", "val_sha256"),
    "test_data": ("test_bytes", "test_sha256"),
}
FOLDS_FORM = {"value": float, "interval": ([float], None), "method": (str, None)}
FOLDS_FORM |= dict.fromkeys(("mean", "sd"), (float, None))
MOST = 1e30
FARTHEST_DAY = 2e11  # from 1970: beyond what a date of milliseconds can be


def config_of(stored: dict[str, Any]) -> ResolvedConfig:
    """Return the options, with those of the parts of a blend; ValueError for parts that do not fit together."""
    config = _network_config(stored["config"])
    parts = [_network_config(one["config"]) for one in stored["parts"]]
    if bool(parts) != config.options.preset.searches:
        raise ValueError("a blend without parts, or parts without one")
    if not parts:
        return config
    ensembles = {its.model.ensemble for its in parts}
    fit = all(not its.options.preset.searches and _in_common(its) == _in_common(config) for its in parts)
    if not fit or len(ensembles) > 1 or not ensembles <= {"", config.model.ensemble}:
        raise ValueError("parts of a blend that do not fit together")
    return config.with_parts(
        [BlendPart(one["times"], its.options) for one, its in zip(stored["parts"], parts, strict=True)]
    )


def _in_common(config: ResolvedConfig) -> tuple[Any, ...]:
    """Return what all parts of a blend have in common with it."""
    return config.model.loss, config.model.dtype, config.options.is_regression


def _network_config(stored: dict[str, Any]) -> ResolvedConfig:
    """Return the options of a network, or of a search; ValueError for a network that cannot be."""
    config = ResolvedConfig.of(TrainConfig.from_json(stored))
    if config.model.hidden and not config.model.activation:
        raise ValueError("hidden layers without an activation")
    if config.model.ensemble and (config.row_by_row or OPTIMIZERS.create(config.training.optimizer).smooth):
        raise ValueError("an ensemble of models that are trained alone")
    return config


def distribution_of(
    stored: dict[str, Any], arrays: Mapping[str, NDArray[Any]], preprocess: Preprocess, K: int
) -> Distribution | None:
    known, its = stored["distribution"], [arrays[name] for name in OF_COLUMNS if name in arrays]
    if len(its) != (0 if known is None else len(OF_COLUMNS)) or (its and preprocess.mean is None):
        raise ValueError("a distribution of columns without its parts")
    if known is None:
        return None
    told = known["predictions"]
    predictions = told and Predictions(tuple(told["edges"]), tuple(told["counts"]))
    ranges, edges, counts = its
    found = Distribution(known["rows"], known["sampled"], ranges, edges, counts, predictions)
    found.check(len(preprocess.number_names), len(preprocess.dates), K)
    if (np.abs(found.ranges[len(preprocess.number_names) :, :2]) > FARTHEST_DAY).any():
        raise ValueError("dates that no calendar has")
    return found


def decision_of(positive: int, threshold: float | None, costs: list[list[float]], rule: str) -> Decision:
    return Decision(positive, threshold, tuple(map(tuple, costs)), rule)


def preprocess_of(schema: Schema, stored: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Preprocess:
    if any(len(pair) != 2 or type(pair[0]) is not str or type(pair[1]) is not list for pair in stored["categories"]):
        raise ValueError("categories that are not of their form")
    if [type(part) for pair in stored["dates"] for part in pair] != [str, float] * len(stored["dates"]):
        raise ValueError("dates that are not of their form")
    if any(abs(first) > FARTHEST_DAY for _, first in stored["dates"]):
        raise ValueError("dates that no calendar has")
    preprocess = Preprocess(
        number_names=schema.of_kind("number"),
        median=arrays["median"],
        shift=arrays["shift"],
        scale=arrays["scale"],
        categories={name: tuple(values) for name, values in stored["categories"]},
        scaling=stored["scaling"],
        dead=arrays["dead"],
        dates=tuple((name, first) for name, first in stored["dates"]),
        mean=arrays.get("mean"),
        heaps=_heaps(stored["heaps"], len(schema.of_kind("number"))),
        words=_words(stored["words"], arrays),
    )
    k = preprocess.n_numbers
    shapes = {"median": (k,), "shift": (k,), "scale": (k,), "dead": (preprocess.n_others,)}
    shapes |= {"mean": (preprocess.n_others,)} if "mean" in arrays else {}
    of_words = preprocess.columns_of_words
    texts = [name for name in schema.of_kind("text") if name not in of_words]
    named = [[name for name, _ in stored[part]] for part in ("categories", "dates")]
    fits = named == [texts, [*schema.of_kind("date")]] and {*of_words} <= {*schema.of_kind("text")}
    if not fits or any(arrays[name].shape != shape for name, shape in shapes.items()):
        raise ValueError("preprocessing that does not fit the columns")
    for name in shapes:
        check_finite(name, arrays[name])
    if preprocess.scaling not in SCALINGS or preprocess.dead.view(np.uint8).max(initial=0) > 1:
        raise ValueError("a scaling, or dead inputs, of another kind")
    return preprocess


def _words(stored: dict[str, Any] | None, arrays: Mapping[str, NDArray[Any]]) -> TextInputs | None:
    """Return the inputs that are made of words; ValueError for weights that they cannot have."""
    idf, named, names = (arrays.get(member) for member in ("idf", "named", "names"))
    if (stored is None) != (idf is None) or (named is None) != (names is None) or (named is not None and idf is None):
        raise ValueError("inputs of words without their weights, or the other way round")
    if stored is None or idf is None:
        return None
    from nncli.data.text_inputs import TextInputs
    from nncli.data.words.vectors import VectorFile

    columns, options = tuple(stored["columns"]), WordOptions(stored["ngrams"], stored["bits"], stored["seed"])
    parse_ngrams(options.ngrams)
    if idf.shape != (1 << options.bits,) or not (columns and len(set(columns)) == len(columns)):
        raise ValueError("weights of words that do not fit their columns")
    if not (np.isfinite(idf).all() and (idf >= 0).all()):
        raise ValueError("weights of words that no training rows have")
    vectors, vocabulary = stored["vectors"] and VectorFile(**stored["vectors"]), None
    if named is not None and names is not None:
        from nncli.data.words.vocabulary import Vocabulary

        vocabulary = Vocabulary.from_bytes(named, names, len(columns), options.bits)
    return TextInputs(columns, options, idf, vocabulary, vectors)


def _heaps(stored: list[Any], numbers: int) -> tuple[Heap, ...]:
    """Return the columns that heap up at one value; ValueError for bins that no column can have."""
    if [type(part) for pair in stored for part in pair] != [int, list] * len(stored):
        raise ValueError("heaps that are not of their form")
    places, last = [place for place, _ in stored], -1
    for place, edges in stored:
        rises = all(a < b for a, b in itertools.pairwise(edges))
        if not (last < place < numbers and 2 < len(edges) <= MOST_BINS + 1 and rises and np.isfinite(edges).all()):
            raise ValueError("bins that no column of numbers has")
        last = place
    return tuple(Heap(place, tuple(edges)) for place, (_, edges) in zip(places, stored, strict=True))


def provenance_of_file(stored: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Provenance:
    data, history = stored["data"], arrays["history"]
    n = data["n_rows"]
    parts = [arrays[name] for name in ("val_rows", "test_rows")]
    if any((data[n_bytes] or 0) < 0 for n_bytes, _ in FILES.values()):
        raise ValueError("data of fewer than no bytes")
    counts = data["class_counts"]
    if len(counts) not in (0, len(stored["classes"])) or (counts and not any(counts)):
        raise ValueError("counts that are not those of the classes")
    if n < 1 or any(len(part) not in (0, (n + 7) // 8) for part in parts):
        raise ValueError("rows that the data file did not have")
    if history.ndim != 2 or history.shape[1] != 5 or history.dtype != np.float64:
        raise ValueError("a history that is not of its form")
    missing, accuracies = np.isnan(history), history[:, [1, 3]]
    has_gaps = missing[:, :2].any() or (missing[:, 2] != missing[:, 3]).any() or np.isinf(history).any()
    if has_gaps or (accuracies < 0).any() or (stored["target"] is None and (accuracies > 1).any()):
        raise ValueError("a history of numbers that are not finite, or no shares")
    if not 1 <= stored["best_epoch"] <= len(history):
        raise ValueError("a best epoch that is not in the history")
    figures = stored["figures"]
    if figures["folds"] is not None:
        _check_folds(figures["folds"]["metrics"])
    reference = figures["reference"]
    if reference is not None and not (reference["name"] in REFERENCES and reference["part"] in ("val", "test")):
        raise ValueError("a reference that there is not")
    for named in (figures["metric"], (figures["reference"] or figures)["metric"]):
        if named is not None:
            _check_metric(named["name"])
    return Provenance(
        version=stored["nncli"],
        kernels=stored["kernels"],
        source=tuple(map(native, data["source"])),
        files={name: Fingerprint(data[sha256], data[n_bytes]) for name, (n_bytes, sha256) in FILES.items()},
        n_rows=n,
        has_test_file=data["has_test_file"],
        row_hashes=data["row_hashes"],
        val_row_hashes=data["val_row_hashes"],
        class_counts=tuple(data["class_counts"]),
        val_bits=parts[0],
        test_bits=parts[1],
        best_epoch=stored["best_epoch"],
        history=history,
        figures=figures_of_file(figures),
        notes=tuple(stored["notes"]),
        parent=lineage.from_json(stored["from"]),
    )


def _check_folds(metrics: Mapping[str, Any]) -> None:
    """Raise ValueError for figures of cross-validation that cannot be shown."""
    for name, figures in metrics.items():
        _check_metric(name)
        plain_json.check_form(figures, FOLDS_FORM)
        if len(figures["interval"] or (0, 0)) != 2:
            raise ValueError("an interval without two ends")


def _check_metric(name: str) -> None:
    try:
        from nncli.metrics.definitions import METRICS

        METRICS.create(name)
    except NncliError:
        raise ValueError("a metric that there is not") from None


def check_finite(name: str, array: NDArray[Any]) -> None:
    if array.size and not all_finite(array):
        raise ValueError(f"numbers in {name} that are not finite")
