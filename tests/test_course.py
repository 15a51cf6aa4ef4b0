"""The lessons of the course: their form, their pictures, and the numbers that a student works out in them.

What their commands print is checked with all other documented transcripts (see transcripts.py).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
LESSONS = sorted((DOCS / "course").glob("[0-9]*.md"))
PICTURES = DOCS / "images" / "course"
EXERCISE = re.compile(
    r'^\*\*(\d)\.\*\* .+?^<details markdown="1"><summary>Answer</summary>\n\n.+?\n\n</details>$', re.M | re.S
)

# worked out by hand, by the formula in the comment
NUMBERS = {
    "01-perceptron": ["z = 2 · 1 + 1 · 1 − 3 = 0", "w = (1 + 2, −2 + 2) = (3, 0) and b = 2"],
    # 1/√17 and 3 · 17; τ = 1/3 and then (1/3)/6
    "02-margin": ["1/√17 = 0.2425", "3 · 17 = 51", "τ = (1/3)/6 = 1/18"],
    "03-regression": ["w = 10 and b = 0", "a liking of 4 pays 40", "w = 10, b = 0: price = 10 · liking + 0"],
    # −ln p, −log₁₀ p, ½ (p − 1)², a third of each; H in bits; KL in bits
    "04-logistic": [
        "0.51083", "0.22185", "0.08000", "0.22314", "0.09691", "0.02000",
        "0.17028", "0.07395", "0.02667", "0.07438", "0.03230", "0.00667",
        "0.72193", "0.27807", "0.03739",
    ],
    # −ln of 0.3792, 0.4147, 0.3490, 0.4354; a row of two inputs; −ln 0.4, −ln 0.7 and ½ Σ (p − y)²
    "05-softmax": [
        "[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]",
        "0.96969", "0.88020", "1.05268", "0.83149", "0.93352",
        "(0.963, −0.506)", "(2.61954, 0.60290)", "0.81291", "0.187095", "0.20714", "(−0.18709, 0.18709)",
        "(−0.03742, −0.13097)", "(0.03742, 0.13097)", "(0.00748, −0.39477)",
        "0.91629", "0.27", "0.35667", "0.07", "0.09000", "0.02333",
    ],
    "07-backpropagation": ["slope 1 below 5, and slope 2 above"],
    "08-hidden-layers": [
        "sign(20 x1 + 20 x2 − 10)", "sign(−20 x1 − 20 x2 + 30)", "sign(20 z1 + 20 z2 − 30)", "−1, 1, 1, −1",
    ],
    "09-training": ["between 0.1 and 0.0001"],
    "10-digits": ["1 × 28 × 28", "N × 784", "ten classes"],
}  # fmt: skip


def test_there_are_ten_lessons_in_order_and_the_first_page_lists_them() -> None:
    titles = [lesson.read_text("utf-8").splitlines()[0] for lesson in LESSONS]
    assert [title.partition(". ")[0] for title in titles] == [f"# {number}" for number in range(1, 11)]
    listed = re.findall(r"^\| \[\d+\. [^]]+\]\(([^)]+)\)", (DOCS / "course" / "index.md").read_text("utf-8"), re.M)
    assert listed == [lesson.name for lesson in LESSONS]
    navigation = (DOCS.parent / "mkdocs.yml").read_text("utf-8")
    assert re.findall(r"- course/(\d.*)", navigation) == listed


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_lesson_is_short_says_what_for_and_ends_with_three_exercises(lesson: Path) -> None:
    text = lesson.read_text("utf-8")
    assert text.count("\n") <= 150
    assert text.split("\n\n")[1].startswith("At the end of this lesson you can ")
    before, _, exercises = text.partition("\n## Exercises\n")
    assert [match[1] for match in EXERCISE.finditer(exercises)] == ["1", "2", "3"]
    assert "<details" not in before
    assert exercises.count("<details") == exercises.count("</details>") == 3


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_the_pictures_of_a_lesson_are_small_and_drawn_by_its_own_commands(lesson: Path) -> None:
    text = lesson.read_text("utf-8")
    shown = re.findall(r"!\[[^]]+\]\(\.\./images/course/([^)]+)\)", text)
    assert shown
    for name in shown:
        assert re.search(rf"^\$ nncli (plot|graph) .*(-o|--out) {re.escape(name)}$", text, re.M)
        assert (PICTURES / name).stat().st_size <= 64_000


def test_no_picture_of_the_course_is_left_over() -> None:
    text = "".join(lesson.read_text("utf-8") for lesson in LESSONS)
    assert [picture.name for picture in PICTURES.iterdir() if f"(../images/course/{picture.name})" not in text] == []


@pytest.mark.parametrize("lesson", NUMBERS)
def test_the_worked_numbers_of_the_course_are_in_their_lesson(lesson: str) -> None:
    text = (DOCS / "course" / f"{lesson}.md").read_text("utf-8")
    joined = re.sub(r"\s+", " ", text)  # lines are wrapped
    assert [number for number in NUMBERS[lesson] if number not in joined] == []
