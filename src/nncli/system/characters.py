"""Characters that can be written in two ways."""

from __future__ import annotations

import unicodedata


def composed(text: str) -> str:
    """Write each letter with its accent as one character (NFC): é may be one or two, and nobody sees which."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def encoding_name(encoding: str) -> str:
    """Return what messages call an encoding of text, for which Python has a name that few know."""
    return {"iso8859-1": "latin-1"}.get(encoding, encoding)
