"""Guards of a training run: a request to stop, the time limit, and numbers that are not finite any more, with why."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from nncli.config.rate_factors import factors_of, written_factors
from nncli.config.resolved import TrainingConfig
from nncli.errors import mention
from nncli.nn.buffers import all_finite
from nncli.nn.elementwise import Optimizer
from nncli.nn.network import Network

SHORT = 1.0  # seconds: an epoch that takes no longer is finished, whoever asks to stop
HIGH = 10  # times what is usual: a learning rate, or a factor of one
MODEST_L2 = 0.01  # that many rows can be learned with
LONG = 0.2  # seconds: after an epoch that took so long, the state can be copied in less than a hundredth of that


class Limits:
    """Tells why a run has to end now, as the end of a sentence; an empty text: it need not.

    An epoch is interrupted in the middle only if it takes long and comes after one that took long, whose state has been
    copied. The time limit also interrupts the first epoch.
    """

    def __init__(self, stop: Callable[[], bool], seconds: float) -> None:
        self.stop, self.seconds, self.began = stop, seconds, time.monotonic()
        self.epoch_seconds = math.inf  # for the last epoch; before the first, nothing is lost

    @property
    def is_worth_a_copy(self) -> bool:
        """Tell whether the last epoch took so long that its state should be kept, to come back to."""
        return self.epoch_seconds > LONG

    def before_epoch(self, done: int) -> str:
        """Tell at the start of an epoch, after so many that are done."""
        now, deadline = time.monotonic(), self.began + self.seconds
        self.epoch_began = now
        self._breaks_off = now + SHORT if self.is_worth_a_copy else math.inf
        self._ends = max(deadline, self._breaks_off) if done else deadline
        if self.stop():
            return "interrupted"
        return self._out_of_time() if done and now > deadline else ""

    def within_epoch(self) -> str:
        """Tell before each step."""
        now = time.monotonic()
        if now > self._breaks_off and self.stop():
            return "interrupted"
        return self._out_of_time() if now > self._ends else ""

    def after_epoch(self) -> None:
        self.epoch_seconds = time.monotonic() - self.epoch_began

    def _out_of_time(self) -> str:
        return f"the time limit of {self.seconds:g} s was reached"


class Divergence(Exception):
    """Numbers that say training went wrong: at a step of the run, from 0, or in an epoch, from 1; without either, in
    the current epoch. `network` took the step, where it is not that of the trainer."""

    def __init__(
        self,
        expected: str,
        found: float,
        step: int | None = None,
        epoch: int | None = None,
        network: Network | None = None,
    ) -> None:
        super().__init__(expected, found)
        self.expected, self.found, self.step, self.epoch, self.network = expected, found, step, epoch, network


def spoiled(network: Network) -> str:
    """Name the first block of parameters, or of their gradient, with a number that is not finite."""
    for what, vector in (("", network.theta), ("the gradient of ", network.grad)):
        for block in network.blocks:
            if not all_finite(block.view(vector)):
                return f", and {what}{block.name} is not finite any more"
    return ""


def why_diverged(
    how: TrainingConfig, rate: float, optimizer: Optimizer, unscaled: str, is_scaled: bool
) -> tuple[str, str]:
    """Return the most likely causes of numbers that are not finite, and what to do. `rate` is the learning rate as the
    schedule had it by then, `unscaled` a few words on a column whose scale may be the cause."""
    if optimizer.exact:  # right for the training rows alone, however the columns are scaled
        return "the training rows are too few for so many inputs", f"Try {mention('l2', 0.1)}"
    lr, smooth, usual = how.lr, optimizer.smooth, optimizer.default_lr
    found: list[tuple[str, str]] = []  # causes, the likeliest first, each with a remedy
    if how.l2 * (rate if smooth else min(rate, usual)) > 2:  # a step along −λ w alone goes beyond −w
        found.append((f"{mention('l2', float(f'{how.l2:g}'))} is too large", mention("l2", MODEST_L2)))
    if factors := large_factors(how.lr_scale):
        its = mention("lr_scale", written_factors(factors))
        found.append((f"{its} is too large a factor of the learning rate", mention("lr_scale", tamed(how.lr_scale))))
    if not smooth and (lr > HIGH * usual or not found):
        by_then = "" if rate > 0.9 * lr else f" ({rate:.3g} by then)"
        lower = mention("lr", float(f"{min(lr / 10, usual):g}"))
        found.append((f"the learning rate {lr:g}{by_then} is too high", lower))
    if unscaled:
        found.insert(0, (unscaled, mention("scale", "auto")))
    elif smooth or not is_scaled:
        found.append((f"the columns need scaling ({mention('scale', 'auto')})", mention("optimizer", "adam")))
    return ", or ".join(cause for cause, _ in found), f"Try {found[0][1]}"


def large_factors(lr_scale: str) -> dict[str, float | str]:
    """Return those of the factors of the learning rate that are far above the usual ones."""
    factors = factors_of(lr_scale) if lr_scale else {}
    return {kind: factor for kind, factor in factors.items() if isinstance(factor, float) and factor > HIGH}


def tamed(lr_scale: str) -> str:
    """Write factors of the learning rate with 1 in the place of those that are far above the usual ones."""
    return written_factors(factors_of(lr_scale) | dict.fromkeys(large_factors(lr_scale), 1.0))
