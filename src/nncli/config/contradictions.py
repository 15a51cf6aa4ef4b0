"""Refuse options of a training run that contradict one another."""

from __future__ import annotations

from nncli.config.ensemble_kind import ensemble_of
from nncli.config.option import BatchSize
from nncli.config.rate_factors import factors_of
from nncli.config.resolved import CONSTANT, ResolvedConfig
from nncli.config.train_config import TrainConfig
from nncli.data.column_statistics import AUTO_ROBUST
from nncli.errors import OptionError, mention
from nncli.nn.elementwise import Optimizer
from nncli.nn.embeddings import EMBEDDINGS, PeriodicEmbedding
from nncli.nn.losses import LOSSES
from nncli.nn.models import OF_NUMBERS, Preset
from nncli.nn.optimizers import LBFGS
from nncli.nn.row_loss import Loss

# with these, no smooth objective is the same at each step
STIRRING = ("dropout", "input_dropout", "dropout_schedule", "decay_schedule", "distort", "max_norm", "clip_norm")


def check_layers(config: TrainConfig) -> None:
    """Raise OptionError for layers that cannot be, or that nothing can be learned with."""
    hidden, activation = config.hidden or (), config.activation
    if not hidden:
        reason = f"model '{config.model}' has no hidden layer"
        refuse(config, ("activation", "dropout"), reason, f"Give it one with {mention('hidden', 64)}")
    if activation and activation.count(",") and activation.count(",") + 1 != len(hidden):
        expected = f"expected one name, or one for each hidden layer ({len(hidden)})"
        raise OptionError("activation", f"{expected}, found '{activation}'")
    scale = config.preset.scale if config.scale == "auto" else config.scale
    if config.number_embedding not in (None, "none") and scale not in ("robust", AUTO_ROBUST):
        needs = f"{config.number_embedding} needs inputs within bounds, which {mention('scale', 'robust')} gives"
        if config.number_embedding == config.preset.of_network.get("number_embedding"):
            remedy = f"Leave it out, or add {mention('number_embedding', 'none')}"
            raise OptionError("scale", f"model '{config.model}' embeds numbers, and {needs}", remedy)
        raise OptionError("number_embedding", needs, f"Use {mention('scale', 'robust')}")
    members = ensemble_of(config.ensemble or config.preset.of_training.get("ensemble"))
    embedding = EMBEDDINGS.create(config.number_embedding or "none")
    has_top = isinstance(embedding, PeriodicEmbedding) and embedding.top != PeriodicEmbedding.top
    if has_top and (members is None or members.shared):
        problem = "top is of every second member of an ensemble with weights of their own, and there is none"
        raise OptionError("number_embedding", problem, f"Use {mention('ensemble', 4)}, or leave top out")
    if hidden and config.init == "zeros":
        problem = "hidden units that start alike stay alike: zeros suits models without hidden layers"
        remedy = f"Leave it out, or use {mention('init', 'he')} or {mention('init', 'glorot')}"
        raise OptionError("init", problem, remedy)


def check_rates(config: TrainConfig, optimizer: Optimizer) -> None:
    """Raise OptionError for rates of parameters that there are none of, or of an optimizer that has no such rates."""
    if not config.lr_scale:
        return
    if optimizer.margin or optimizer.smooth:
        problem = f"{optimizer.name} finds the length of its steps by itself"
        raise OptionError("lr_scale", problem, f"Leave it out, or use another {mention('optimizer')}")
    remedies = {
        "input": mention("learn_scale", True),
        "slope": mention("activation", "prelu"),
        "embedding": mention("number_embedding", "pbld"),
    }
    for kind in factors_of(config.lr_scale):
        if not _has_kind(config, kind):
            problem = f"the network has no parameters of the kind {kind}"
            raise OptionError("lr_scale", problem, f"Use {remedies[kind]}, or leave it out")


def rates_of_network(config: TrainConfig) -> str | None:
    """Return the factors of the learning rate without those of parameters that the network does not have."""
    pairs = (config.lr_scale or "").split(",")
    return ",".join(pair for pair in pairs if _has_kind(config, pair.partition("=")[0])) or None


def _has_kind(config: TrainConfig, kind: str) -> bool:
    """Tell whether the options ask for a network with parameters of a kind."""
    members = ensemble_of(config.ensemble)
    of_options = {
        "input": bool(config.learn_scale) or (members is not None and members.shared),  # each has its own scales
        "slope": "prelu" in (config.activation or ""),
        "embedding": has_embeddings(config),
    }
    return of_options.get(kind, True)


