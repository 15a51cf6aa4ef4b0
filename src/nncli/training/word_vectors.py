"""Vectors of words in a file, that the embedding of a new network starts from."""

from __future__ import annotations

import dataclasses

import numpy as np

from nncli.config.train_config import TrainConfig
from nncli.data.preprocess import Preprocess
from nncli.data.words.tfidf import idf_of
from nncli.data.words.vectors import Vectors, read_vectors, size_of_vectors
from nncli.errors import OptionError, flag, mention
from nncli.nn.network import Network
from nncli.nn.word_embedding import WordEmbedding
from nncli.system.output import counted, percent
from nncli.training.words import word_options

MOST_SHARING = 0.1  # of the words of a file
MOST_BITS = 24  # that --hash-bits takes


def with_vectors(config: TrainConfig, columns: int) -> tuple[TrainConfig, Vectors]:
    """Return the options with the width of an embedding that starts from a file, and the vectors in it, for so many
    columns of text. Raises OptionError for options that leave the file without use, DataError for a faulty file."""
    assert config.vectors is not None
    check_vectors(config)
    try:
        config.vectors.encode()
    except UnicodeEncodeError:
        raise OptionError("vectors", "expected the name of a file in UTF-8, found other bytes", "Rename it") from None
    size = config.embedding or size_of_vectors(config.vectors)
    return dataclasses.replace(config, embedding=size), read_vectors(
        config.vectors, word_options(config), columns, config.dtype, size
    )


def check_vectors(config: TrainConfig) -> None:
    """Raise OptionError for options that leave a file of vectors without use."""
    if config.embedding == 0:
        raise OptionError("vectors", f"{mention('embedding', 0)} asks for no vectors", "Leave one of them out")
    options = word_options(config)
    if options.parts.words is None or options.parts.words[0] > 1:
        problem = f"it has vectors of single words, and {mention('ngrams', options.ngrams)} counts none"
        raise OptionError("vectors", problem, f"Use {mention('ngrams', 'words:1-2')}, or leave it out")


def notes_on_vectors(vectors: Vectors, preprocess: Preprocess, n_train: int) -> list[str]:
    """Say how many words of a file the n training rows have, and that many share a place where places are few."""
    words = preprocess.words
    assert words is not None
    seen = words.idf[vectors.places] < idf_of(np.zeros(1, np.int64), n_train).astype(np.float32)
    size = counted(vectors.values.shape[1], "number")
    notes = [
        f"{flag('vectors')} {vectors.of.file}: {counted(vectors.words, 'word')} with {size} each; training rows "
        f"have the inputs of {int(seen.any(axis=1).sum()):,}"
    ]
    bits = min(MOST_BITS, (10 * vectors.places.size).bit_length())
    # where there are as many already, most of them are one word in small and in large letters
    if vectors.sharing > MOST_SHARING and bits > words.options.bits:
        share = f"{percent(vectors.sharing)} of them share an input, and so the mean of their vectors"
        notes.append(f"warning: {share}; {flag('hash_bits')} {bits} tells them apart")
    return notes


def start_from(vectors: Vectors, network: Network) -> None:
    """Let the embedding of a network start from the vectors of a file, where it has some."""
    layer = next(layer for layer in network.layers if isinstance(layer, WordEmbedding))
    known = vectors.known
    layer.E[known] = vectors.values[known]
