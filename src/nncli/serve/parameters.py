"""The parameters in the address of a request, as `?reasons=3&interval=0.9`."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from nncli.config.option import Number, Whole, read_option
from nncli.config.train_config import TrainConfig
from nncli.data.csv.header import DETECTED, TextOptions
from nncli.errors import did_you_mean
from nncli.serve.answerer import Asked
from nncli.serve.problems import OF_TEXT, PARAMETERS, Problem

BETWEEN = Number("a share between 0 and 1", lambda value: 0 < value < 1)
NOTHING = Asked()


def asked_in(parameters: Sequence[tuple[str, str]], charset: str | None) -> Asked:
    """Read the parameters of a request; an encoding that its Content-Type names is one. Raises Problem for one that
    there is not, or twice, and OptionError for a value that it does not take."""
    if not parameters and charset is None:
        return NOTHING
    return _asked(tuple(parameters), charset)


@functools.lru_cache(maxsize=256)
def _asked(parameters: tuple[tuple[str, str], ...], charset: str | None) -> Asked:
    given = dict(parameters)
    for name in given:
        if name not in PARAMETERS:
            remedy = did_you_mean(name, PARAMETERS) or f"The parameters are {', '.join(PARAMETERS)}"
            raise Problem(400, f"?{name}", "there is no such parameter", remedy)
        if sum(name == other for other, _ in parameters) > 1:
            raise Problem(400, f"?{name}", "it comes twice", "Give it once")
    reasons = read_option("reasons", given["reasons"], Whole(1)) if "reasons" in given else 0
    interval = read_option("interval", given["interval"], BETWEEN) if "interval" in given else None
    text = {name: given[name] for name in OF_TEXT if name in given}
    if charset is not None:
        text.setdefault("encoding", charset)
    read = TrainConfig.from_values(text)
    options = TextOptions(**{name: getattr(read, name) for name in OF_TEXT}) if text else DETECTED
    return Asked(reasons, interval, options)
