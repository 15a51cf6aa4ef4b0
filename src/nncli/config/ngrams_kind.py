"""The kind of value of --ngrams: which sequences of words and of characters are counted in a text."""

from __future__ import annotations

from nncli.config.option import Kind
from nncli.data.words.options import EXPECTED, parse_ngrams


class Ngrams(Kind):
    """Lengths of sequences of words and of characters, as words:1-2,chars:3-5."""

    separator = ";"  # as a value may have a comma

    def read(self, text: str) -> str:
        try:
            return str(parse_ngrams(text))
        except ValueError:
            raise ValueError(EXPECTED.removeprefix("expected ")) from None
