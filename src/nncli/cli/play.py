"""The command `nncli play`."""

from __future__ import annotations

import functools
import os
import sys
from importlib.util import find_spec
from typing import Annotated

from nncli.cli.options import (
    MODEL_NAMES_HELP,
    OTHER_FILES,
    TEXT_FILES,
    Quiet,
    model_in,
    switch,
    value_option,
    with_config,
)
from nncli.config.option import Whole, read_option
from nncli.config.train_config import TrainConfig
from nncli.errors import DONE, NncliError, OptionError, mention
from nncli.system.output import put, say
from nncli.system.threads import use_threads

PLAY_HELP = (
    "A model that nncli train has saved, and perhaps rows for it; or data. "
    f"{TEXT_FILES}, IDX, a folder of pictures, {OTHER_FILES}, or a bundled set."
)
NEEDED = ("starlette", "uvicorn", "websockets")
PORT, TRIED = 8517, 20
# of the options of a training run, those that the playground has a use for
ONLY = (
    "Data", "Model", "Regularisation", "test", "split_seed", "rare", "optimizer", "lr", "average", "batch_size", "seed",
    "threads",
)  # fmt: skip


@functools.partial(
    with_config,
    argument="DATA or MODEL",
    argument_help=PLAY_HELP,
    other_help={"model": MODEL_NAMES_HELP},
    only=ONLY,
    several=True,
    other_default={
        "data": "xor",
        "target": "the column named label, target, class or y, or else the last",
        "test": "0.3, or the data's own test set",
        "hidden": "4x4 for mlp; 16 for many classes or columns",
        "activation": "tanh",
        "threads": "1",
    },
)
def play(
    config: TrainConfig,
    given: frozenset[str],
    port: Annotated[
        str | None, value_option("N", "Port of this machine to listen at.", f"{PORT}, or the next", group="Run")
    ] = None,
    no_browser: Annotated[bool, switch("--no-browser", "Print the address, and open no browser.", group="Run")] = False,
    quiet: Quiet = False,
) -> int:
    """Play with a network in the browser, on your own data or a saved model. The page is for this machine alone, and
    loads nothing from elsewhere. It ends with Ctrl-C.

    nncli play                     four clouds that no line can divide
    nncli play data.csv --target species
    nncli play model.npz           a saved model, on the data it was trained on
    nncli play model.npz new.csv   or on other rows
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise NncliError(
            "nncli play", f"it needs {' and '.join(missing)}", "Install it with: pip install 'nncli[play]'"
        )
    from nncli.play.server import HOST, Playground, listen_at, serve
    from nncli.play.setup import THREADS, Ask, options_of, set_up
    from nncli.play.shelf import Shelf
    from nncli.system.scratch import folder

    if "ensemble" in given:
        raise OptionError("ensemble", "the playground shows one network", "Leave it out")
    source = config.data if "data" in given else ("xor",)
    if source == ("-",):
        raise OptionError("data", "the playground may read its data again, and stdin can be read once", "Name a file")
    model = model_in(source[:1])
    with folder() as place, use_threads(config.threads or THREADS):
        shelf = Shelf(place)
        if model is not None:
            named = sorted(given - {"data", "threads"})
            if named:
                raise OptionError(named[0], "a saved model brings its own options", "Leave it out")
            first = shelf.add_given((), model, source[1:])
        else:
            first = shelf.add_given(source, None, ())
        made = set_up(Ask(first, options_of(first, config)), config)  # so that errors are told here
        for note in made.notes:
            say(note, quiet)
        del made
        wanted = PORT if port is None else read_option("port", port, Whole(0, 65535))
        opened = None
        for one in [wanted] if port is not None else [*range(wanted, wanted + TRIED), 0]:
            try:
                opened = listen_at(one)
                break
            except OSError as error:
                if port is not None:
                    problem = f"cannot listen at port {one} of {HOST}: {(error.strerror or str(error)).lower()}"
                    raise OptionError("port", problem, f"Name another, or leave {mention('port')} out") from None
        assert opened is not None, "there is a free port"
        with opened:
            playground = Playground(shelf, first, config, opened.getsockname()[1])
            put(playground.address)
            sys.stdout.flush()
            say("playing; Ctrl-C ends it", quiet)
            if not no_browser and _has_screen():
                import webbrowser

                webbrowser.open(playground.address)
            serve(playground, opened)
    return DONE


def _has_screen() -> bool:
    """Tell whether a browser can have a window: one for the terminal would take its place."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
