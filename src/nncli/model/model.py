"""A trained model: preprocessing, network, loss (with its link), and class names or the scale of a number."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncli.config.ensemble_kind import ONE
from nncli.config.resolved import ResolvedConfig
from nncli.data.dataset import Schema, Table
from nncli.data.preprocess import Preprocess
from nncli.data.scaled_rows import InMemory
from nncli.errors import ModelFileError, OptionError, UsageError, mention
from nncli.model.conformal import kept_scores, score_that_holds
from nncli.model.decision import Decision, chosen
from nncli.model.network import build_network, eval_rows, network_inputs
from nncli.nn.buffers import all_finite
from nncli.nn.calibration import Calibration, likelihood_of
from nncli.nn.network import Network
from nncli.nn.row_loss import Loss
from nncli.system.output import counted, in_quotes

if TYPE_CHECKING:
    from nncli.guards.distribution import Distribution
    from nncli.guards.guard import Guard
    from nncli.model.target_scale import TargetScale

Look = Callable[[InMemory], None]


@dataclass
class Model:
    """A trained model: rows in, classes out, with a number for each class: its probability, or else its score."""

    config: ResolvedConfig
    schema: Schema
    preprocess: Preprocess
    network: Network
    loss: Loss
    classes: tuple[str, ...]
    calibration: Calibration | None = None
    decision: Decision | None = None  # None: the likeliest class, and the second of two is the positive one
    target: TargetScale | None = None  # of a number, where there are no classes
    # that validation rows have their class, the largest first: see `conformal.py`; empty where there are none
    own_probabilities: tuple[float, ...] = ()
    distribution: Distribution | None = None  # of the training columns; None: its file has none, or they are too many

    def guard(self) -> Guard | None:
        """Return a guard that counts how later rows differ from the training rows; None where these are not known."""
        if self.distribution is None:
            return None
        from nncli.guards.guard import Guard

        return Guard(self.distribution, self.preprocess, self.classes)

    @property
    def of_numbers(self) -> TargetScale:
        """Return the scale of the target of a model that predicts numbers, which it must."""
        assert self.target is not None
        return self.target

    def refuse_numbers(self, where: str, what: str) -> None:
        """Raise UsageError where a model that predicts numbers is given to what is for classes alone."""
        if self.target is not None:
            problem = f"expected a model that predicts classes, as {what} is for those alone, found one of numbers"
            remedy = "Name models that all predict numbers, or all classes, or give each alone"
            raise UsageError(where, problem, remedy)

    def refuse_for_numbers(self, option: str) -> None:
        """Raise OptionError for an option that is for classes, where the model predicts numbers."""
        if self.target is not None:
            raise OptionError(option, "it is there for classes alone, and the model predicts numbers", "Leave it out")

    @property
    def remedy_alone(self) -> str:
        """Say how to train a model of one network, by itself, where this one is of several, or found by a search."""
        if not self.config.parts:
            return f"Train one with {mention('ensemble', 1)}"
        from nncli.config.search_plan import in_brief

        which = "one" if self.network.is_several else "it"
        alone = dataclasses.replace(self.config.parts[0].options, ensemble=ONE)
        return f"Train {which} by itself, with {in_brief(alone)}"

    @property
    def positive(self) -> int:
        """Return the position of the positive class, of two."""
        return 1 if self.decision is None else self.decision.positive

    @property
    def known_cells(self) -> dict[str, Collection[str]]:
        """Return the cells that text columns, and a target of classes, had in training: by these, columns of rows
        without names are known again."""
        classes = {} if self.target is not None else {self.schema.target: self.classes}
        return {**classes, **self.preprocess.known_categories}

    @property
    def probabilistic(self) -> bool:
        """Tell whether it gives probabilities, not only scores."""
        return self.loss.probabilistic or self.calibration is not None

    def with_validation(self, own: NDArray[Any]) -> Model:
        """Return the model with the probabilities of their own classes (n,) that validation rows have, from which
        prediction sets come."""
        kept = -kept_scores(-own)
        return dataclasses.replace(self, own_probabilities=tuple(float(str(p)) for p in kept))  # in few figures

    def least_probability(self, share: float) -> float | None:
        """Return the probability from which on a class is in the prediction set of a row, so that it holds the class of
        the row with the probability `share`; None where too few validation rows tell."""
        score = score_that_holds([-p for p in self.own_probabilities], share)
        return None if score is None else -score

    @property
    def metric(self) -> str | None:
        """Return the metric that it was trained for, or the cost if mistakes have one; None for accuracy and the loss,
        which are looked at in any case."""
        asked = self.config.options.metric
        if asked not in (None, "loss", "accuracy"):
            return asked
        return "cost" if self.decision is not None and self.decision.costs else None

    def check_threshold(self, option: str) -> None:
        """Raise OptionError, of that option, where there is no probability of a positive class."""
        self.refuse_for_numbers(option)
        if len(self.classes) != 2:
            raise OptionError(option, f"expected a model of two classes, found {len(self.classes)}", "Leave it out")
        if not self.probabilistic:
            problem = f"expected a model with probabilities, and {self.config.model.name} gives scores"
            raise OptionError(option, problem, f"Train it with {mention('calibrate', True)}")

    def in_double(self) -> Model:
        """Return the same model, which computes in float64: what it says of a row does not depend, but for the last of
        16 figures, on the rows that go through the network beside it."""
        if self.network.dtype == np.float64:
            return self
        config = dataclasses.replace(self.config.model, dtype="float64")
        network, loss = build_network(config, network_inputs(self.preprocess), len(self.classes))
        network.theta[:] = self.network.theta
        return dataclasses.replace(self, network=network, loss=loss)

    def for_another_thread(self) -> Model:
        """Return the same model with buffers of its own: one thread may use a model at a time."""
        return dataclasses.replace(self, network=self.network.for_another_thread())

    def scores(self, table: Table, look: Look = lambda inputs: None) -> NDArray[Any]:
        """Return the scores Z (n, outputs) of the rows of a table; `look` is given their inputs."""
        found = np.empty((len(table), self.loss.outputs(len(self.classes))), self.network.dtype)
        return self._filled(found, table, self.network.forward, look)

    def scores_of_members(self, table: Table) -> NDArray[Any]:
        """Return the scores (members, n, outputs) that each member of an ensemble has; of one network, its own."""
        matrix, N = self.preprocess.transform(table, self.network.dtype), self.network.copies
        parts, at_once = list[NDArray[Any]](), eval_rows(self.network.widths, matrix.is_sparse)
        for start in range(0, len(matrix), at_once):
            Z = self.network.scores_of_members(matrix.slice(start, start + at_once))
            parts.append(Z.reshape(N, -1, Z.shape[1]).copy())
        return np.concatenate(parts, axis=1)

    def numbers(self, Z: NDArray[Any]) -> NDArray[np.float64]:
        """Return the predicted numbers (n,), in the unit of the target, from the scores Z."""
        return self.of_numbers.numbers(Z)

    def by_class(self, Z: NDArray[Any]) -> NDArray[Any]:
        """Return the probability of each class (n, K), from the scores Z; its score if there are no probabilities."""
        loss, Z = self._calibrated(Z)
        return loss.by_class(Z)

    def logits(self, Z: NDArray[Any]) -> NDArray[Any]:
        """Return what the probabilities, or the order of scores, come from: see `Loss.logits`."""
        loss, Z = self._calibrated(Z)
        return loss.logits(Z)

    def losses(self, Z: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
        """Return what training minimises (n,), for rows of the classes or numbers y (n,) and the scores Z; calibration
        leaves it as it is. That of numbers is in the unit of the target, or in its square."""
        Y = np.empty_like(Z)
        self.loss.write_targets(y if self.target is None else self.target.scaled(y), Y)
        losses = self.loss.forward(Z, Y, np.empty_like(Z))
        return losses if self.target is None else losses * self.target.unit_of(self.loss)

    def predicted(self, Z: NDArray[Any], threshold: float | None = None) -> NDArray[np.int64]:
        """Return the position of the predicted class (n,), from the scores Z; with a `threshold`, the positive one of
        two classes from that probability on."""
        if threshold is not None:
            return chosen(self.by_class(Z), self.positive, threshold)
        if self.decision is not None and not self.decision.is_likeliest:
            return self.decision.classes(self.by_class(Z))
        if Z.shape[1] > 1:
            return self.loss.classes(Z)  # calibration keeps their order
        loss, Z = self._calibrated(Z)
        return loss.classes(Z)

    def say_ties(self, tied: int, n: int) -> list[str]:
        """Say in a line how many of n rows have two classes with the same highest score, and which is taken."""
        if not tied:
            return []
        have = f"{tied:,} of the {counted(n, 'row')} {'has' if tied == 1 else 'have'}"
        if len(self.classes) > 2:
            return [f"{have} the same highest score for two classes or more, of which the first is predicted"]
        second = in_quotes(self.classes[1])
        if self.network.widths[-1] == 1:
            return [f"{have} a score of exactly {self.loss.border:g}, from which on {second} is predicted"]
        return [f"{have} the same score for both classes, of which {second} is predicted"]

    def _calibrated(self, Z: NDArray[Any]) -> tuple[Loss, NDArray[Any]]:
        """Return the loss whose link reads the scores, and the scores for it."""
        if self.calibration is None:
            return self.loss, Z
        return likelihood_of(Z), self.calibration.scores(Z)

    def spread(self, table: Table, codes: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Return how much the members of an ensemble differ (n,): the standard deviation over them of the probability
        of the class with the position codes (n,) in each row (of its score, if there are no probabilities); of the
        predicted number, in its unit."""
        found, N = np.empty(len(table)), self.network.copies
        with np.errstate(all="ignore"):
            matrix = self.preprocess.transform(table, self.network.dtype)
            at_once = eval_rows(self.network.widths, matrix.is_sparse)
            for start in range(0, len(matrix), at_once):
                Z = self.network.scores_of_members(matrix.slice(start, start + at_once))
                part = slice(start, start + len(Z) // N)
                if codes is None:
                    of_members = self.numbers(Z)
                else:
                    of_members = self.by_class(Z)[np.arange(len(Z)), np.tile(codes[part], N)].astype(np.float64)
                found[part] = of_members.reshape(N, -1).std(axis=0)
        if not all_finite(found):
            raise ModelFileError("model", "its scores for these rows are not finite", "Train it again")
        return found

    def embed(self, table: Table, look: Look = lambda inputs: None) -> NDArray[Any]:
        """Return the output (n, h) of the last hidden layer for the rows of a table; `look` is given their inputs."""
        found = np.empty((len(table), self.network.embedded), self.network.dtype)
        return self._filled(found, table, self.network.embed, look)

    def _filled(
        self,
        found: NDArray[Any],
        table: Table,
        of: Callable[[NDArray[Any]], NDArray[Any]],
        look: Look = lambda inputs: None,
    ) -> NDArray[Any]:
        """Fill in what the network gives; ModelFileError if that is not finite."""
        with np.errstate(all="ignore"):
            matrix = self.preprocess.transform(table, self.network.dtype)
            look(matrix)
            at_once = eval_rows(self.network.widths, matrix.is_sparse)
            for start in range(0, len(matrix), at_once):
                found[start : start + at_once] = of(matrix.slice(start, start + at_once))
        if found.size and not all_finite(found):
            raise ModelFileError("model", "its scores for these rows are not finite", "Train it again")
        return found
