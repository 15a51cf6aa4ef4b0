"""Check that options fit the task: a run that predicts numbers has other models, losses and metrics than classes."""

from __future__ import annotations

from collections.abc import Sequence

from nncli.config.train_config import TrainConfig
from nncli.data.task import CLASSIFICATION, REGRESSION
from nncli.errors import OptionError, mention
from nncli.metrics.definitions import METRICS
from nncli.nn.losses import LOSSES
from nncli.nn.models import MODELS, Preset
from nncli.nn.optimizers import OPTIMIZERS
from nncli.nn.row_loss import Loss

# that say something of classes, or of their probabilities
OF_CLASSES = ("rare", "class_weight", "label_smoothing", "positive", "choose_threshold", "cost", "calibrate")


def check_task(config: TrainConfig, preset: type[Preset], loss: Loss) -> None:
    """Raise OptionError for a model, a loss or an optimizer that is not for the task of a config."""
    if config.is_regression:
        _check_for_numbers(config, preset, loss)
    else:
        _check_for_classes(config, preset, loss)


def _check_for_classes(config: TrainConfig, preset: type[Preset], loss: Loss) -> None:
    of_numbers = f"if its classes are numbers to predict, add {mention('task', REGRESSION)}"
    if not preset.classes:
        others = [name for name, one in MODELS.items() if one.classes and LOSSES.create(one.loss).probabilistic]
        remedy = f"Use {_or([mention('model', name) for name in others])}; {of_numbers}"
        raise OptionError("model", f"{preset.name} predicts numbers, and the target has classes", remedy)
    if not loss.for_classes:
        remedy = f"Use {mention('loss', preset.loss)}" + (f"; {of_numbers}" if preset.numbers else "")
        raise OptionError("loss", f"{loss.name} is of numbers, and the target has classes", remedy)
    if config.optimizer is not None and OPTIMIZERS.create(config.optimizer).exact:
        problem = f"{config.optimizer} is for numbers, and the target has classes"
        raise OptionError("optimizer", problem, "Leave it out")


def _check_for_numbers(config: TrainConfig, preset: type[Preset], loss: Loss) -> None:
    if not preset.numbers:
        others = [mention("model", name) for name, one in MODELS.items() if one.numbers]
        remedy = f"Use {_or(others)}, or make classes of the numbers with {mention('task', CLASSIFICATION)}"
        raise OptionError("model", f"{preset.name} predicts classes, and the target is a number", remedy)
    if not loss.power or loss.link != "identity":
        fitting = [name for name, one in LOSSES.items() if one.power]
        found = f"{loss.name} with the link {loss.link}" if loss.power else loss.name
        raise OptionError(
            "loss", f"{found} is of classes, and the target is a number", f"Use {mention('loss')} {_or(fitting)}"
        )
    if config.optimizer is not None and OPTIMIZERS.create(config.optimizer).margin:
        raise OptionError("optimizer", f"{config.optimizer} is for classes, and the target is a number", "Leave it out")


def check_task_options(config: TrainConfig) -> None:
    """Raise OptionError for an option that is for classes, where the target is a number."""
    for name in OF_CLASSES:
        if getattr(config, name) not in (None, False, "none", 0.0):
            raise OptionError(name, "it is for classes, and the target is a number", "Leave it out")


def check_metric(name: str, is_regression: bool) -> None:
    """Raise OptionError for a metric of classes where the target is a number, or the other way round."""
    needs = METRICS.create(name).needs
    if needs == "losses" or (needs == "numbers") == is_regression:
        return
    fitting = [one for one in METRICS if METRICS[one].needs == "numbers"] if is_regression else ["accuracy"]
    what = "of classes, and the target is a number" if is_regression else "of numbers, and the target has classes"
    raise OptionError("metric", f"{name} is {what}", f"Use {_or(fitting)}")


def _or(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
