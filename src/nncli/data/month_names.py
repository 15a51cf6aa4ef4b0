"""Names of months in the languages of western Europe, as English has them."""

from __future__ import annotations

import re

ENGLISH = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
OTHERS = (  # of German, French, Spanish, Italian, Portuguese, Dutch, Danish and Swedish, and what is short for them
    "januar jänner jän janvier janv enero ene gennaio gen janeiro januari",
    "februar feber février févr fév febrero febbraio fevereiro fev februari",
    "märz mär mrz mars marzo março maart mrt marts",
    "avril avr abril abr aprile",
    "mai mayo maggio mag maio mei maj",
    "juni juin junio giugno giu junho",
    "juli juil juillet julio luglio lug julho",
    "août aoû agosto ago ag augustus augusti",
    "sept septembre septiembre setiembre settembre set setembro",
    "oktober okt octobre octubre ottobre ott outubro out",
    "novembre noviembre novembro",
    "dezember dez décembre déc diciembre dic dicembre dezembro",
)
NUMBERS = {name: i for i, names in enumerate(OTHERS) for name in names.split()}
WORD = re.compile(r"[^\W\d_]{2,}\.?")
AROUND = re.compile(r"(?<=^1)er(?= )|(?<= )del? ", re.IGNORECASE)  # le 1er mai, 5 de mayo de 2024
SHORT = frozenset(name[:3].lower() for name in ENGLISH)


def in_english(cell: str, date_format: str) -> str:
    """Write the month in a date as English does, in full for `%B`, else short and without a full stop."""

    def english(found: re.Match[str]) -> str:
        word = found[0].rstrip(".")
        if (i := NUMBERS.get(word.casefold())) is not None:
            return ENGLISH[i] if "%B" in date_format else ENGLISH[i][:3]
        return word if word.casefold() in SHORT else found[0]

    return WORD.sub(english, AROUND.sub("", cell)) if "%b" in date_format or "%B" in date_format else cell
