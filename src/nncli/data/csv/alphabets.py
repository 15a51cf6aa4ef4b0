"""Tell by the letters of a text in which one-byte encoding of Europe it is.

No byte is wrong in such an encoding, but a Polish ą that is read as one of western Europe becomes ¹, in the middle of a
word; and no language there has all of the letters that the Czech ones become.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping

USUAL = "cp1252"  # Latin-1, and more
FITS = 0.95  # of the letters beyond ASCII: foreign names have others
IS_CLEAR = 0.05  # more of them than the usual encoding explains
WESTERN = (
    "àâæçéèêëîïôœùûü", "äöüßé", "áéíñóúüç", "áâãàçéêíóôõúü", "àèéìíîòóùú", "áèéëïóöü", "åäöé", "æøåé", "áéðíóúýþæøö",
    "àçèéíïòóúü", "äõöü",
)  # fmt: skip
# the letters that show a language, and its others
CENTRAL = {"ąęłśżź": "ćńó", "řšž": "áäčďéěíĺľňóôŕťúůýćđ", "őű": "áéíóöúü", "ăşţ": "âî"}
ALPHABETS: Mapping[str, Mapping[str, str]] = {
    "mac-roman": dict.fromkeys(WESTERN, ""),
    "cp850": dict.fromkeys(WESTERN, ""),  # of DOS, as cp437, in which these letters have the same places
    "cp1250": CENTRAL,
    "iso8859-2": CENTRAL,
    "cp1254": {"ğışİ": "çöüâîû"},
    "cp1257": {"ėųįšž": "ąčęū", "āīķļņ": "čēģšūž"},
}
BEYOND = re.compile(rb"[\x80-\xff]")
LETTER = rb"[A-Za-z\x80-\xff]"
WITHIN = re.compile(rb"(?<=%b)[\x80-\xff](?=%b)" % (LETTER, LETTER))
INSIDE = re.compile(rb"(?<=%b)[\x80-\xff](?=[a-z])" % LETTER)  # where no capital is
BESIDE = re.compile(rb"(?<=%b)[\x80-\xff]|[\x80-\xff](?=%b)" % (LETTER, LETTER))


def european_encoding(data: bytes) -> str | None:
    """Return the encoding in which the letters of a text are those of one language, where they clearly are not in the
    usual one."""
    letters, beside = _letters(data), Counter(byte[0] for byte in BESIDE.findall(data))
    small = {byte[0] for byte in INSIDE.findall(data)}
    least = max(FITS, IS_CLEAR + max(_share(letters, USUAL, alphabet) for alphabet in WESTERN))
    found = [
        (encoding, _share(beside, encoding, its + others, small), -len(its + others))
        for encoding, languages in ALPHABETS.items()
        for its, others in languages.items()
        if _share(letters, encoding, its + others, small) >= least and _share(letters, encoding, its) >= IS_CLEAR
    ]
    return max(found, key=lambda one: one[1:], default=(None,))[0]  # few letters that explain all are the best reason


def _letters(data: bytes) -> Counter[int]:
    """Count the bytes beyond ASCII that are letters in the usual encoding, or stand within a word."""
    within, found = Counter(WITHIN.findall(data)), Counter[int]()
    for byte, times in Counter(BEYOND.findall(data)).items():
        kind = unicodedata.category(byte.decode(USUAL, "replace"))
        if kind[0] != "P":  # dashes and apostrophes may stand in a word too
            found[byte[0]] = times if kind in ("Lu", "Ll") else within[byte]
    return found


def _share(letters: Counter[int], encoding: str, alphabet: str, small: Collection[int] = ()) -> float:
    """Return how many of the letters are in an alphabet; those that stand inside of words are no capitals."""
    both = alphabet + alphabet.upper()
    known = sum(
        n
        for byte, n in letters.items()
        if bytes([byte]).decode(encoding, "replace") in (alphabet if byte in small else both)
    )
    return known / max(1, letters.total())
