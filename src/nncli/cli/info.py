"""The command `nncli info`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from nncli.cli.options import MODEL_ARGUMENT, Json, switch, value_option
from nncli.errors import DONE, OptionError, UsageError
from nncli.system.output import counted, print_json, put, say

if TYPE_CHECKING:
    from nncli.model.model import Model
    from nncli.model.provenance import Provenance


def info(
    model: Annotated[str | None, MODEL_ARGUMENT] = None,
    cache: Annotated[
        bool, switch("--cache", "Show the tables that --memory keeps on the disk, in place of a model.")
    ] = False,
    clear: Annotated[bool, switch("--clear", "With --cache, remove these tables.")] = False,
    weights: Annotated[
        bool, switch("--weights", "Show the weights and biases of each layer; with --json, all of them.")
    ] = False,
    nearest: Annotated[
        str | None, value_option("WORD", "Show the words whose learned vectors are nearest to that of a word.")
    ] = None,
    json: Json = False,
) -> int:
    """Show what a model contains, or which tables are kept on the disk.

    nncli info model.npz
    nncli info model.npz --json       with the loss and accuracy of each epoch
    nncli info model.npz --weights    what goes into each unit and class
    nncli info model.npz --nearest good   words that --embedding puts near it
    nncli plot model.npz curve        the loss and accuracy, drawn
    nncli info --cache                tables that train --memory keeps
    nncli info --cache --clear        remove them
    """
    from nncli.model import checkpoint

    if clear and not cache:
        raise OptionError("clear", "it goes with --cache", "Add --cache")
    if (model is None) != cache:
        raise UsageError("MODEL", "expected a model, or --cache in its place", "See nncli info --help")
    if weights and cache:
        raise OptionError("weights", "--cache shows no model", "Leave one of them out")
    if nearest is not None and (weights or cache):
        raise OptionError("nearest", f"it does not go with {'--weights' if weights else '--cache'}", "Leave one out")
    if model is None:
        return _cache(clear, json)
    loaded, provenance = checkpoint.load(Path(model))
    if weights:
        return _weights(loaded, model, json)
    if nearest is not None:
        return _nearest(loaded, provenance, model, nearest, json)
    description = checkpoint.describe(loaded, provenance) | {"separation": None}
    if loaded.config.row_by_row:
        from nncli.explain.separation import story_of

        story, unknown = story_of(loaded, provenance, model)
        description |= story
        if unknown:
            say(f"whether weights can separate the training rows is not known: {unknown}")
    if json:
        print_json(description)
    else:
        from nncli.terminal.model_info import print_model

        print_model(description)
    return DONE


def _weights(model: Model, file: str, json: bool) -> int:
    from nncli.explain.layer_weights import layer_weights

    layers = layer_weights(model)
    if json:
        print_json({"model": file, "scaling": model.preprocess.scaling, "layers": [one.to_json() for one in layers]})
    else:
        from nncli.terminal.layer_weights import print_weights

        print_weights(layers, model.preprocess.scaling)
    return DONE


def _nearest(model: Model, provenance: Provenance, file: str, word: str, json: bool) -> int:
    from nncli.explain.nearest_words import neighbours

    found = neighbours(model, provenance, file, word)
    if json:
        print_json({"model": file, "columns": [one.to_json() for one in found]})
    else:
        from nncli.terminal.nearest_words import print_neighbours

        print_neighbours(found)
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
        print_json(
            {"folder": str(cache.folder()), "tables": [one._asdict() | {"path": str(one.path)} for one in found]}
        )
    else:
        from nncli.terminal.model_info import print_cache

        print_cache(cache.folder(), found)
    return DONE
