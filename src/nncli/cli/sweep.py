"""The command `nncli sweep`."""

from __future__ import annotations

import dataclasses
import functools
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from nncli.cli.execution import Address, Ca, Cert, Insecure, Key, Place, cores, count, worker_option
from nncli.cli.options import (
    MODEL_FILE,
    MODEL_NAMES_HELP,
    SEVERAL_HELP,
    Json,
    Memory,
    Quiet,
    bytes_of,
    switch,
    value_option,
    with_config,
)
from nncli.cli.signals import StopRequest
from nncli.cli.tracking import TensorBoardFolder, ToMLflow, check_installed, tracking_of_sweep
from nncli.config.option import Folds, OneOf
from nncli.data.sources import STDIN, native, title
from nncli.errors import DONE, DataError, OptionError, TrainingError
from nncli.sweep.space import Space
from nncli.system.atomic import MODEL, as_stdout, check_writable, is_stream
from nncli.system.output import counted, print_json, say, warnings_in
from nncli.system.processes import Processes
from nncli.system.threads import multiply_with
from nncli.system.workers import Workers

if TYPE_CHECKING:
    from nncli.data.dataset import Dataset
    from nncli.sweep.ranking import RankedConfig
    from nncli.sweep.runner import Sweep
    from nncli.sweep.search import SearchPlan
    from nncli.sweep.units import Units
    from nncli.tracking.sweep import SweepTracking

sweep_option = functools.partial(value_option, group="Sweep")
SEARCHES = ("grid", "random", "refine", "halving")
SEARCH_HELP = (
    "Search method: grid (every combination), random (some of them), refine (random, then finer around the best) or "
    "halving (all for a few epochs, the best third for three times as many, and so on)."
)
LEDGER_HELP = "File to record each finished trial in; the same command resumes from it."
OTHER_HELP = {
    "folds": "Number of folds for cross-validation on all rows but the test rows, as 5, or 5x3 to draw them 3 times.",
    "model": MODEL_NAMES_HELP,
    "activation": "Activation of all hidden layers: {activations}. Not step and sign: their derivative is 0, and "
    "nothing can be learned through them.",
    "threads": "Number of threads of each training run, which is one in a sweep: --jobs says how many run at a time.",
    "ngrams": "What is counted in texts: words:1-2 is words and pairs of words, chars:3-5 sequences of 3 to 5 "
    "characters; both with a comma between them. Several values have ; between them: 'words:1;words:1-2,chars:3-5'.",
    "kernels": "Loops that do the work: numba (fused and compiled; it needs nncli[fast]), else numpy.",
}


