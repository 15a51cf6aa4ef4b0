"""How `--distort` is read and written: distortions of pictures, with + between them."""

from __future__ import annotations

from typing import Any

from nncli.config.file_kinds import NONE
from nncli.config.option import Component


class Distortions(Component):
    """Reads distortions with + between them, as affine+elastic; none is the same as leaving the option out."""

    def __init__(self) -> None:
        super().__init__("distortions")

    def read(self, text: str) -> Any:  # a text, or None
        from nncli.nn.distortions import read_distortions

        if text == NONE:
            return None
        if "," in text:
            raise ValueError(f"one value, with + between several distortions, as {text.replace(',', '+')}")
        read_distortions(text)
        return text

    def write(self, value: str | None) -> str:
        return NONE if value is None else str(value)
