"""The models that are served: each by its name, and read again when its file has changed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nncli.errors import NncliError, OptionError, UsageError, listing
from nncli.model import checkpoint
from nncli.model.checkpoint import ModelFile
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.serve.answerer import Answerer
from nncli.serve.problems import Problem
from nncli.serve.served_rows import ServedRows

CHEAP = 1000  # parameters per input, as in inference/predict.py
Stamp = tuple[int, int, int]  # what changes when a file does: inode, time of its last change, size


class Served:
    """A model that has been read, what its guard has counted since, and answerers for as many threads as have needed
    one."""

    def __init__(self, name: str, path: Path) -> None:
        """Read a model. Raises ModelFileError for a file that is none."""
        self.name, self.path = name, path
        self.stamp = stamp_of(path)  # before it is read: a change meanwhile is seen later
        self.model: Model
        self.provenance: Provenance
        self.model, self.provenance = checkpoint.load(path)
        self.sha256 = ModelFile.at(path).sha256
        self.loaded = time.time()
        self.rows = ServedRows(self.model)
        first = Answerer(self.model, ServedRows(self.model))
        first.warm_up()
        first.served = self.rows  # from here on rows count
        self._answerers: deque[Answerer] = deque([first])

    @contextmanager
    def answerer(self) -> Iterator[Answerer]:
        """Lend an answerer to a thread."""
        try:
            found = self._answerers.pop()
        except IndexError:
            found = Answerer(self.model, self.rows)
        try:
            yield found
        finally:
            self._answerers.append(found)


class Models:
    """All models that are served, by name. One that is read again takes the place of the old one at once; requests that
    have begun keep the old one."""

    def __init__(self, files: Sequence[str]) -> None:
        """Read the models. Raises ModelFileError, and UsageError for two of one name."""
        self.served: dict[str, Served] = {}
        self._refused: dict[str, Stamp | None] = {}  # changed files that are no models
        for file in files:
            name = Path(file).name.removesuffix(".npz")
            if file == "-":
                raise UsageError("MODEL", "a model that is served is read again when its file changes", "Name a file")
            if name in self.served:
                problem = f"two models are called '{name}', after their files"
                raise UsageError("MODEL", problem, "Rename one of the files")
            self.served[name] = Served(name, Path(file))

    def named(self, name: str) -> Served:
        """Return a model. Raises Problem where there is none of that name."""
        if name not in self.served:
            problem = f"expected the name of a model that is served, found '{name}'"
            raise Problem(404, "address", problem, f"The models are {listing(self.served)}")
        return self.served[name]

    def only(self) -> Served:
        """Return the only model. Raises Problem where there are several."""
        if len(self.served) > 1:
            problem = f"expected the name of one of {len(self.served)} models, found none"
            names = listing(f"/models/{name}/predict" for name in self.served)
            raise Problem(404, "address", problem, f"Ask {names}")
        return next(iter(self.served.values()))

    def changed(self) -> list[Served]:
        """List the models whose files have changed since they were read, or since they were refused."""
        found = []
        for one in self.served.values():
            stamp = stamp_of(one.path)
            if stamp is not None and stamp != one.stamp and stamp != self._refused.get(one.name):
                found.append(one)
        return found

    def read_again(self, old: Served) -> NncliError | None:
        """Read a changed file. Return what is wrong with it, if it cannot take the place of the old model."""
        stamp = stamp_of(old.path)
        try:
            new = Served(old.name, old.path)
        except NncliError as error:
            self._refused[old.name] = stamp
            return error
        self.served[old.name] = new
        return None

    @property
    def threads(self) -> int | None:
        """Return how many threads multiply matrices: 1, as in `nncli predict` for models that are cheap, unless none
        is. None is for all."""
        cheap = (one.model.network.size < CHEAP * one.model.preprocess.width for one in self.served.values())
        return 1 if any(cheap) else None


def stamp_of(path: Path) -> Stamp | None:
    """Return what tells that a file has changed; None where it cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def token_in(file: str | None, variable: str | None) -> str | None:
    """Return the token in a file, or else in a variable of the environment; None where there is neither. Raises
    OptionError for a file without one, and for a token that no header can hold."""
    token, where = variable, "NNCLI_TOKEN"
    if file is not None:
        where = file
        try:
            token = Path(file).read_text("ascii").strip()
        except (OSError, ValueError) as error:
            problem = f"cannot read {file}: {getattr(error, 'strerror', None) or 'it is no ASCII text'}"
            raise OptionError("token_file", problem) from None
    if token is None:
        return None
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        problem = f"expected one word of printable ASCII characters in {where}, found another text"
        raise OptionError("token_file", problem, "Make one with: openssl rand -hex 24")
    return token
