"""Make the plan of a sweep from its options, and refuse options that contradict one another."""

from __future__ import annotations

from nncli.config.option import OneOf, read_option
from nncli.config.resolve import resolve
from nncli.errors import OptionError, mention
from nncli.sweep.ranking import METRICS
from nncli.sweep.search import SEARCHES, SearchPlan
from nncli.sweep.space import Space

MANY_ROWS = 1000  # any number that every --batch-size can be resolved for: only the need of validation rows matters


def plan_of(space: Space, search: str | None, trials: int | None, seeds: int, folds: int, metric: str) -> SearchPlan:
    """Make the plan of a sweep; `search` None: the usual one. OptionError for options that contradict one another."""
    if search is not None:
        read_option("search", search, OneOf(tuple(SEARCHES)))
    check_metric(metric, kinds_differ=not {"loss", "model", "class_weight"}.isdisjoint(space.axes))
    search = search or ("grid" if space.finite and trials is None else "random")
    if search in ("random", "refine") and trials is None:
        raise OptionError(
            "trials", f"expected how many configurations a {search} search draws", f"Add {mention('trials', 20)}"
        )
    if search == "grid" and trials is not None:
        raise OptionError("trials", "a grid has as many configurations as combinations", "Leave it out")
    if trials is None:
        space.refuse_ranges()
    plan = SearchPlan(space, search, trials=trials, seeds=seeds, folds=folds, metric=metric)
    base = space.base
    if base.threads is not None:
        raise OptionError(
            "threads", "each trial of a sweep has one thread", f"Say with {mention('jobs')} how many run at a time"
        )
    if search == "halving" and base.time_limit is not None:
        raise OptionError("time_limit", "halving counts by epochs, and stops most of them early", "Leave it out")
    if base.val == 0 and plan.folds == 1:
        raise OptionError("val", "a sweep chooses by validation rows, and there are none", "Leave it out")
    if plan.folds > 1 and base.val_data:
        raise OptionError("folds", f"{mention('val_data')} names the validation rows already", "Leave one of them out")
    # the folds allow options that the winner, which has no validation rows, does not
    for config in plan.configs() if base.val == 0 else ():
        try:
            resolve(config, MANY_ROWS, has_val=True)
        except OptionError:
            continue  # its trials will say so
        resolve(config, MANY_ROWS, has_val=False)
    return plan


def check_metric(metric: str, kinds_differ: bool) -> None:
    """Raise OptionError for an unknown metric, or for the loss where its kinds differ."""
    read_option("metric", metric, OneOf(METRICS))
    if metric == "loss" and kinds_differ:
        remedy = f"Use accuracy, or one {mention('model')}, {mention('loss')} and {mention('class_weight')}"
        raise OptionError("metric", "losses of different kinds cannot be compared", remedy)
