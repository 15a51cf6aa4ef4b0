"""The words of texts in a report: those with the largest weights, and those that decided in a row."""

from __future__ import annotations

from nncli.data.dataset import Table
from nncli.explain.marks import marked_texts
from nncli.explain.reasons import Reasons, largest_with_words
from nncli.explain.word_weights import WordWeights, word_weights
from nncli.figures.weights import figure_of_words
from nncli.report.document import Drawing, Folded, Listing, Marked, Paragraph, Section
from nncli.report.evidence import Evidence
from nncli.system.output import counted, shortened, signed_alike

MOST_CLASSES, MOST_LISTED = 30, 15  # classes, and n-grams of each, in the table
LONGEST_TEXT = 300  # characters of a text that are shown
HOW_TO_READ = (
    "In the texts, words that speak for the prediction are blue with a line below, and those that speak against it "
    "brown with dots below: each counts with all sequences of words that it is part of. Long texts are cut to the part "
    "about the word that did most."
)


def words_section(of: Evidence) -> Section | None:
    """Draw and list the n-grams with the largest weights; None for a model that learns from no words."""
    if of.model.preprocess.words is None:
        return None
    title, found = "Which words matter", word_weights(of.model, of.rows.table, of.rows.rows)
    if not len(found.vocabulary):
        text = f"No n-gram is in two of the texts of {found.where_from}, so that none can be named."
        return Section(title, (Paragraph(f"{text} A model that is trained with --vocabulary keeps their names."),))
    lead = "the predicted number grows" if of.model.target is not None else "the lead of the class grows"
    if found.kind == "word":
        text = (
            f"A weight says how much {lead} with a text that is this word alone, by all sequences of characters in it. "
        )
    else:
        text = f"A weight says how much {lead} with the input that stands for a word or a sequence of words. "
    if not found.is_exact:
        text += "The model is not linear: the weights are slopes, in the mean of up to 1,000 rows. "
    text += f"Named by {found.where_from}: {counted(len(found.vocabulary), found.kind)} in at least two texts."
    one = "a word" if found.kind == "word" else "an n-gram"
    caption = f"The further to the right, the more {one} speaks for the class."
    if of.model.target is not None:
        caption = "What raises the predicted number, and what lowers it."
    drawing = Drawing(figure_of_words(found), caption)
    return Section(
        title, (Paragraph(text), drawing, Folded("The numbers of this picture, and more", (_listing(found),)))
    )


def _listing(found: WordWeights) -> Listing:
    several = len(found.columns) > 1
    header = ("prediction" if found.model.target is not None else "class", *["column"] * several, found.kind, "weight")
    shown = [one for k in range(min(len(found.of), MOST_CLASSES)) for one in found.largest(k, MOST_LISTED)]
    rows = tuple(
        (shortened(one.of), *[shortened(one.column)] * several, f'"{one.ngram}"', weight)
        for one, weight in zip(shown, signed_alike([one.weight for one in shown]), strict=True)
    )
    return Listing(header, rows, frozenset({"weight"}))


def marked_cell(found: Reasons, table: Table, row: int) -> str:
    """Show the texts of a row, shortened, with the words that decided marked."""
    assert found.of_words is not None
    parts, texts = list[tuple[str, float]](), marked_texts(found.of_words, table, row)
    for one in texts:
        if parts:
            parts.append((" | ", 0.0))
        parts += [(part, value or 0.0) for part, value in one.excerpt(LONGEST_TEXT // len(texts)).parts()]
    return Marked.of(parts)


def reasons_of_rows(found: Reasons, table: Table, most: int) -> list[list[tuple[str, float]]]:
    """Return the columns and n-grams that did most to decide each row, with what they add."""
    names, values = largest_with_words(found, table, most)
    return [
        [(name, float(value)) for name, value in zip(*both, strict=True) if name is not None]
        for both in zip(names.tolist(), values.tolist(), strict=True)
    ]
