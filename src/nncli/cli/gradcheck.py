"""The command `nncli gradcheck`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from nncli.cli.options import DATA_HELP, MODEL_NAMES_HELP, Json, Quiet, RowsArgument, model_in, switch, with_config
from nncli.config.train_config import TrainConfig
from nncli.errors import DONE, FAILED, OptionError
from nncli.system.output import print_json, say
from nncli.system.threads import use_threads
from nncli.terminal.progress import Progress

if TYPE_CHECKING:
    from nncli.diagnostics.training_objective import Objective

RANDOM_HELP = "rows drawn at random (random, or random:inputs=10:classes=3)"
ALL_KINDS = "each activation, loss and link, up to two hidden layers, two classes and more"
ALL_HELP = f"Check a small network of every kind: {ALL_KINDS}."
MODEL_OR_DATA = f"A model that nncli train has saved, {RANDOM_HELP}, or data. {DATA_HELP}"


@functools.partial(
    with_config, argument="MODEL or DATA", argument_help=MODEL_OR_DATA, other_help={"model": MODEL_NAMES_HELP}
)
def gradcheck(
    config: TrainConfig,
    given: frozenset[str],
    rows_file: RowsArgument = None,
    all: Annotated[bool, switch("--all", ALL_HELP, group="Run")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Check the gradients of backpropagation against finite differences. The options are those of train: they describe
    the network and its loss, which are checked in float64, at random weights, on 32 rows or as many as --batch-size
    says. The exit code is 1 if a gradient is wrong, or if nothing could be
    compared.

    nncli gradcheck              a network on the bundled digits
    nncli gradcheck data.csv --hidden 32x16 --activation gelu --dropout 0.5
    nncli gradcheck model.npz    a saved model, on the data it was trained on
    nncli gradcheck --all        a small network of every kind
    """
    if all:
        return _check_all(config, given, rows_file, json, quiet)
    from nncli.diagnostics.gradcheck import check_gradients
    from nncli.nn.finite_differences import TOLERANCE

    with use_threads(config.threads):
        objective = _objective(config, given, rows_file)
        for note in objective.notes:
            say(note, quiet)
        with Progress("block", len(objective.network.blocks) + 1, quiet) as progress:
            result = check_gradients(objective, progress)
    if json:
        print_json({"tolerance": TOLERANCE, **result.describe()})
    else:
        from nncli.terminal.gradcheck import print_gradient_check

        print_gradient_check(result)
    return DONE if result.passed else FAILED


def _objective(config: TrainConfig, given: frozenset[str], rows: str | None) -> Objective:
    from nncli.diagnostics.training_objective import objective_of_model, objective_of_options
    from nncli.model import checkpoint

    file = model_in(config.data)
    if file is not None:
        _refuse(given - {"data", "seed", "threads"}, "a saved model brings its own options")
        model, provenance = checkpoint.load(Path(file))
        return objective_of_model(model, provenance, file, () if rows is None else (rows,), config.seed)
    if rows is not None:
        raise OptionError("data", f"expected a model before '{rows}', found '{config.data[0]}'", "Name one file")
    return objective_of_options(config, given)


def _check_all(config: TrainConfig, given: frozenset[str], rows: str | None, json: bool, quiet: bool) -> int:
    from nncli.diagnostics.gradcheck import check_all_kinds, network_kinds, summary
    from nncli.nn.finite_differences import TOLERANCE

    _refuse(given - {"seed", "threads", "kernels"}, "--all checks networks of its own")
    if rows is not None:
        raise OptionError("data", "--all checks networks of its own", "Leave it out")
    results = []
    with use_threads(config.threads or 1), Progress("networks", len(network_kinds()), quiet) as progress:
        for result in check_all_kinds(config.seed, config.kernels or "numpy"):
            results.append(result)
            progress(len(results), str(result[0]))
    if json:
        print_json({"tolerance": TOLERANCE, **summary(results)})
    else:
        from nncli.terminal.gradcheck import print_all_gradient_checks

        print_all_gradient_checks(results)
    return DONE if all(check.passed for _, check in results) else FAILED


def _refuse(names: frozenset[str], reason: str) -> None:
    for name in sorted(names):
        raise OptionError(name, reason, "Leave it out")
