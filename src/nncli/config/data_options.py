"""Define the options of `train` that say what is read, and how rows are divided."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from nncli.config.file_kinds import NONE, Columns, Delimiter, Encoding, Files, PictureSize, RowRange, Sign
from nncli.config.ngrams_kind import Ngrams
from nncli.config.option import ROW_SHARE, Flag, Name, OneOf, Rare, Task, Text, Whole, option
from nncli.data.sources import Source
from nncli.data.spellings import WORDS
from nncli.data.task import TASKS

SOURCES = ("data", "val_data", "test_data")  # options that name files
ENCODING_HELP = "Text encoding, such as utf-8, utf-16, latin-1 or cp1252."
SHEET_HELP = "Sheet of an Excel file to read."
HEADER_ROWS = Whole(1, 100)
HEADER_ROWS_HELP = "Number of rows that name the columns together."
ROWS_READ_HELP = "Rows to read of each text file, from 1, as 1:83, not counting the header."
NOT_OF_PARTS = " Not for --val-data and --test-data."
DECIMAL = Sign({"point": ".", "comma": ","}, "a point or a comma")
THOUSANDS = Sign({word: sign for sign, word in WORDS.items()}, "a comma, point, blank or apostrophe")
QUOTE = Sign({"double": '"', "single": "'", NONE: ""}, "a double or a single quote, or none")
QUOTE_HELP = "Character around quoted cells: a double or a single quote, or none."
ESCAPE = Sign({"backslash": "\\", NONE: ""}, "a backslash, or none")
ESCAPE_HELP = "Character before a quote within a quoted cell: a backslash, or none, where it is doubled."
TASK_HELP = (
    "What to predict: classification (a class), regression (a number), or auto: a target of numbers with fractions, or "
    "of more than 20 different ones, is a number."
)
DEFAULT_SHARE = 0.15  # of the rows, for validation and for the test

_data = functools.partial(option, group="Data")
_splits = functools.partial(option, group="Splits")


@dataclass(frozen=True)
class DataOptions:
    """Holds what decides which rows and columns are read, and how they are divided. `None` is "not said"."""

    data: Source = ("digits",)

    target: str | None = _data(
        "COL",
        Name(),
        "Column to predict: its name, or its position from 0 (-1: last).",
        "the column named label, target, class or y",
        short="-t",
    )
    task: str | None = _data("TASK", Task(TASKS), TASK_HELP, "auto")
    drop: tuple[str, ...] = _data("COLS", Columns(), "Columns to leave out, as id,name.", default=())
    only: tuple[str, ...] = _data("COLS", Columns(), "Columns to learn from; all others are left out.", default=())
    categorical: tuple[str, ...] = _data(
        "COLS", Columns(), "Columns of numbers or texts to treat as categories.", default=()
    )
    numeric: tuple[str, ...] = _data(
        "COLS", Columns(), "Columns to read as numbers, whatever they look like.", default=()
    )
    text: tuple[str, ...] = _data(
        "COLS",
        Columns(),
        "Columns of texts, whose words are learned from; in other columns of text each cell is a category.",
        "those that look like sentences",
        default=(),
    )
    ngrams: str | None = _data(
        "KINDS",
        Ngrams(),
        "What is counted in texts: words:1-2 is words and pairs of words, chars:3-5 sequences of 3 to 5 characters; "
        "both with a comma between them.",
        "words:1-2,chars:2-5; of more than 5 million characters words:1-2",
    )
    hash_bits: int | None = _data("N", Whole(8, 24), "What is counted in texts is hashed to 2^N inputs.", "18")
    vocabulary: bool = _data(
        "",
        Flag(),
        "Keep the names of the n-grams of texts in the model, so that explain names them without the training data.",
        default=False,
    )
    missing: tuple[str, ...] = _data(
        "TEXTS", Columns(), "Further texts that stand for a missing value.", "empty, NA, N/A, NaN, null, ?", default=()
    )
    no_missing: tuple[str, ...] = _data(
        "TEXTS", Columns(), "Texts that are values after all, as NA for a class.", default=()
    )
    header: bool | None = _data("", Flag(), "Read the first line as column names, or as a row of data.", "detected")
    delimiter: str | None = _data("CHAR", Delimiter(), "Character between two cells, tab, or blanks.", "detected")
    decimal: str | None = _data("CHAR", DECIMAL, "Decimal separator: a point or a comma.", "detected")
    thousands: str | None = _data(
        "CHAR", THOUSANDS, "Separator between thousands: comma, point, blank or apostrophe.", "detected"
    )
    date_format: str | None = _data("FORMAT", Text(), "How dates are written, as %d/%m/%Y.", "detected")
    header_rows: int | None = _data("N", HEADER_ROWS, HEADER_ROWS_HELP, "1")
    quote: str | None = _data("CHAR", QUOTE, QUOTE_HELP, "detected")
    escape: str | None = _data("CHAR", ESCAPE, ESCAPE_HELP, "detected")
    encoding: str | None = _data("NAME", Encoding(), ENCODING_HELP, "detected")
    dedupe: bool = _data(
        "",
        Flag(),
        "Use rows that are equal in all columns only once; those also in --val-data or --test-data, only there.",
        default=False,
    )
    skip_rows: int = _data("N", Whole(0), "Number of lines to skip at the top of each file." + NOT_OF_PARTS, default=0)
    rows: tuple[int, int] | None = _data("A:B", RowRange(), ROWS_READ_HELP + NOT_OF_PARTS, "all")
    sheet: str | None = _data("NAME", Text(), SHEET_HELP + NOT_OF_PARTS, "the only one")
    on_error: str = _data(
        "HOW",
        OneOf(("fail", "skip")),
        "What to do with a row that cannot be read, or has no class: fail, or skip (leave it out, and say which).",
        default="fail",
    )
    resize: tuple[int, int] | None = _data(
        "WxH",
        PictureSize(),
        "Size in pixels that all pictures are brought to, as 28x28.",
        "their own, if all have the same",
    )
    weight: str | None = _data("COL", Name(), "Column with the weight of each row in training.", "equal weights")
    scale: str = _data(
        "HOW",
        OneOf(("auto", "standard", "robust", "minmax", "none")),
        "Scaling of numbers: auto, standard (mean 0, sd 1), robust (by median and quartiles, outliers drawn in to ±3), "
        "minmax (0 to 1) or none; auto divides pixels by their maximum and standardises all other numbers, which "
        "tabular scales as robust does.",
        default="auto",
    )

    val: float | None = _splits("SHARE", ROW_SHARE, "Share of the rows for validation; 0 for none.", "0.15")
    test: float | None = _splits(
        "SHARE", ROW_SHARE, "Share of the rows for the final test; 0 for none.", "0.15, or the data's own test set"
    )
    split_seed: int | None = _splits("N", Whole(0), "Seed of the split only.", "the same as --seed")
    val_data: tuple[str, ...] = _splits(
        "FILE", Files(), "File of validation rows, in place of --val; may be repeated.", default=()
    )
    test_data: tuple[str, ...] = _splits(
        "FILE", Files(), "File of test rows, in place of --test; may be repeated.", default=()
    )

    rare: str | None = _splits(
        "HOW", Rare(), "Classes with too few rows to split: drop, or merge=NAME to make one class of them.", "refused"
    )
    group: str | None = _splits(
        "COL",
        Name(),
        "Column of groups, such as patients: rows of one group stay in one part. It is not an input.",
        "none",
    )
    time: str | None = _splits(
        "COL",
        Name(),
        "Column of dates or numbers to split by: the latest rows are the test set. It is not an input.",
        "none",
    )
