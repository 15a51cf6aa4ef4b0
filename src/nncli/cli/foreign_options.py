"""Tell what is known of an option that a command does not have, and `train` has."""

from __future__ import annotations

WITH_MODEL = ("eval", "predict", "explain", "plot", "report", "export", "serve", "info")
HEADER = ("--header", "--no-header")
BY_NAMES = "a header is known by the names of the model's columns; without one they are matched by position"


def known_elsewhere(command: str, option: str) -> str:
    """Say of an option that a command does not have where it belongs; empty where it is none of `train`."""
    from nncli.config.option import Flag
    from nncli.config.train_config import TrainConfig
    from nncli.errors import flag

    if option in HEADER and command in WITH_MODEL:
        return BY_NAMES
    flags = {flag(name): one for name, one in TrainConfig.options().items()}
    its = flags.get(option) or flags.get(option.replace("--no-", "--", 1))
    if command == "train" or its is None or not (option in flags or isinstance(its.kind, Flag)):
        return ""
    return f"it is one of train{', and stays with the model' if command in WITH_MODEL else ''}"
