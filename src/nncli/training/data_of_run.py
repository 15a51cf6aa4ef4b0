"""Read the files of a run, and make inputs of their rows: all in memory, or a window of those that are on the disk."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from nncli.config.resolved import DataConfig, ResolvedConfig
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Dataset, Schema, Table
from nncli.data.load import load_dataset, load_like
from nncli.data.preprocess import Preprocess
from nncli.data.rare_classes import merging
from nncli.data.scaled_rows import InMemory, Inputs, RowWindow, SparseMatrix
from nncli.data.sources import Source
from nncli.data.sparse_numbers import is_sparse
from nncli.data.stored_inputs import stored_inputs
from nncli.model.network import network_inputs
from nncli.training.memory import rows_in_memory


def load(config: TrainConfig, memory: int | None) -> Dataset:
    """Load the training data; with `memory`, in bytes, they stay on the disk."""
    data = DataConfig.of(config)
    return load_dataset(data.source, data.csv, config.dtype, memory, n_tables(config), config.task)


def load_more(
    config: TrainConfig,
    source: Source,
    schema: Schema,
    dataset: Dataset,
    row_columns: Mapping[str, str],
    words: Sequence[str],
) -> Dataset:
    """Load rows to validate or test on, with the columns and the classes of a data set; the cells of `words` are texts,
    and `row_columns` are no inputs, by the options that name them."""
    csv, tables = DataConfig.of(config).csv, n_tables(config)
    how = csv.text_of_others, dataset.memory, tables, csv.on_error, merging(config.rare)
    read = functools.partial(load_like, told=False, row_columns=row_columns, words=words)
    return read(source, schema, dataset.classes, config.dtype, *how)


def n_tables(config: TrainConfig) -> int:
    """Count the tables that share the memory: the training file, and those to validate and test on."""
    return 1 + bool(config.val_data) + bool(config.test_data)


def inputs_of_part(config: ResolvedConfig, preprocess: Preprocess, part: Dataset, n_all: int) -> Inputs:
    """Return the inputs of the network: all in memory, or as many rows at a time as fit beside those of all files."""
    dtype = np.dtype(config.model.dtype)
    if part.memory is None or not part.table.is_on_disk:
        return preprocess.transform(part.table, dtype)
    inputs, table, lengths = network_inputs(preprocess), part.table, None
    window = rows_in_memory(part.memory, config, n_all, inputs, len(part.classes)) * len(part) // n_all

    def transformed(rows: Table) -> InMemory:
        return preprocess.transform(rows, dtype)

    if preprocess.words is not None:  # counting them takes too long to do it in each epoch
        made = stored_inputs(table, lambda rows: preprocess.transform(rows, dtype).values, preprocess.width, dtype)
        size = max(1, window) * inputs.stored
        return RowWindow(made, made.width, lambda rows: SparseMatrix(rows.csr, dtype), size, made.lengths)
    if is_sparse(table.numbers):
        lengths, window = table.numbers.lengths, window * inputs.stored
    return RowWindow(table, preprocess.width, transformed, max(1, window), lengths)
