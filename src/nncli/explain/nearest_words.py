"""The words whose learned vectors point most nearly in the direction of that of another word."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.text_inputs import TextInputs
from nncli.data.words.features import Words, places_of_words, words_of
from nncli.data.words.vectors import words_in
from nncli.data.words.vocabulary import Vocabulary
from nncli.errors import DataError, OptionError, did_you_mean, mention
from nncli.model.labelled_rows import labelled_rows
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.nn.layers import Array
from nncli.nn.word_embedding import WordEmbedding
from nncli.system.output import in_quotes

SHOWN, UNKNOWN = 10, -1
LEAST_TIMES = 2  # that the training file has a word: of one that came once, little was learned
MOST_TO_MEAN = 5000  # words, the most frequent ones, that may have been meant by a misspelt one


@dataclass(frozen=True)
class NearWord:
    """A word, the cosine of the angle between its vector and that of another, and how often the texts have it; 0: it is
    from a file of vectors; None: it is from a vocabulary, which does not say."""

    word: str
    cosine: float
    times: int | None


@dataclass(frozen=True)
class Neighbours:
    """The nearest words of a word in a column of text, the nearest one first; and those that share its input, so that
    they have the same vector, or its opposite."""

    column: str
    word: str
    times: int | None
    nearest: tuple[NearWord, ...]
    sharing: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return what `info --nearest --json` reports of a column."""
        return dataclasses.asdict(self)


def neighbours(model: Model, provenance: Provenance, model_file: str, word: str) -> list[Neighbours]:
    """Return the nearest words of a word in each column of text that has it, of the words in its vocabulary, or else in
    the training file, and in the file that vectors came from. Raises OptionError for a model without vectors and for a
    word that is not known, DataError where the training file cannot be read again."""
    layer = next((layer for layer in model.network.layers if isinstance(layer, WordEmbedding)), None)
    inputs = model.preprocess.words
    if layer is None or inputs is None:
        problem = f"{model_file} has no vectors of words"
        raise OptionError("nearest", problem, f"Train a model with {mention('embedding', 64)}")
    if not len(places_of_words([word], inputs.options, 0)[0]):
        raise OptionError("nearest", f"expected one word, found {in_quotes(word)}", "Name a single word")
    known = _known_words(model, provenance, model_file, inputs)
    found = [one for i, name in enumerate(inputs.columns) if (one := _of_column(name, known[i], layer.E, word))]
    if not found:
        by_times = np.concatenate([np.array(words.names)[np.argsort(-words.times)][:MOST_TO_MEAN] for words in known])
        problem = f"expected a word that the model has a vector of, found {in_quotes(word)}"
        raise OptionError("nearest", problem, did_you_mean(word, by_times.tolist()))
    return found


def _known_words(model: Model, provenance: Provenance, model_file: str, inputs: TextInputs) -> list[Words]:
    """Return the words of each column of text that the model has learned from or has vectors of."""
    more = [] if inputs.vectors is None else words_in(*inputs.vectors)
    if inputs.vocabulary is not None:
        return [_of_vocabulary(inputs.vocabulary, inputs, i, more) for i in range(len(inputs.columns))]
    try:
        table = labelled_rows(model, provenance, model_file, (), model.config.options.dtype).table
    except DataError as error:
        problem = f"the model keeps no words, and they cannot be read again: {error.where}, {error.problem}"
        remedy = f"Put its training file where it was; with {mention('vocabulary', True)} a model keeps them"
        raise DataError(model_file, problem, remedy) from None
    found = []
    for i, name in enumerate(inputs.columns):
        column = table.texts[name]
        times = np.bincount(column.codes[:] + 1, minlength=len(column.values) + 1)[1:]
        texts = [text for text, n in zip(column.values, times.tolist(), strict=True) for _ in range(n)]
        words = words_of(texts, inputs.options, i, more)
        found.append(words.some(inputs.idf[words.places] > 0))
    return found


def _of_vocabulary(vocabulary: Vocabulary, inputs: TextInputs, column: int, more: Sequence[str]) -> Words:
    """Return the words that a vocabulary names in a column, and then `more` that are not among them."""
    own = np.flatnonzero(vocabulary.columns == column)
    names = [vocabulary.names[i] for i in own.tolist()]
    which, places, _ = places_of_words(names, inputs.options, column)
    is_word = places == vocabulary.places[own][which]  # and no sequence of characters that looks like one
    named = [names[i] for i in which[is_word].tolist()]
    found = words_of([], inputs.options, column, [*named, *more])
    times = np.where(np.arange(len(found.names)) < len(named), UNKNOWN, 0)
    found = found._replace(times=times)
    return found.some(inputs.idf[found.places] > 0)


def _of_column(column: str, words: Words, E: Array, word: str) -> Neighbours | None:
    """Return the nearest words of one in a column, in which each input stands for its most frequent word."""
    asked = words.find(word)
    if asked is None:
        return None
    is_same = words.places == words.places[asked]
    others = words.some(~is_same & ((words.times <= 0) | (words.times >= LEAST_TIMES)))
    others = others.some(_first_of_each(others.places, others.times))
    e = E[words.places[asked]].astype(np.float64) * words.signs[asked]
    vectors = E[others.places].astype(np.float64) * others.signs[:, None]
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(e)
    cosines = np.divide(vectors @ e, lengths, out=np.zeros(len(vectors)), where=lengths > 0)
    best = np.argsort(-cosines, kind="stable")[:SHOWN].tolist()
    near = tuple(NearWord(others.names[i], float(cosines[i]), _known(others.times[i])) for i in best)
    sharing = tuple(words.names[i] for i in np.flatnonzero(is_same).tolist() if i != asked)
    return Neighbours(column, words.names[asked], _known(words.times[asked]), near, sharing)


def _known(times: np.int64) -> int | None:
    return None if times == UNKNOWN else int(times)


def _first_of_each(places: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which words, by their numbers, are the most frequent ones of their places."""
    order = np.argsort(-times, kind="stable")
    _, first = np.unique(places[order], return_index=True)
    found: NDArray[np.int64] = np.sort(order[first])
    return found
