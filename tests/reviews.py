"""A file of reviews, for tests of words."""

from __future__ import annotations

from pathlib import Path

TEXTS = [  # 24 reviews; each of the words that tell the classes apart stands in six of them
    *[f"a {word} film that we {verb} to see, {i}" for i in range(3) for word in ("good", "great") for verb in "ab"],
    *[f"a {word} film that we {verb} to see, {i}" for i in range(3) for word in ("bad", "awful") for verb in "ab"],
]
OPTIONS = ["--text", "text", "--hash-bits", 10, "--val", 0, "--test", 0, "--batch-size", 6]


def write_reviews() -> Path:
    """Write a file of reviews, each with its length, into the current folder."""
    lines = [f'"{text}",{len(text)},{"no" if i >= 12 else "yes"}' for i, text in enumerate(TEXTS)]
    path = Path("reviews.csv")
    path.write_text("\n".join(["text,length,label", *lines, ""]))
    return path
