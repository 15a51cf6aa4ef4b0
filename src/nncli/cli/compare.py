"""The command `nncli compare`."""

from __future__ import annotations

import functools

from nncli.cli.options import OTHER_FILES, SKIP_ROWS_HELP, TEXT_FILES, Json, Quiet, with_config
from nncli.config.data_options import ROWS_READ_HELP, SHEET_HELP
from nncli.config.train_config import TrainConfig
from nncli.errors import DONE, UsageError
from nncli.system.output import note_of, print_json, say

OPTIONS = (
    "categorical", "numeric", "text", "missing", "no_missing", "header", "delimiter", "decimal", "thousands",
    "date_format", "header_rows", "quote", "escape", "encoding", "skip_rows", "rows", "sheet", "on_error",
)  # fmt: skip
FILES_HELP = f"Two files of rows, as those of last month and of this one. {TEXT_FILES}, {OTHER_FILES}, a bundled set."


@functools.partial(
    with_config,
    argument="A B",
    argument_help=FILES_HELP,
    only=OPTIONS,
    several=True,
    other_default={"data": ""},
    other_help={"skip_rows": SKIP_ROWS_HELP, "rows": ROWS_READ_HELP, "sheet": SHEET_HELP},
)
def compare(config: TrainConfig, given: frozenset[str], json: Json = False, quiet: Quiet = False) -> int:
    """Tell two files of rows apart, column by column. Columns that differ come first, the most different at the top;
    missing, new and changed ones are named. The options are those of train, for both files.

    nncli compare last-month.csv this-month.csv
    nncli compare train.csv new.csv --json
    """
    from nncli.cli.options import model_in
    from nncli.config.resolved import DataConfig
    from nncli.guards.comparison import compare_files
    from nncli.guards.summary import summarise

    files = config.data if "data" in given else ()
    if len(files) != 2:
        raise UsageError(
            "compare", f"expected two files, found {len(files) or 'none'}", "Name both: nncli compare A.csv B.csv"
        )
    for name in files:
        if model_in((name,)) is not None:
            raise UsageError(name, "expected rows, found a model", "Two models are compared by: nncli eval A.npz B.npz")
    options = DataConfig.of(config).csv
    one, other = (summarise((name,), options) for name in files)
    comparison = compare_files(one, other)
    for summary in (one, other):
        for note in summary.notes:
            say(note_of(summary.name, note), quiet)
    if json:
        print_json(comparison.to_json())
    else:
        from nncli.terminal.comparison import print_comparison_of_files

        print_comparison_of_files(comparison)
    return DONE
