"""Describe how texts become inputs by their words: which inputs count, how rare each is, and their weights.

Arrays of numbers are written as base64 of their bytes, little-endian: a model has 2^18 such inputs or more. Only inputs
that some training row has (idf > 0) are written, as all others are always 0.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Schema
from nncli.data.text_inputs import TextInputs
from nncli.data.words.features import salts_of
from nncli.data.words.hashing import CHARS, WORDS
from nncli.nn.layers import Dense
from nncli.nn.network import Network
from nncli.nn.word_embedding import WordEmbedding
from nncli.system.characters import composed

KIND = "words"  # of a column


def described(words: TextInputs) -> dict[str, Any]:
    """Describe what is counted in texts, and how rare each of the inputs is that count."""
    parts, kept = words.options.parts, kept_of(words)
    return {
        "ngrams": {"words": parts.words and [*parts.words], "chars": parts.chars and [*parts.chars]},
        "bits": words.options.bits,
        "places": encoded(kept.astype("<i4")),
        "idf": encoded(words.idf[kept].astype("<f4")),
    }


def columns_of_words(words: TextInputs, schema: Schema) -> list[dict[str, Any]]:
    """Describe each column of texts whose words are read."""
    found = []
    for place, name in enumerate(words.columns):
        salts = salts_of(words.options, place)
        own = {"words": f"{int(salts[WORDS]):#018x}", "chars": f"{int(salts[CHARS]):#018x}"}
        missing = [*dict.fromkeys(word for word in schema.missing if word and composed(word) == word)]
        found.append({"name": name, "kind": KIND, "salts": own, "missing": missing})
    return found


def kept_of(words: TextInputs) -> NDArray[np.int64]:
    """Return the places of the inputs that count, in ascending order, (m,)."""
    return np.flatnonzero(words.idf)


def weights_of(W: NDArray[Any], words: TextInputs, dtype: np.dtype[Any]) -> tuple[NDArray[Any], str]:
    """Return the weights of all other inputs, and those of words that count, encoded; W is (inputs, units)."""
    others = len(W) - words.width
    return W[:others], encoded(W[others:][kept_of(words)].astype(dtype.newbyteorder("<")))


def split_embedding(network: Network) -> tuple[NDArray[Any], int] | None:
    """Return an embedding of words as the weights of a layer by itself, (inputs, units), where these are fewer than
    those of its product with the first dense layer, and how many layers it stands for; None for any other network."""
    place = next((i for i, layer in enumerate(network.layers) if isinstance(layer, WordEmbedding)), None)
    if place is None:
        return None
    layer, first = network.layers[place], next(one for one in network.layers if isinstance(one, Dense))
    assert isinstance(layer, WordEmbedding)
    k, units = layer.passed, layer.passed + layer.size
    if first.W.shape[1] <= units:
        return None
    W = np.zeros((k + len(layer.E), units), network.dtype)
    W[:k, :k], W[k:, k:] = np.eye(k), layer.E
    return W, place + 1


def encoded(array: NDArray[Any]) -> str:
    """Write an array as base64 of its bytes."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def size_of(text: str) -> int:
    """Return how many bytes base64 stands for, where it is none of another length. ValueError for no base64."""
    return len(base64.b64decode(text, validate=True))
