"""Choose a threshold for a model that is trained already, on its own validation rows, as `train` would have."""

from __future__ import annotations

import dataclasses

import numpy as np

from nncli.errors import DataError, OptionError, TrainingError, mention
from nncli.explain.retraining import prepare_again
from nncli.model.model import Model
from nncli.model.provenance import Provenance, bits
from nncli.system.output import in_quotes
from nncli.training.batch import scores
from nncli.training.final_figures import chosen_metric, figures_of
from nncli.training.model_of_run import decide, with_predictions

REMEDY = "Name rows of your own: --curve FILE shows what each threshold comes to on them, and --threshold P sets one"


def choose_anew(
    model: Model,
    provenance: Provenance,
    model_file: str,
    rule: str,
    positive: str | None = None,
    memory: int | None = None,
) -> tuple[Model, Provenance, list[str]]:
    """Return a model with the threshold that a rule gives on the validation rows of its training run, its provenance
    with the figures that follow, and what a person should know. All is as if it had been trained with that rule, and
    with that class as the positive one. Rows that are judged later have no part in it.

    Raises DataError where these rows are not to be had, OptionError for a rule that does not suit the model, and
    TrainingError for a promise that no threshold keeps.
    """
    model.check_threshold("choose_threshold")
    if not (len(provenance.val_rows) or model.config.data.val_source):
        problem = "it was trained without validation rows, or on them too, so there are none to choose a threshold on"
        raise DataError(model_file, problem, REMEDY)
    its = model.decision
    if rule == "cost" and not (its is not None and its.costs):
        problem = "nobody has told this model what mistakes cost"
        raise OptionError("choose_threshold", problem, f"Train it with {mention('cost', 'missed=5,false-alarm=1')}")
    if positive is not None and its is not None and its.costs and positive != model.classes[its.positive]:
        problem = f"its costs are of finding {in_quotes(model.classes[its.positive])}"
        raise OptionError("positive", problem, "Leave it out, or train anew with other costs")
    options = dataclasses.replace(
        model.config.options, choose_threshold=rule, positive=positive or model.config.options.positive
    )
    model = dataclasses.replace(model, config=dataclasses.replace(model.config, options=options))
    remedy = f"To choose a threshold on its validation rows, put its data back as they were, or n{REMEDY[1:]}"
    prepared = prepare_again(model, provenance, model_file, remedy, memory)
    val, test = (bits(rows, provenance.n_rows) for rows in (prepared.split.val, prepared.split.test))
    if not (np.array_equal(val, provenance.val_bits) and np.array_equal(test, provenance.test_bits)):
        raise DataError(model_file, "its validation rows cannot be found by this version of nncli", REMEDY)
    if its is not None and prepared.decision is not None and its.costs != prepared.decision.costs:
        raise DataError(model_file, "its costs have changed since it was trained", REMEDY)
    try:
        model.decision, notes = decide(prepared, model)
    except TrainingError as error:
        raise TrainingError(mention("choose_threshold"), error.problem, "Ask for less, or for the best f1") from None
    Z = np.concatenate([Z.copy() for Z in scores(model.network, model.loss, prepared.val, len(model.classes))])
    model = with_predictions(model, model.predicted(Z))
    parts = {"train": prepared.train, "val": prepared.val, "test": prepared.test}
    figures = provenance.figures | {name: figures_of(model, part) if part else None for name, part in parts.items()}
    figures |= {"metric": chosen_metric(model, prepared), "positive": model.classes[model.positive]}
    said = notes[1:]  # what stands first is the threshold, which is said with the figures
    return model, dataclasses.replace(provenance, figures=figures), said
