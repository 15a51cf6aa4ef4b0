"""The command `nncli info`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from nncli.cli.options import MODEL_ARGUMENT, Json, switch
from nncli.errors import DONE, OptionError, UsageError
from nncli.system.output import counted, print_json, put, say


def info(
    model: Annotated[str | None, MODEL_ARGUMENT] = None,
    cache: Annotated[
        bool, switch("--cache", "Show the tables that --memory keeps on the disk, in place of a model.")
    ] = False,
    clear: Annotated[bool, switch("--clear", "With --cache, remove these tables.")] = False,
    json: Json = False,
) -> int:
    """Show what a model contains, or which tables are kept on the disk.

    nncli info model.npz
    nncli info model.npz --json
    nncli info --cache            tables that train --memory keeps for later runs
    nncli info --cache --clear    remove them
    """
    from nncli.model import checkpoint

    if clear and not cache:
        raise OptionError("clear", "it goes with --cache", "Add --cache")
    if (model is None) != cache:
        raise UsageError("MODEL", "expected a model, or --cache in its place", "See nncli info --help")
    if model is None:
        return _cache(clear, json)
    loaded, provenance = checkpoint.load(Path(model))
    description = checkpoint.describe(loaded, provenance)
    if json:
        print_json(description)
    else:
        from nncli.terminal.model_info import print_model

        print_model(description)
    return DONE


def _cache(clear: bool, json: bool) -> int:
    from nncli.data.disk import cache

    if clear:
        tables, freed, stay = cache.clear()
        for path in stay:
            say(f"{path}: stays, as it holds what nncli has not written")
        if json:
            print_json({"removed": tables, "bytes": freed, "left": list(map(str, stay))})
        else:
            put(f"{counted(tables, 'table')} removed, {freed / 1e6:,.1f} MB")
        return DONE
    found = cache.entries()
    if json:
        print_json({"folder": str(cache.folder()), "tables": [asdict(one) | {"path": str(one.path)} for one in found]})
    else:
        from nncli.terminal.model_info import print_cache

        print_cache(cache.folder(), found)
    return DONE
