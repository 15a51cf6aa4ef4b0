"""The command `nncli check`."""

from __future__ import annotations

import dataclasses
import functools

from nncli.cli.options import SEVERAL_HELP, Json, Quiet, with_config
from nncli.config.train_config import TrainConfig
from nncli.errors import DONE
from nncli.system.output import print_json, say


@functools.partial(with_config, argument_help=SEVERAL_HELP, only=("Data", "Splits", "dtype"), several=True)
def check(config: TrainConfig, json: Json = False, quiet: Quiet = False) -> int:
    """Check data before training. Show what each column is and what it becomes, how many rows each class has, and what
    could mislead a model. The options are those of train. The exit code is 1 if train would refuse the data.

    nncli check data.csv
    nncli check data.csv --target species --drop comment
    nncli check wine --json
    """
    from nncli.diagnostics.data_check import check_data

    report = check_data(config)
    if json:
        for note in report.notes:
            say(note, quiet)
        refusal = None if report.refusal is None else str(report.refusal)
        found = dataclasses.asdict(dataclasses.replace(report, refusal=None))
        if report.target is None:
            del found["target"]
        print_json({**found, "refusal": refusal})
    else:
        from nncli.terminal.data_check import print_data_check

        print_data_check(report)
    if report.refusal is not None:
        raise report.refusal
    return DONE
