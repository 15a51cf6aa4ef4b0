"""The n-grams with the largest weights of each class, or for the largest and the smallest numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nncli.data.dataset import Positions, Table, TextColumn
from nncli.data.text_inputs import TextInputs, vocabulary_of
from nncli.data.words.vocabulary import Vocabulary
from nncli.errors import OptionError
from nncli.explain.leads import lead_of_scores
from nncli.metrics.rows import Floats
from nncli.model.model import Model
from nncli.nn.first_layer import split
from nncli.nn.network import Network
from nncli.system.output import counted

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NAMED_ROWS = 10_000  # whose texts are read for names
SLOPE_ROWS = 1000  # over which slopes are averaged
HEADER = "column", "ngram", "class", "weight"
MORE, LESS = "more", "less"  # in the place of classes, where a number is predicted


@dataclass(frozen=True)
class WordWeight:
    """An n-gram of a column of text, and its weight for a class: how much the lead of the class, or the predicted
    number, grows with the input that the n-gram is. Where sequences of characters are counted too, it is a word, and
    its weight what a text of it alone adds."""

    column: str
    ngram: str
    of: str
    weight: float

    def to_json(self) -> dict[str, Any]:
        return {"column": self.column, "ngram": self.ngram, "class": self.of, "weight": self.weight}


@dataclass(frozen=True)
class WordWeights:
    """The n-grams that have a name, with their weights C (m, K) for the classes of these names."""

    model: Model
    vocabulary: Vocabulary
    C: Floats
    of: tuple[str, ...]
    where_from: str  # that names are from: as in "the 499 rows of reviews.csv"

    @property
    def kind(self) -> str:
        """Tell what has a name, see `kind_of`."""
        return kind_of(self.model)

    @property
    def is_exact(self) -> bool:
        """Tell whether weights are those of a linear model; others are slopes, in the mean of some rows."""
        return self.model.config.model.is_linear

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of text."""
        return self.model.preprocess.columns_of_words

    def largest(self, k: int, most: int | None = None) -> list[WordWeight]:
        """Return the n-grams that speak for the k-th class, the strongest first."""
        weights, columns = self.C[:, k], self.columns
        order = np.argsort(-weights, kind="stable")
        order = order[weights[order] > 0][:most]
        sign = -1 if self.of[k] == LESS and self.model.target is not None else 1
        names, numbers = self.vocabulary.names, self.vocabulary.columns
        return [WordWeight(columns[numbers[i]], names[i], self.of[k], sign * float(weights[i])) for i in order.tolist()]

    def each(self, most: int | None = None) -> Iterator[WordWeight]:
        """Yield the n-grams of each class, one class after the other."""
        for k in range(len(self.of)):
            yield from self.largest(k, most)

    @property
    def method(self) -> str:
        """Say what the weights are."""
        what = "what a text of the word alone adds" if self.kind == "word" else "weights of the model"
        return what if self.is_exact else f"{what}, by slopes in the mean of up to {SLOPE_ROWS:,} rows"


def kind_of(model: Model) -> str:
    """Tell what of texts is named: single words, where sequences of characters are counted too, or else n-grams."""
    words = model.preprocess.words
    return "word" if words is not None and words.options.parts.chars else "n-gram"


def check_words(model: Model, option: str) -> None:
    """Raise OptionError for a model without columns of text whose words are learned from."""
    if model.preprocess.words is None:
        raise OptionError(option, "the model has no column of texts with several words each", "Leave it out")


def needs_rows(model: Model) -> bool:
    """Tell whether the weights of n-grams take rows: to name the n-grams, or to average slopes over them."""
    words = model.preprocess.words
    return words is None or words.vocabulary is None or not model.config.model.is_linear


def word_weights(model: Model, table: Table, rows: Positions) -> WordWeights:
    """Return the weights of the n-grams that the vocabulary of the model names, or else of those that the texts of a
    table name; slopes are those at some rows of the table."""
    return _weights(model, table, table.take(rows[evenly(len(rows), SLOPE_ROWS)]))


def word_weights_alone(model: Model) -> WordWeights:
    """Return the weights of the n-grams of a model that needs no rows for them."""
    return _weights(model, None, None)


def _weights(model: Model, table: Table | None, some: Table | None) -> WordWeights:
    words = model.preprocess.words
    assert words is not None
    vocabulary, where = words.vocabulary, "the vocabulary of the model"
    if vocabulary is None:
        assert table is not None
        read = evenly(len(table), NAMED_ROWS)
        vocabulary = vocabulary_of(table, read, words.columns, words.options)
        where = counted(len(read), "row")
        if len(read) < len(table):
            where = f"{len(read):,} of {counted(len(table), 'row')}"
    first, _ = split(model.network)
    W, V = first.W[model.preprocess.n_others :], _slopes(model, some)
    if words.options.parts.chars:
        X = _alone(words, vocabulary)
        known, C = np.diff(X.indptr) > 0, (X @ W).astype(np.float64) @ V
    else:
        known = words.idf[vocabulary.places] > 0
        C = (W[vocabulary.places].astype(np.float64) @ V) * vocabulary.signs[:, None]
    C, names = C[known], tuple(np.array(vocabulary.names, object)[known].tolist())
    vocabulary = Vocabulary(vocabulary.keys[known], names, vocabulary.bits)
    if model.target is not None:
        return WordWeights(model, vocabulary, np.hstack([C, -C]), (MORE, LESS), where)
    return WordWeights(model, vocabulary, C, model.classes, where)


def evenly(n: int, most: int) -> Positions:
    """Return the positions of at most so many of n rows, evenly spaced."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int64))


def _alone(words: TextInputs, vocabulary: Vocabulary) -> csr_array:
    """Return the inputs (m, 2^bits) of texts that are one n-gram each, in its column."""
    from scipy.sparse import vstack

    parts, names = list[Any](), np.array(vocabulary.names, object)
    for number in range(len(words.columns)):
        own = names[vocabulary.columns == number].tolist()
        parts.append(words.of_column(TextColumn(np.arange(len(own)), tuple(own)), number, np.dtype(np.float32)))
    return vstack(parts, format="csr")  # keys, and so names, are in the order of columns


def _slopes(model: Model, table: Table | None) -> Floats:
    """Return the slope of each lead to each unit of the first layer (h, K), in the mean of the rows of a table."""
    first, rest = split(model.network)
    V, _ = lead_of_scores(model)
    if isinstance(rest, Network) and not rest.dense:
        return V
    assert table is not None
    dtype = model.network.dtype
    Z1 = model.preprocess.transform(table, dtype).slice(0, len(table)) @ first.W + first.b
    G, means = np.empty_like(Z1), list[Any]()
    rest.forward(Z1)
    unit = 1.0 if model.target is None else model.target.sd
    for v in V.T:
        rest.backward(np.tile((v / unit).astype(dtype), (len(Z1), 1)), G)
        means.append(G.mean(axis=0, dtype=np.float64) * unit)
    return np.stack(means, axis=1)