@functools.partial(with_config, argument_help=SEVERAL_HELP, read=Space.from_values, other_help=OTHER_HELP, several=True)
def sweep(
    space: Space,
    given: frozenset[str],
    search: Annotated[
        str | None, sweep_option("HOW", SEARCH_HELP, "grid; random with ranges", kind=OneOf(SEARCHES))
    ] = None,
    trials: Annotated[str | None, sweep_option("N", "Number of combinations to draw at random.")] = None,
    seeds: Annotated[str, sweep_option("N", "Number of seeds to train each combination with.", "1")] = "1",
    ledger: Annotated[str | None, sweep_option("FILE", LEDGER_HELP, "model.sweep.jsonl, after the model")] = None,
    out: Annotated[
        str, value_option("FILE", "File to save the best model in.", MODEL_FILE, "--out", "-o", group="Run")
    ] = MODEL_FILE,
    jobs: Annotated[
        str | None, worker_option("N", "Number of training runs at a time, each in one thread.", "one for each core")
    ] = None,
    memory: Memory = None,
    cluster: Address = None,
    tls_ca: Ca = None,
    tls_cert: Cert = None,
    tls_key: Key = None,
    insecure: Insecure = False,
    show: Annotated[str | None, sweep_option("LEDGER", "Ledger whose results to show, without training.")] = None,
    plot: Annotated[bool, switch("--plot", "Draw the trials and the best so far, live.", group="Sweep")] = False,
    tensorboard: TensorBoardFolder = None,
    mlflow: ToMLflow = False,
    csv: Annotated[bool, switch("--csv", "Print the table as CSV.", group="Run")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Train with many combinations of options, and keep the best model. Options of train that are not about the data
    take several values, as 0.1,0.01, or a range, as log:1e-4:1e-1, 0:0.5 or int:16:512. The best is chosen on the
    validation rows; the test rows are used once, for the model that is kept.

    nncli sweep --lr 0.1,0.01,0.001 --hidden 32,64,128x64
    nncli sweep data.csv --model perceptron,softmax,svm,mlp --seeds 3
    nncli sweep data.csv --lr log:1e-4:1e-1 --dropout 0:0.5 --trials 40 --folds 5
    nncli sweep --show model.sweep.jsonl    results of a sweep, finished or not
    """
    if csv and json:
        raise OptionError("csv", "only one of --csv and --json can be printed", "Leave one of them out")
    if show is not None:
        own: dict[str, object] = {"search": search, "trials": trials, "seeds": seeds != "1"}
        own |= {"plot": plot, "jobs": jobs, "ledger": ledger, "out": out != MODEL_FILE, "cluster": cluster}
        own |= {"tensorboard": tensorboard, "mlflow": mlflow}
        own |= {"tls_ca": tls_ca or tls_cert or tls_key, "insecure": insecure, "memory": memory}
        for option in (*(given - {"metric"}), *(name for name, value in own.items() if value)):
            raise OptionError(option, "--show has no use for it", "Leave it out")
        return _show(show, space.base.metric, csv, json, quiet)
    from nncli.model import checkpoint
    from nncli.sweep.plan import plan_of
    from nncli.sweep.trial import THREADS
    from nncli.training.final_model import train_model
    from nncli.training.prepare import prepare

    number = None if trials is None else count("trials", trials)
    plan = plan_of(space, search, number, count("seeds", seeds))
    place = Place.of(jobs, cores(), cluster, insecure, tls_ca, tls_cert, tls_key)
    # named after the model, so that the sweeps of a folder have their own
    ledger = ledger or ("sweep.jsonl" if is_stream(Path(out)) else out.removesuffix(".npz") + ".sweep.jsonl")
    _check_files(space, ledger, out, cluster, memory)
    check_installed(tensorboard, mlflow)
    with tracking_of_sweep(tensorboard, mlflow, out, resumes=Path(ledger).exists()) as tracking:
        with place.workers(plan.size, "nncli.sweep.trial") as workers, StopRequest() as stop:
            plan, datasets = _load(plan, bytes_of(memory))  # while the workers start
            tracking.is_regression = plan.space.base.is_regression
            done = _run(plan, datasets, workers, stop, Path(ledger), plot, tracking, quiet)
            if stop.exit_code is not None:
                tracking.status = "killed"
                trials_done = counted(len(done.ledger.records), "trial")
                say(f"stopped; {ledger} has {trials_done}, and the same command resumes it", quiet)
                return stop.exit_code
            ranking = done.ranking()
        if not ranking[0].whole:
            _print(ranking, done.units, csv, json, {}, quiet)
            raise TrainingError(ledger, "every trial failed", "The reasons are in the ledger")
        config, state = done.winner(ranking[0])
        with multiply_with(THREADS):
            run = train_model(prepare(config, datasets[config.dtype]), state=state)
        assert run is not None, "nobody could stop it"
        checkpoint.save(Path(out), run.model, run.provenance)
        tracking.model(config, run.figures, None if is_stream(Path(out)) else Path(out))
    command = f"nncli train {shlex.join(config.data)} {config.command_line(brief=True)} -o {shlex.quote(out)}"
    said = [*run.notes, *_of_folds(plan), *run.misfits]
    more = {"winner": {"out": out, "command": command, **run.figures, "warnings": warnings_in(said)}}
    _print(ranking, done.units, csv, json, more, quiet)
    for line in said:
        say(line, quiet)
    if not json:
        say(f"saved {out}; to train it again:", quiet)
        say(command, quiet, wrap=False)
        if not csv:
            from nncli.terminal.training import print_training

            print_training(run.figures, quiet)
    return DONE


def _of_folds(plan: SearchPlan) -> list[str]:
    """Say what the validation figures of a sweep with folds do not tell."""
    if plan.folds == 1:
        return []
    folds = Folds().write((plan.folds, plan.repeats))
    judge = f"nncli train --folds {folds} with its options judges it on rows that chose nothing"
    return [f"note: each fold helped to choose the epoch and the winner, whose figure looks better than it is; {judge}"]


def _check_files(space: Space, ledger: str, out: str, cluster: str | None, memory: str | None) -> None:
    """Raise an error now for what could not be read, or not be written later."""
    from nncli.data.unchanged_source import files_read

    base = space.base
    reads = [str(path) for source in (base.data, base.val_data, base.test_data) for path in files_read(source)]
    if as_stdout(out) == "-":
        raise OptionError("out", "the table goes to stdout, and the model cannot go there too", "Name a file with -o")
    if as_stdout(ledger) == "-":
        raise OptionError("ledger", "the table goes to stdout, and the ledger cannot go there too", "Name a file")
    if base.data == STDIN and len(space.values("dtype")) > 1:
        raise OptionError("dtype", "stdin can be read only once, with one type of numbers", "Name a file")
    if cluster is not None and memory is not None:
        raise OptionError("memory", "the workers of a cluster have the data in memory", "Leave it out")
    of_trials = {"val_data": base.val_data, "vectors": filter(None, [base.vectors])}
    for name, files in of_trials.items() if cluster is not None else ():
        if not all(Path(file).is_absolute() for file in files):
            problem = "the workers of a cluster look for it in another folder"
            raise OptionError(name, problem, "Give its whole path, from /")
    check_writable(Path(ledger), reads, "--ledger")
    check_writable(Path(out), (ledger, *reads), replaces=MODEL)


def _load(plan: SearchPlan, memory: int | None) -> tuple[SearchPlan, dict[str, Dataset]]:
    """Read the data once for each type of numbers, as converting one to another does not give the same numbers; return
    the plan for them too."""
    from nncli.config.resolved import DataConfig
    from nncli.data.load import load_dataset
    from nncli.model import checkpoint
    from nncli.sweep.plan import check_losses, for_dataset
    from nncli.sweep.trial import data_config, fold_of
    from nncli.training.prepare import apart_from_test, prepare

    base = plan.space.base
    read = DataConfig.of(base).csv
    how: dict[str, Any] = {"memory": memory, "task": base.task}
    datasets = {dtype: load_dataset(base.data, read, dtype, **how) for dtype in plan.space.values("dtype")}
    dataset = next(iter(datasets.values()))
    plan = for_dataset(plan, dataset)
    base = plan.space.base
    check_losses(plan, len(dataset.classes))
    checkpoint.check_fits_model_file(dataset)
    # what is wrong is one line now, and not as many failures as there are trials, or an error at the end
    final = dataclasses.replace(data_config(base), test_data=base.test_data, test=base.test)
    final = dataclasses.replace(final, metric=None) if base.val == 0 else final
    if base.dedupe and base.test_data:  # no trial may train on one of these rows, which it does not see
        for dtype, its in datasets.items():
            datasets[dtype] = apart_from_test(prepare(dataclasses.replace(final, dtype=dtype), its))
        dataset = next(iter(datasets.values()))
    elif base.group is not None or base.time is not None or base.vectors is not None:
        prepare(final, dataset)
    for number in range(0 if plan.folds == 1 else 1 if base.time is None else plan.folds):
        prepare(data_config(base), dataset, fold_of(number, plan.folds))
    return plan, datasets


def _run(
    plan: SearchPlan,
    datasets: dict[str, Dataset],
    workers: Workers,
    stop: StopRequest,
    ledger: Path,
    plot: bool,
    tracking: SweepTracking,
    quiet: bool,
) -> Sweep:
    """Run the trials that the ledger does not have, and show the best so far."""
    from nncli.sweep.runner import Sweep
    from nncli.sweep.trial import DataInFile, DataInMemory, refuse_unfit
    from nncli.system import scratch
    from nncli.terminal.sweep_leaderboard import Leaderboard

    refuse_unfit(plan.space.base, plan.folds, datasets)
    with Sweep(plan, next(iter(datasets.values())), ledger) as made, scratch.folder() as folder:
        for note in made.notes():
            say(note, quiet)
        data = DataInFile.write(datasets, folder / "data") if isinstance(workers, Processes) else DataInMemory(datasets)
        with Leaderboard(made, workers, quiet, plot) as leaderboard:

            def told(records: Sequence[dict[str, Any]]) -> None:
                leaderboard(records)
                tracking.trials(records)

            made.run(workers, data, folder, leaderboard.begin, told, stop)
    return made


def _show(file: str, metric: str | None, csv: bool, json: bool, quiet: bool) -> int:
    from nncli.config.option import read_option
    from nncli.sweep.ledger import read
    from nncli.sweep.plan import kind_of_loss, refuse_different
    from nncli.sweep.ranking import ranking_of
    from nncli.sweep.trial import CHOSEN_BY
    from nncli.sweep.units import units_in

    header, records = read(Path(file))
    if not records:
        raise DataError(file, "no trial is finished yet")
    chosen_by = metric or records[0]["config"].metric or CHOSEN_BY
    known = [name for one in records for name in one.get("val", ())]
    if known:
        read_option("metric", chosen_by, OneOf(tuple(dict.fromkeys(known))))
    configs = [one["config"] for one in records]
    if chosen_by == "loss" != configs[0].metric:  # which a sweep checks by itself
        is_regression = configs[0].is_regression
        K = 0 if is_regression else None
        refuse_different({kind_of_loss(one.loss, one.model, one.class_weight, K) for one in configs}, is_regression)
    drawn = f" drawn {header['repeats']} times" if "repeats" in header else ""
    folds = "" if header["folds"] == 1 else f", {header['folds']} folds{drawn}"
    data = title(tuple(map(native, header["data"])))
    say(f"a sweep of {data}, {header['rows']:,} rows{folds}: {counted(len(records), 'trial')}", quiet)
    _print(ranking_of(records, chosen_by), units_in(header), csv, json, {}, quiet)
    return DONE


def _print(
    ranking: Sequence[RankedConfig],
    units: Units | None,
    csv: bool,
    json: bool,
    more: dict[str, Any],
    quiet: bool,
) -> None:
    from nncli.sweep.ranking import describe, why_untested

    if json:
        print_json({**describe(ranking, units), **more})
    elif csv:
        from nncli.terminal.sweep_leaderboard import print_csv

        print_csv(ranking, units)
    else:
        from nncli.terminal.sweep_leaderboard import print_ranking

        print_ranking(ranking, units, quiet)
    sys.stdout.flush()  # before what is said about it
    if untested := why_untested(ranking, units):
        say(f"note: {untested}", quiet)
