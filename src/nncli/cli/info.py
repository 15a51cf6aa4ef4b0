"""nncli info"""

from __future__ import annotations

from pathlib import Path

from nncli.cli.options import Json, ModelFile
from nncli.errors import DONE


def info(model: ModelFile, json: Json = False) -> int:
    """Show what is inside a model.

    nncli info model.npz
    nncli info model.npz --json
    """
    from nncli import checkpoint
    from nncli.output import print_json

    loaded, provenance = checkpoint.load(Path(model))
    description = checkpoint.describe(loaded, provenance)
    if json:
        print_json(description)
    else:
        from nncli.report import print_model

        print_model(description)
    return DONE
