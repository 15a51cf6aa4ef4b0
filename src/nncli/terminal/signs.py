"""The characters that figures are made of, with Unicode and without."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Signs:
    """The characters that a figure is made of."""

    marks: str  # of the series
    ground: str  # of where each series is predicted
    unsure: str
    rule: str
    dash: str
    bar: str
    ends: str  # of a bar: eighths of a character
    up: str  # shades of values above 0, from little to much
    down: str
    left: str
    corner: str
    bottom: str
    tick: str
    side: str
    span: str  # of an interval: its low end, its line, its high end


UNICODE = Signs(
    marks="●▲■◆▼★◀▶♦✚", ground="∘▵▫⋄▿⋆◃▹♢+", unsure="·", rule="┊", dash="┄", bar="█", ends="▏▎▍▌▋▊▉",
    up=" ░▒▓█", down=" ·-=≡", left="┤", corner="└", bottom="─", tick="┴", side="│", span="├─┤",
)  # fmt: skip
ASCII = Signs(
    marks="OX+*#@%&$?", ground="ox:~=ac^s!", unsure=".", rule=":", dash=".", bar="#", ends="",
    up=" :+*#", down=" .-=%", left="+", corner="+", bottom="-", tick="+", side="|", span="[-]",
)  # fmt: skip
