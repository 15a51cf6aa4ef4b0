"""What tests of errors share: small files, and what is in a folder."""

from __future__ import annotations

from pathlib import Path

BAD_DATA, BAD_COMMAND = 1, 2
TWO = "id,a,b,label\n" + "".join(f"{i},{i % 2}.{i},{i * 7 % 10},{'no' if i % 2 else 'yes'}\n" for i in range(40))
THREE = "a,b,label\n" + "".join(f"{i % 3}.{i},{i * 7 % 10},{'pqr'[i % 3]}\n" for i in range(60))
NO_MODEL = "expected a model written by nncli, found something else. Take another copy, or train it again."


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
