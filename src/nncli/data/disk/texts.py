"""Texts of a column, in a file, of which no more is in memory than is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from nncli.data.disk.pieces import Pieces, PiecesFile

UTF_8 = "utf-8", "surrogatepass"


class DiskTexts(Sequence[str]):
    """Texts in UTF-8 on the disk. A slice gives a tuple; a loop over all of them reads some at a time."""

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces

    def __len__(self) -> int:
        return len(self.pieces)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...
    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        found = self.at(np.array(range(len(self))[place], np.int64).reshape(-1))
        return tuple(found) if isinstance(place, slice) else found[0]

    def __iter__(self) -> Iterator[str]:
        for part in self.pieces.parts():
            yield from _texts(*part)

    @property
    def n_bytes(self) -> int:
        """Return about how many bytes they take in UTF-8."""
        return self.pieces.file.size

    def at(self, places: NDArray[Any]) -> list[str]:
        """Return the texts at some places, in the order given."""
        return _texts(*self.pieces.read(places))

    def some(self, codes: NDArray[Any]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """Return the texts of cells of these codes, −1 for a missing one, each once, and their codes among these."""
        used, of_cell = np.unique(codes, return_inverse=True)
        places = dict[str, int]()
        own = [places.setdefault(text, len(places)) for text in self.at(used[used >= 0])]
        recode = np.array([-1] * int(np.count_nonzero(used < 0)) + own, np.int32)
        return recode[of_cell.reshape(-1)], tuple(places)


class StackedTexts(DiskTexts):
    """Texts one below the other, some of them on the disk, as one."""

    def __init__(self, parts: Sequence[Sequence[str]]) -> None:
        self.parts = parts
        self.ends = np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self.parts)

    @property
    def n_bytes(self) -> int:
        return sum(part.n_bytes for part in self.parts if isinstance(part, DiskTexts))

    def at(self, places: NDArray[Any]) -> list[str]:
        found, of_part = [""] * len(places), np.searchsorted(self.ends, places, side="right")
        for i, part in enumerate(self.parts):
            its = np.flatnonzero(of_part == i)
            own = places[its] - (self.ends[i] - len(part))
            texts = part.at(own) if isinstance(part, DiskTexts) else [part[place] for place in own.tolist()]
            for place, text in zip(its.tolist(), texts, strict=True):
                found[place] = text
        return found


class TextsFile:
    """Appends texts to a file."""

    def __init__(self, pieces: PiecesFile) -> None:
        self._pieces = pieces

    def append(self, texts: Sequence[str]) -> int:
        """Append texts; return the place of the first."""
        first, encoded = self._pieces.n, [text.encode(*UTF_8) for text in texts]
        self._pieces.append(np.frombuffer(b"".join(encoded), np.uint8), np.array([*map(len, encoded)], np.int64))
        return first

    def finish(self) -> DiskTexts:
        """Return all texts."""
        return DiskTexts(self._pieces.finish(np.dtype(np.uint8)))


def _texts(content: NDArray[np.uint8], starts: NDArray[np.int64]) -> list[str]:
    whole, ends = content.tobytes(), starts.tolist()
    return [whole[start:end].decode(*UTF_8) for start, end in pairwise(ends)]
