"""Estimate the memory of training and evaluation, and where tables stay on the disk, what is left for their rows."""

from __future__ import annotations

import sys

import numpy as np

from nncli.config.ensemble_kind import ensemble_of
from nncli.config.resolved import ResolvedConfig, rows_per_step
from nncli.data.dataset import Table
from nncli.data.preprocess import Preprocess
from nncli.errors import OptionError, flag, mention
from nncli.metrics.stored_logits import MOST_IN_MEMORY
from nncli.model import npz
from nncli.model.model import Model
from nncli.model.network import eval_rows, network_inputs, network_sizes
from nncli.nn.elementwise import Elementwise
from nncli.nn.input_layers import InputKinds
from nncli.nn.optimizers import OPTIMIZERS
from nncli.nn.touched_rows import KEPT
from nncli.system.machine_memory import machine_memory
from nncli.training.batch import rows_at_once

ROW_BYTES = 9  # of each row whose cells are on the disk: its number and its class …
NUMBER_BYTES = 24  # … or its target as it is, and as it is learned
# training: bytes without any data; of each row, to draw the split; copies of the parameters: gradient, state of the
# optimizer, the best so far, and those on the way to a file
TRAINING_BYTES, SPLIT_BYTES, TRAINING_COPIES = 150 << 20, 20, 13
GROUPED_SPLIT_BYTES = 80  # by group or by time
LEAST_WINDOW = 16 << 20
NUMBA_BYTES = 115 << 20  # of Numba, where its kernels are used
SCIPY_BYTES = 30 << 20  # of SciPy, which multiplies sparse rows
INDEX_BYTES = 4  # of an input that is not 0, where only these are stored; and to note how many a row has
VECTORS = 3  # as long as all parameters, that each run has: the parameters, their gradient, and the best so far
# bytes without any data; and those of a run from which on what it needs is said beforehand
RUNNING_BYTES, WORTH_SAYING = 120 << 20, 400 << 20
# of a model file, beside the parameters: its weight for an input of words; of another, its mean and whether it was 0
# in all rows; and of a number its median, shift and scale
SAVED_WORD, SAVED_INPUT, SAVED_NUMBER = 4, 9, 24
MANY_CLASSES = 1000  # whose scores take most of it
# evaluation: bytes without any data; of each row that is evaluated; of each class, and of each confused pair, on
# their way to JSON; copies of the parameters, and of the rows that are evaluated at once
EVALUATION_BYTES, EVALUATED_ROW_BYTES, PAIR_BYTES, EVALUATION_COPIES = 100 << 20, 90, 600, 4


