"""Evaluate a network while it is trained: its figures, and how good it is by the metric that the config names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nncli.config.resolved import ResolvedConfig
from nncli.data.scaled_rows import Subset
from nncli.errors import OptionError
from nncli.metrics.definitions import METRICS
from nncli.metrics.metric import Metric
from nncli.metrics.rows import ScoredRows
from nncli.model.decision import Decision
from nncli.nn.network import Network
from nncli.nn.row_loss import Loss
from nncli.training.batch import evaluate, evaluated_rows, judged, judged_numbers
from nncli.training.guards import Divergence

if TYPE_CHECKING:
    from nncli.model.target_scale import TargetScale


class Validation(NamedTuple):
    """Hold what a network comes to on the validation rows. Of two, the one with the lower `badness` is better."""

    loss: float
    accuracy: float  # of numbers, RMSE
    metric: float | None  # that the config names; None where it is the loss
    badness: float


class Evaluator:
    """Evaluates a network on rows, such as those for validation.

    `decision` is what is known before training of how classes are decided, `target` the scale of a number, in whose
    unit losses and errors are.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        K: int,
        config: ResolvedConfig,
        decision: Decision | None,
        target: TargetScale | None,
    ) -> None:
        self.network, self.loss, self.K, self.config = network, loss, K, config
        self.decision, self.target = decision, target
        self.unit = 1.0 if target is None else target.unit_of(loss)  # of the losses that are shown
        named = config.training.metric
        # the mean loss is known from each evaluation, with the weights of the rows
        self.metric = METRICS.create(named) if named not in ("", "loss") else None

    @property
    def by_accuracy(self) -> bool:
        """Tell whether networks are compared by their accuracy, as the loss cannot compare them."""
        return self.loss.homogeneous and not self.config.training.metric

    @property
    def better(self) -> str:
        """Say what a better network has, without an article."""
        if self.metric:
            return f"better validation {self.config.training.metric}"
        return "higher validation accuracy" if self.by_accuracy else "lower validation loss"

    def validate(self, val: Subset) -> Validation:
        """Evaluate the network on the validation rows. Raise Divergence where their loss is not finite, OptionError
        where the metric is not defined for them."""
        rows, how = None, (self.network, self.loss, val, self.K)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if self.metric and self.target is None:
                rows, means = evaluated_rows(*how, self.decision)
            else:
                means = evaluate(*how)
        loss, accuracy, weighted_accuracy = means
        if not math.isfinite(loss):
            raise Divergence("a finite loss", loss)
        loss, accuracy = self.shown(loss, accuracy)
        if self.metric:
            value = self._value(self.metric, rows or self.judged(val))
            return Validation(loss, accuracy, value, self.metric.badness(value))
        return Validation(loss, accuracy, None, 1 - weighted_accuracy if self.by_accuracy else loss)

    def check_metric(self, val: Subset | None) -> None:
        """Raise OptionError where the metric that chooses the epoch is not defined for the validation rows."""
        if self.metric and val:
            self._value(self.metric, self.judged(val))

    def judged(self, part: Subset) -> ScoredRows:
        """Return the rows of a part with what the network says of them; numbers in the unit of the target."""
        if self.target is not None:
            return judged_numbers(self.network, self.loss, part, self.target)
        return judged(self.network, self.loss, part, self.K, self.decision)

    def shown(self, loss: float, accuracy: float) -> tuple[float, float]:
        """Return a loss and an accuracy as the history has them: of numbers, the loss and RMSE (from the mean square)
        in the unit of the target."""
        return (loss, accuracy) if self.target is None else (loss * self.unit, math.sqrt(accuracy) * self.target.sd)

    def _value(self, metric: Metric, rows: ScoredRows) -> float:
        """Return the metric of the validation rows, with the threshold that would be chosen for θ; OptionError where it
        is not defined for them."""
        rule = self.config.options.choose_threshold
        if rule is not None and self.decision is not None:
            from nncli.training.decision import at_chosen_threshold

            rows = at_chosen_threshold(rows, rule, self.decision)
        rows = rows.oriented
        if problem := metric.problem(rows):
            why, remedy = problem
            raise OptionError("metric", f"{self.config.training.metric} of the validation rows: {why}", remedy)
        return metric.value(rows)
