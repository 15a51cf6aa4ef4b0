"""The search of `--model auto`: train a dozen networks a little and the best of them in full, and blend these."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.config.ensemble_kind import ensemble_of
from nncli.config.resolve import resolve
from nncli.config.resolved import BlendPart, ResolvedConfig
from nncli.config.search_plan import CANDIDATES, Round, SearchPlan, in_brief, inputs_of, options_of, search_plan
from nncli.config.train_config import TrainConfig
from nncli.config.usual_model import CHOSEN
from nncli.data.scaled_rows import Subset
from nncli.data.split import Split
from nncli.errors import OptionError, TrainingError, flag, mention
from nncli.metrics.definitions import METRICS
from nncli.metrics.rows import ScoredRows
from nncli.model.network import network_inputs
from nncli.model.training_state import Epoch
from nncli.nn.calibration import calibrate
from nncli.nn.links import LINKS
from nncli.nn.models import TabularModel
from nncli.nn.network import Network
from nncli.system.output import counted, number, quantity
from nncli.system.workers import Stop, never
from nncli.training.batch import scores
from nncli.training.greedy_selection import greedy_selection
from nncli.training.memory import check_network_fits
from nncli.training.prepare import Prepared
from nncli.training.run import Run, finished, fit, keep_best, new_trainer
from nncli.training.trainer import Trainer

OUT_OF_TIME = "the time limit was reached"
TINY = 1e-300  # the least probability whose logarithm is taken


@dataclass(frozen=True)
class Trial:
    """A network of the search, trained and calibrated, with what it says of the rows that judge it."""

    candidate: int  # its place in the list
    config: ResolvedConfig
    on_folds: bool
    network: Network
    said: NDArray[np.float64]  # what the judge needs of its answers
    badness: float
    epoch: Epoch  # at which it was best


class Search:
    """Runs the plan of a search on prepared data, step by step."""

    def __init__(self, prepared: Prepared, on_step: Callable[[Epoch], None], stop: Stop) -> None:
        self.prepared, self.on_step, self.stop = prepared, on_step, stop
        options, members = prepared.config.options, ensemble_of(prepared.config.options.ensemble)
        self.options, self.folds = options, members.number if members else 0
        self.plan = plan_of(prepared)
        self.most = steps_of(prepared)
        self.trials, self.history, self.notes = list[Trial](), list[Epoch](), list[str]()
        self.steps, self.ended, self.is_first_cut = 0, "", False
        self.began = time.monotonic()

    def run(self) -> None:
        """Train the networks of all rounds, as far as steps and time allow."""
        places = [*self.plan.candidates]
        for one in self.plan.rounds:
            before = len(self.trials)
            for place in places[: one.networks]:
                if self.ended or self.steps == self.most:
                    break
                self.step(place, one)
            of_round = sorted(self.trials[before:], key=lambda trial: trial.badness)
            places = [trial.candidate for trial in of_round]
        if not self.ended and self.steps == self.most < self.plan.steps:
            self.ended = f"{flag('search_steps')} {self.steps} was reached"

    def step(self, place: int, one: Round) -> None:
        """Train a candidate, and keep it unless it comes to nothing or has to end; where time is out, the first one is
        kept as far as it has come, as there would be nothing else."""
        limit = self.options.time_limit

        def out_of_time() -> bool:
            return limit is not None and time.monotonic() - self.began > limit

        if out_of_time():
            self.ended = OUT_OF_TIME
            return
        prepared = self._prepared(place, one)
        inputs, K = network_inputs(prepared.preprocess), len(prepared.dataset.classes)
        try:
            check_network_fits(prepared.config, len(prepared.train), inputs, K)
            trainer = new_trainer(prepared)
            fit(trainer, stop=lambda: self.stop() or out_of_time())
            is_cut_short = trainer.stopped == "interrupted" or trainer.kept.epoch is None
            is_first_cut = is_cut_short and not self.trials and trainer.kept.epoch is not None and not self.stop()
            if not is_cut_short or is_first_cut:
                keep_best(trainer, interrupted=is_first_cut)
        except (TrainingError, OptionError) as error:
            if isinstance(error, OptionError) and error.option not in ("hidden", "ensemble"):
                raise  # it is one of the options of the search
            self.steps += 1
            why = error if isinstance(error, TrainingError) else error.problem
            self.notes.append(f"{in_brief(prepared.config.options)} is left out: {why}".rstrip("."))
            return
        if is_cut_short:
            self.ended, self.is_first_cut = "interrupted" if self.stop() else OUT_OF_TIME, is_first_cut
            if not is_first_cut:
                return
        self.steps += 1
        self.trials.append(self._trial(place, one, prepared, trainer))
        is_best = self.trials[-1] is _best_of(self.finalists)
        epoch = dataclasses.replace(self.trials[-1].epoch, number=len(self.trials), is_best=is_best)
        epoch = dataclasses.replace(epoch, steps=None, mistakes=None)
        self.history.append(epoch)
        self.on_step(dataclasses.replace(epoch, number=self.steps))

    def _prepared(self, place: int, one: Round) -> Prepared:
        """Return the data prepared for a candidate in a round, for a share of its epochs."""
        prepared, candidate = self.prepared_for(one.on_folds), CANDIDATES[place]
        options = options_of(candidate, self.options, one.on_folds)
        config = resolve(options, len(prepared.train), has_val=True)
        epochs = max(2, round(config.training.epochs * candidate.epochs * one.share))
        patience = epochs if candidate.model == TabularModel.name else config.training.patience
        patience = self.options.patience or patience  # what comes last in a schedule is what tabular is best after
        config = ResolvedConfig.of(dataclasses.replace(config.options, epochs=epochs, patience=int(patience)))
        return dataclasses.replace(prepared, config=config)

    def prepared_for(self, on_folds: bool) -> Prepared:
        """Return the data with the rows to learn from and to be judged by: of all folds, or of the first alone."""
        prepared, folds = self.prepared, self.prepared.val.folds
        if on_folds or folds is None:
            return prepared
        train, val = (_of_rows(part, folds, first) for part, first in ((prepared.train, False), (prepared.val, True)))
        split, groups = Split(train.rows, val.rows, prepared.split.test), prepared.val_groups
        groups = None if groups is None else groups[folds[prepared.val.rows] == 0]
        return dataclasses.replace(prepared, split=split, train=train, val=val, val_groups=groups)

    def _trial(self, place: int, one: Round, prepared: Prepared, trainer: Trainer) -> Trial:
        assert trainer.kept.epoch is not None
        network, loss, val = trainer.network, trainer.loss, prepared.val
        Z = np.concatenate([Z.copy() for Z in scores(network, loss, val, trainer.K)])
        y = val.y[val.rows]
        if prepared.target is None:  # networks that are sure alike, before their probabilities are averaged
            weights = None if val.weights is None else val.weights[val.rows]
            a = calibrate(Z, y.astype(np.int64), loss, trainer.K, weights).a
            last = network.dense[-1]
            last.W *= a
            last.b *= a
            Z *= a
        Z, said = Z.astype(np.float64), np.empty(Z.shape)
        LINKS.create(loss.link).forward(Z, said)
        judge = Judge(prepared, self.options)
        needed = judge.needed(said)
        return Trial(place, prepared.config, one.on_folds, network, needed, judge.badness(needed), trainer.kept.epoch)

    @property
    def finalists(self) -> list[Trial]:
        """Return the networks that a blend may have: those that are judged on most rows."""
        return [one for one in self.trials if one.on_folds] or self.trials


def search(
    prepared: Prepared,
    on_step: Callable[[Epoch], None] = lambda epoch: None,
    stop: Stop = never,
    reference: str | None = None,
) -> Run | None:
    """Run the search that the options ask for, and blend the networks that are best together on the rows that none of
    them has learned; None if `stop` has ended it before the first was trained.

    The history has a line for each network: the figures at the epoch that was best for it. TrainingError where the time
    limit leaves no time for one.
    """
    its = Search(prepared, on_step, stop)
    its.run()
    if not its.trials:
        if its.ended == "interrupted":
            return None
        if its.ended == OUT_OF_TIME:
            limit = f"{prepared.config.options.time_limit:g} s"
            problem = f"expected time for one network at least, found {limit} too short"
            raise TrainingError(mention("time_limit"), problem, "Nothing is saved")
        model = mention("model", prepared.config.model.name)
        raise TrainingError(model, f"no network could be trained: {its.notes[0]}")
    finalists = its.finalists
    prepared = its.prepared_for(finalists[0].on_folds)
    judge = Judge(prepared, its.options)
    times = greedy_selection([one.said for one in finalists], judge.badness)
    chosen = [(n, one) for n, one in zip(times, finalists, strict=True) if n]
    config = prepared.config.with_parts([BlendPart(n, one.config.options) for n, one in chosen])
    together = judge.badness(sum((n * one.said for n, one in chosen), np.zeros_like(chosen[0][1].said)) / sum(times))
    told = _told(its, chosen, _best_of(finalists), together)
    prepared = dataclasses.replace(prepared, config=config, notes=(*prepared.notes, *told))
    network, loss = prepared.new_network()
    network.theta[:] = np.concatenate([one.network.theta for _, one in chosen])
    trainer = Trainer(
        network,
        loss,
        config,
        prepared.train,
        prepared.val,
        len(prepared.dataset.classes),
        np.random.default_rng(0),
        decision=prepared.decision,
        target=prepared.target,
    )
    trainer.history, trainer.stopped = its.history, its.ended or "all planned networks are trained"
    trainer.kept.keep([epoch for epoch in its.history if epoch.is_best][-1], network.theta)
    run = finished(prepared, trainer, time.monotonic() - its.began, reference=reference)
    return dataclasses.replace(run, notes=[*told, *its.notes, *run.notes])


def plan_of(prepared: Prepared) -> SearchPlan:
    """Return the plan of the search of prepared data."""
    return search_plan(prepared.config.options, len(prepared.read), inputs_of(prepared.dataset.table))


def steps_of(prepared: Prepared) -> int:
    """Return how many networks, or ensembles of one for each fold, a search trains at most."""
    planned = plan_of(prepared).steps
    return min(planned, prepared.config.options.search_steps or planned)


class Judge:
    """Tells how bad answers to the validation rows are: by the metric that the options of the search name, or else by
    the log loss of probabilities (n, K), or the mean square of the errors of numbers (n, 1)."""

    def __init__(self, prepared: Prepared, options: TrainConfig) -> None:
        val = prepared.val
        self.y, self.K = val.y[val.rows], len(prepared.dataset.classes)
        self.weights = None if val.weights is None else val.weights[val.rows]
        self.metric = METRICS.create(options.metric) if options.metric not in (None, "loss") else None
        self.options, self.target, self.decision = options, prepared.target, prepared.decision

    def needed(self, said: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what of the answers decides how bad their means are: of probabilities, without a metric, those of the
        true classes (n,)."""
        if self.target is None and self.metric is None:
            return said[np.arange(len(self.y)), self.y.astype(np.int64)]
        return said

    def badness(self, needed: NDArray[np.float64]) -> float:
        """Return how bad answers are, of which this is needed; OptionError where the metric is not defined for them."""
        if self.metric is None and self.target is None:
            return -float(np.average(np.log(np.maximum(needed, TINY)), weights=self.weights))
        if self.metric is None:
            return float(np.average((needed[:, 0] - self.y) ** 2, weights=self.weights))
        rows = self._rows(needed).oriented
        if problem := self.metric.problem(rows):
            raise OptionError("metric", f"{self.metric.name} of the validation rows: {problem[0]}", problem[1])
        return self.metric.badness(self.metric.value(rows))

    def _rows(self, said: NDArray[np.float64]) -> ScoredRows:
        if self.target is not None:
            return ScoredRows.of_numbers(self.target.numbers(self.y[:, None]), self.target.numbers(said))
        rule, decision = self.options.choose_threshold, self.decision
        predicted = said.argmax(axis=1) if decision is None or decision.is_likeliest else decision.classes(said)
        logits, y = np.log(np.maximum(said, TINY)), self.y.astype(np.int64)
        of_decision = (1, None) if decision is None else (decision.positive, decision.cost_matrix)
        rows = ScoredRows(y, predicted, self.K, logits, True, None, *of_decision)
        if rule is None or decision is None:
            return rows
        from nncli.training.decision import at_chosen_threshold

        return at_chosen_threshold(rows, rule, decision)