def rows_in_memory(memory: int, config: ResolvedConfig, n: int, inputs: InputKinds, K: int) -> int:
    """Return how many of n rows of such inputs training can hold at a time, of all files together; OptionError if
    `memory`, in bytes, is too little."""
    d, (parameters, numbers) = inputs.stored, _sizes(config, inputs, K)
    number, is_sparse = np.dtype(config.model.dtype).itemsize, inputs.not_zero is not None
    batch = rows_per_step(config.training.batch_size, n)
    widths = [d, *config.model.hidden, max(K, 1)]
    at_once = min(batch, rows_at_once(widths))
    row_bytes = 3 * d * (number + INDEX_BYTES * is_sparse) + 16  # of a window: as read, scaled, and on the way
    network = (TRAINING_COPIES * parameters + _of_touched_rows(config, inputs, parameters, batch)) * number
    step = 3 * numbers * number * max(at_once, eval_rows(widths)) + row_bytes * at_once
    of_row = (
        ROW_BYTES
        + NUMBER_BYTES * config.options.is_regression
        + 16 * (config.training.class_weight != "none")
        + 32 * (config.data.csv.weight is not None)
        + INDEX_BYTES * is_sparse
    )
    program = TRAINING_BYTES + NUMBA_BYTES * bool(config.training.kernels) + SCIPY_BYTES * is_sparse
    beside = network + step + of_row * n  # the window
    drawn = config.options.group is None and config.options.time is None
    split = (SPLIT_BYTES if drawn else GROUPED_SPLIT_BYTES) * n
    needed = program + max(beside + LEAST_WINDOW, split)
    remedy = f", or leave Numba out, with {mention('kernels', 'numpy')}" * bool(config.training.kernels)
    _refuse_more_than(memory, needed, f"to train on {n:,} rows in batches of {batch:,}", remedy)
    return max(at_once, (memory - program - beside) // row_bytes)


def _of_touched_rows(config: ResolvedConfig, inputs: InputKinds, parameters: int, batch: int) -> int:
    """Return about how many numbers the small networks have in which steps on so many sparse rows are taken, with what
    the optimizer and the average keep there; see `nn/touched_rows.py`."""
    optimizer = OPTIMIZERS.create(config.training.optimizer)
    if inputs.not_zero is None or not isinstance(optimizer, Elementwise):
        return 0
    touched = min(inputs.width // 2, batch * inputs.stored)  # a step on more is taken in the whole network
    copies = KEPT * (VECTORS + len(optimizer.slots))
    return copies * parameters * touched // max(1, inputs.width)


def _sizes(config: ResolvedConfig, inputs: InputKinds, K: int) -> tuple[int, int]:
    """Return how many parameters a network has, and how many numbers each row comes to, without the zeros of words."""
    parameters, numbers = network_sizes(config.model, inputs, K)
    members = ensemble_of(config.model.ensemble)
    return parameters, numbers - (members.number if members else 1) * (inputs.width - inputs.stored)


def bytes_of_network(config: ResolvedConfig, n: int, inputs: InputKinds, K: int) -> int:
    """Return about how many bytes it takes to train the network on n rows, beside the rows: the vectors as long as all
    parameters, and of the rows of a step, or that are judged at once, targets, probabilities, gradient, and the outputs
    of each layer with theirs."""
    parameters, numbers = _sizes(config, inputs, K)
    vectors = VECTORS + len(getattr(OPTIMIZERS.create(config.training.optimizer), "slots", ()))
    widths = [inputs.stored, *config.model.hidden, max(K, 1)]
    at_once = max(min(rows_per_step(config.training.batch_size, n), rows_at_once(widths)), min(n, eval_rows(widths)))
    members = ensemble_of(config.model.ensemble)
    of_row = 3 * max(K, 1) * (members.number if members else 1) + 2 * numbers
    return np.dtype(config.model.dtype).itemsize * (vectors * parameters + at_once * of_row)


def bytes_to_train(config: ResolvedConfig, n: int, table: Table, preprocess: Preprocess, K: int) -> int:
    """Return about how many bytes a run takes on n rows of a table in memory, all in all: the program, the table, its
    inputs, and the network."""
    arrays = [table.numbers, *(column.codes for column in table.texts.values()), *table.dates.values()]
    of_table = sum(array.nbytes for array in arrays)
    of_table += sum(sum(map(sys.getsizeof, column.values)) for column in table.texts.values())
    of_inputs = preprocess.input_bytes(table, np.dtype(config.model.dtype))
    of_program = RUNNING_BYTES + NUMBA_BYTES * bool(config.training.kernels)
    return of_program + of_table + of_inputs + bytes_of_network(config, n, network_inputs(preprocess), K)


def check_inputs_fit(config: ResolvedConfig, table: Table, preprocess: Preprocess) -> None:
    """Raise OptionError for the inputs of a table in memory that are larger than the memory there is."""
    needed, memory = preprocess.input_bytes(table, np.dtype(config.model.dtype)), machine_memory()
    if needed > memory and not table.is_on_disk:
        inputs = f"{preprocess.width:,} inputs of {len(table):,} rows"
        problem = f"{inputs} take {needed / 1e9:,.1f} GB, and there are {memory / 1e9:,.1f} GB of memory"
        raise OptionError("memory", problem, f"Keep the rows on the disk, with {mention('memory', '1GB')}")


def say_memory(needed: int, K: int) -> list[str]:
    """Say in a line what a run will need, where that is much."""
    if needed < WORTH_SAYING:
        return []
    why = f", as there are {K:,} classes" if K >= MANY_CLASSES else ""
    return [f"memory: about {needed / 1e9:,.1f} GB{why}"]


def check_network_fits(config: ResolvedConfig, n: int, inputs: InputKinds, K: int) -> None:
    """Raise OptionError for a network that cannot be trained on n rows in the memory there is, as the system would end
    the program in the middle, without a word; and for one that no model file has room for."""
    needed, memory = bytes_of_network(config, n, inputs, K), machine_memory()
    saved = np.dtype(config.model.dtype).itemsize * _sizes(config, inputs, K)[0]
    saved += SAVED_WORD * inputs.words + SAVED_INPUT * (inputs.width - inputs.words) + SAVED_NUMBER * inputs.numbers
    if needed > memory:
        found = f"at least {needed / 1e9:,.1f} GB to train, and there are {memory / 1e9:,.1f} GB of memory"
    elif saved > npz.MOST_BYTES:
        found = f"{saved / 1e9:,.1f} GB to save, and a model file has at most {npz.MOST_BYTES / 1e9:g} GB"
    else:
        return
    members, many = ensemble_of(config.model.ensemble), K >= MANY_CLASSES
    widths = f" and {'x'.join(map(str, config.model.hidden))} units" if config.model.hidden else ""
    what = f"{inputs.width:,} inputs{widths}" + f" for {K:,} classes" * many
    takes = f"{members.number:,} networks of {what} take" if members else f"a network of {what} takes"
    option = "ensemble" if members else "hidden" if config.model.hidden else "batch_size"
    remedy = f"Use fewer {'members' if members else 'units'}"
    if inputs.words and option == "batch_size":
        lower = f" or {flag('embedding')}" * bool(config.model.embedding)
        option, remedy = "hash_bits", f"Use a lower {flag('hash_bits')}{lower}"
    elif inputs.words:
        remedy += f", or a lower {flag('hash_bits')}"
    if many:
        smaller = ", smaller batches" if needed > memory else ""
        remedy += f"{smaller}, or leave rare classes out with {mention('rare', 'drop')}"
    raise OptionError(option, f"{takes} {found}", remedy)


def check_memory_to_evaluate(
    memory: int, model: Model, inputs: InputKinds, *, n: int, evaluated: int, block: int
) -> None:
    """Raise OptionError if `memory`, in bytes, cannot hold the scores of the evaluated rows of n, and a block of them,
    of such inputs."""
    K, network = max(1, len(model.classes)), model.network
    widths = [inputs.stored, *network.widths[1:]]
    block_numbers = block * EVALUATION_COPIES * (widths[0] + K) + eval_rows(widths) * sum(widths) * network.copies
    numbers = min(evaluated * K, MOST_IN_MEMORY) + block_numbers + EVALUATION_COPIES * network.size
    pairs = min(evaluated, K * K) + K
    others = (
        (ROW_BYTES + NUMBER_BYTES * (model.target is not None)) * n
        + EVALUATED_ROW_BYTES * evaluated
        + PAIR_BYTES * pairs
    )
    needed = EVALUATION_BYTES + others + network.dtype.itemsize * numbers
    _refuse_more_than(memory, needed, f"to evaluate {evaluated:,} rows" + (f" of {K:,} classes" if K > 1 else ""))


def _refuse_more_than(memory: int, needed: int, what: str, remedy: str = "") -> None:
    if needed > memory:
        problem = f"expected at least {-(-needed // 10**6):,}MB {what}, found {memory // 10**6:,}MB"
        raise OptionError("memory", problem, f"Allow that much{remedy}")