def check_ensemble(resolved: ResolvedConfig, optimizer: Optimizer) -> None:
    """Raise OptionError for an ensemble whose members cannot be trained together, or would be alike."""
    config, members = resolved.options, ensemble_of(resolved.model.ensemble)
    if members is None:
        return
    remedy = "Leave it out"
    if resolved.row_by_row or optimizer.margin:
        reason = f"{config.model} learns row by row, and members are trained in batches"
        remedy += f", or use {mention('model', 'mlp')}"
    elif optimizer.smooth:
        reason = f"members are trained together in steps, and {optimizer.name} finds the length of its steps by itself"
        remedy += f", or use {mention('optimizer', Preset.optimizer)}"
    elif members.shared and not config.hidden:
        reason = "without hidden layers there is nothing that members could share"
        remedy = f"Give it one with {mention('hidden', 64)}, or use {mention('ensemble', members.number)}"
    elif config.init == "zeros":
        raise OptionError(
            "init", "members that start alike stay alike", f"Leave it out, or use {mention('init', 'glorot')}"
        )
    else:
        return
    raise OptionError("ensemble", reason, remedy)


def check_folds_of_members(config: TrainConfig, goes_on: bool) -> None:
    """Raise OptionError for options that contradict members which each leave out a fold of the rows."""
    members = ensemble_of(config.ensemble)
    if members is None or not members.folds:
        return
    reason = f"with {mention('ensemble', config.ensemble)} each member is validated on the fold that it leaves out"
    remedy = "Leave one of them out" if config.preset.searches else f"Use {mention('ensemble', members.number)}"
    refuse(config, ("val_data", "time", "folds", "refit"), reason, remedy)
    if goes_on:
        raise OptionError("from", "the members of the model have left out a fold each", "Train a new model")


def has_embeddings(config: TrainConfig) -> bool:
    """Tell whether the options ask for learned embeddings of numbers, of categories or of words."""
    return config.number_embedding not in (None, "none") or bool(config.category_embedding or config.embedding)


def check_optimizer(config: TrainConfig, optimizer: Optimizer, loss: Loss) -> None:
    """Raise OptionError for options that an optimizer has no use for, or that it cannot work with."""
    name, remedy = optimizer.name, f"Leave it out, or use another {mention('optimizer')}"
    if optimizer.batch and config.batch_size not in (None, BatchSize().read(optimizer.batch)):
        rows = "one row" if optimizer.batch == "1" else "all rows"
        found = config.written("batch_size")
        problem = f"{name} learns from {rows} at each step: expected {optimizer.batch}, found {found}"
        raise OptionError("batch_size", problem, remedy)
    if optimizer.margin:
        if not loss.margin:
            others = " or ".join(mention("loss", one) for one in LOSSES if LOSSES[one].margin)
            problem = f"{name} needs a loss with a margin, and {loss.name} has none"
            raise OptionError("optimizer", problem, f"Use {others}")
        reason = f"{name} works out its step from the loss of a row alone"
        refuse(config, ("l1", "l2", "decay_schedule", "clip_norm"), reason, remedy)
    if optimizer.exact and not knows_optimum(config, loss):
        problem = f"{name} knows the optimum of linear regression alone, with {mention('loss', OF_NUMBERS)}, or mae or "
        problem += "quantile without penalties"
        fitting = [LBFGS.name] if suits_lbfgs(config, loss) else []
        remedy = f"Use {' or '.join(mention('optimizer', one) for one in [*fitting, Preset.optimizer])}"
        raise OptionError("optimizer", problem, remedy)
    if optimizer.exact and config.init not in (None, "zeros"):
        raise OptionError("init", f"{name} needs no initial weights", remedy)
    if optimizer.smooth:
        if not (loss.smooth or optimizer.exact):
            smooth = [one for one in LOSSES.values() if one.smooth]
            those = [one for one in smooth if (one.power if config.is_regression else one.for_classes)]
            others = ", ".join(one.name for one in those)
            problem = f"{name} needs a loss without kinks, and {loss.name} has some"
            raise OptionError("optimizer", problem, f"Use one of {others}")
        own = {"lr": optimizer.default_lr, "schedule": CONSTANT}  # as a resolved config has them
        other = tuple(key for key, value in own.items() if getattr(config, key) != value)
        refuse(config, other, f"{name} finds the length of its steps by itself", remedy)
        reason = f"{name} needs the same smooth objective at every step"
        refuse(config, STIRRING if optimizer.exact else ("l1", *STIRRING), reason, remedy)


def refuse(config: TrainConfig, names: tuple[str, ...], reason: str, remedy: str) -> None:
    """Raise OptionError, with the reason, if one of the options is given."""
    for name in names:
        if getattr(config, name):
            raise OptionError(name, reason, remedy)


def stirs(config: TrainConfig) -> bool:
    """Tell whether the objective is another one at each step, or a step is changed after it is taken."""
    return any(getattr(config, name) for name in STIRRING)


def suits_lbfgs(config: TrainConfig, loss: Loss) -> bool:
    """Tell whether L-BFGS can minimise the objective: it is smooth, and the same at each step."""
    return loss.smooth and not config.l1 and not stirs(config)


def knows_optimum(config: TrainConfig, loss: Loss) -> bool:
    """Tell whether the optimum can be worked out: of a linear model, a number, and its squared error, or without
    penalties the distance from it."""
    if not config.is_regression or config.hidden or config.average not in (None, "none"):
        return False
    if config.learn_scale or has_embeddings(config):
        return False
    return loss.name == OF_NUMBERS or (loss.power == 1 and not (config.l1 or config.l2))