def _told(its: Search, chosen: list[tuple[int, Trial]], best: Trial, together: float) -> list[str]:
    """Say what was tried and what was chosen, a line each."""
    tried = len({one.candidate for one in its.trials})
    rows = f"{its.folds} folds" if best.on_folds else counted(len(best.said), "validation row")
    steps = "" if its.steps == its.plan.steps else f" of {its.plan.steps} planned"
    found = [f"{CHOSEN}by {rows}, of {counted(tried, 'network')} in {counted(its.steps, 'step')}{steps}"]
    if its.is_first_cut:
        found[0] += "; it was cut short by the time limit, so that the same command may give another model"
    elif its.steps < its.plan.steps and its.options.search_steps != its.steps:
        found[0] += f"; with {flag('search_steps')} {its.steps} added, the command gives the same again"
    total = sum(n for n, _ in chosen)
    for n, one in sorted(chosen, key=lambda pair: -pair[0]):
        found.append(f"part: {n} of {total}, {in_brief(one.config.options)}")
    metric = its.options.metric
    if metric in (None, "loss"):
        scale = its.prepared.target
        what, unit = ("log loss", 1.0) if scale is None else ("RMSE", scale.sd)
        of_best, of_all = (value if scale is None else unit * value**0.5 for value in (best.badness, together))
        write = number if scale is None else quantity
        when = ", before calibration" if its.prepared.config.training.calibrate else ""
        said = f"{what} on these rows{when}: {write(of_all)}"
        said += "" if len(chosen) == 1 else f" of the blend, {write(of_best)} of the best network by itself"
        found.append(said)
    return found


def _best_of(trials: list[Trial]) -> Trial:
    """Return the best of some networks that were judged on the same rows; of several, the first."""
    return min(trials, key=lambda one: one.badness)


def _of_rows(part: Subset, folds: NDArray[np.int64], first: bool) -> Subset:
    """Return the rows of a part that are in the first fold, or all others."""
    return dataclasses.replace(part, rows=part.rows[(folds[part.rows] == 0) == first], folds=None)
