"""Load every kind of figure into the registry, in the order that the help lists them."""

from nncli.figures import training_curve, judged, weights, planes, activations, sweep  # noqa: F401, I001
from nncli.figures.kinds import FIGURES, OfLedger, OfModel, Subject, build_of_model, trials_of

__all__ = ["FIGURES", "OfLedger", "OfModel", "Subject", "build_of_model", "trials_of"]
