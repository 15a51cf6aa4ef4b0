"""The command `nncli datasets`."""

from __future__ import annotations

from nncli.cli.options import Json
from nncli.data.bundled import BUNDLED, path_of
from nncli.errors import DONE
from nncli.system.output import print_json


def datasets(json: Json = False) -> int:
    """List the bundled data sets.

    nncli datasets
    nncli train wine --model softmax
    """
    if json:
        print_json([{**one._asdict(), "path": str(path_of(one.name))} for one in BUNDLED.values()])
        return DONE
    from nncli.terminal.datasets import print_datasets

    print_datasets(
        [
            (one.name, f"{one.rows:,}", str(one.columns), str(one.classes or "numbers"), one.description, one.source)
            for one in BUNDLED.values()
        ]
    )
    return DONE
