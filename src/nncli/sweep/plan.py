"""Make the plan of a sweep from its options, and refuse options that contradict one another."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection
from typing import Any

from nncli.config.ensemble_kind import ensemble_of
from nncli.config.option import OneOf, read_option
from nncli.config.resolve import resolve
from nncli.config.task import check_metric
from nncli.config.usual_model import linear_model
from nncli.data.dataset import Dataset
from nncli.data.task import REGRESSION
from nncli.errors import OptionError, mention
from nncli.nn.losses import LOSSES
from nncli.nn.models import preset_of
from nncli.sweep.search import SEARCHES, SearchPlan
from nncli.sweep.space import Space
from nncli.sweep.trial import BY_ERROR, CHOSEN_BY
from nncli.training.splitting import refuse_repeats_by_time
from nncli.training.word_vectors import check_vectors
from nncli.training.words import OF_NETWORK, OF_TEXTS, columns_of_words, refuse_with_words

MANY_ROWS = 1000  # any number that every --batch-size can be resolved for: only the need of validation rows matters


def plan_of(space: Space, search: str | None, trials: int | None, seeds: int) -> SearchPlan:
    """Make the plan of a sweep; `search` None: the usual one. OptionError for options that contradict one another."""
    folds, repeats = space.base.folds or (1, 1)
    refuse_repeats_by_time(space.base)
    space = dataclasses.replace(space, base=dataclasses.replace(space.base, folds=None))  # each trial has one of them
    if search is not None:
        read_option("search", search, OneOf(tuple(SEARCHES)))
    metric = space.base.metric or CHOSEN_BY
    search = search or ("grid" if space.finite and trials is None else "random")
    if search in ("random", "refine") and trials is None:
        raise OptionError(
            "trials", f"expected how many configurations a {search} search draws", f"Add {mention('trials', 20)}"
        )
    if search == "grid" and trials is not None:
        raise OptionError("trials", "a grid has as many configurations as combinations", "Leave it out")
    if trials is None:
        space.refuse_ranges()
    plan = SearchPlan(space, search, trials=trials, seeds=seeds, folds=folds, repeats=repeats, metric=metric)
    base = space.base
    if base.threads is not None:
        raise OptionError(
            "threads", "each trial of a sweep has one thread", f"Say with {mention('jobs')} how many run at a time"
        )
    if search == "halving" and base.time_limit is not None:
        raise OptionError("time_limit", "halving counts by epochs, and stops most of them early", "Leave it out")
    if any(members is not None and members.folds for members in map(ensemble_of, space.values("ensemble"))):
        problem = "members that leave out folds have other validation rows than the other models of a sweep"
        raise OptionError("ensemble", problem, "Compare numbers of members, as 1,8")
    for model in space.values("model"):
        if model is not None and preset_of(model).searches:
            problem = f"{model} is a search by itself, and a sweep compares models"
            raise OptionError("model", problem, f"Use nncli train {mention('model', model)}, or name other models")
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
        resolve(dataclasses.replace(config, metric=None), MANY_ROWS, has_val=False)
    return plan


def for_dataset(plan: SearchPlan, dataset: Dataset) -> SearchPlan:
    """Return the plan for data that have been read: where the target is a number, its trials say so, and it chooses by
    RMSE unless somebody said by what; where there are columns of words and nobody names a model, it is a linear one.
    OptionError for a metric of the other task, for networks that cannot take words, and for options of texts where
    there are none."""
    base, space = plan.space.base, plan.space
    of_texts = [name for name in OF_TEXTS if name in space.axes]
    varied: dict[str, Any] = {name: next(filter(None, space.values(name)), True) for name in of_texts}
    if words := columns_of_words(dataclasses.replace(base, **varied), dataset.table):
        if not space.names_model and not any(space.values("hidden")):
            base = dataclasses.replace(base, model=linear_model(dataset.is_numeric))
        for name in OF_NETWORK:
            for value in space.values(name):
                refuse_with_words(dataclasses.replace(base, **{name: value}), words)
        if base.vectors is not None:
            if "embedding" in space.axes:
                problem = "the vectors of a file have one width"
                raise OptionError("embedding", problem, f"Leave it or {mention('vectors')} out")
            for ngrams in space.values("ngrams"):
                check_vectors(dataclasses.replace(base, ngrams=ngrams))
    if dataset.is_numeric:
        base = dataclasses.replace(base, task=REGRESSION, metric=base.metric or BY_ERROR)
    if base.metric is not None:
        check_metric(base.metric, dataset.is_numeric)
    return dataclasses.replace(
        plan, space=dataclasses.replace(plan.space, base=base), metric=base.metric or plan.metric
    )


def check_losses(plan: SearchPlan, K: int) -> None:
    """Raise OptionError where the metric is the loss, and the models of a plan minimise different ones of K classes."""
    if plan.metric == "loss":
        values = map(plan.space.values, ("loss", "model", "class_weight"))
        kinds = {kind_of_loss(loss, model, weight, K) for loss, model, weight in itertools.product(*values)}
        refuse_different(kinds, is_regression=K == 0)


def kind_of_loss(loss: str | None, model: str | None, class_weight: str, K: int | None) -> tuple[str, str, str]:
    """Return what two losses have in common if they can be compared. Of K = 2 classes, both cross-entropies are
    −log p of the true class; None: nobody knows how many there are."""
    made = LOSSES.create(loss or preset_of(model or "mlp").loss_for(K == 0))
    if K == 2 and made.name == "binary-cross-entropy":
        made = LOSSES.create("cross-entropy")
    return made.name, repr(dataclasses.asdict(made)), class_weight


def refuse_different(kinds: Collection[tuple[str, ...]], is_regression: bool) -> None:
    """Raise OptionError for several kinds of loss."""
    if len(kinds) > 1:
        remedy = f"Use accuracy, or one {mention('model')}, {mention('loss')} and {mention('class_weight')}"
        if is_regression:
            remedy = f"Use {BY_ERROR}, or one {mention('loss')}"
        raise OptionError("metric", "losses of different kinds cannot be compared", remedy)
