"""Load every kind of figure into the registry."""

from nncli.figures import judged, training_curve  # noqa: F401
from nncli.figures.kinds import FIGURES, Subject, build_figure

__all__ = ["FIGURES", "Subject", "build_figure"]
