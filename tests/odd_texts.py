"""Texts for property tests: of letters and signs that are easily cut wrong, and of any others."""

from __future__ import annotations

from hypothesis import strategies as st

ODD = "\0\t\n\r\x1c\x85\xa0\xad_'-.!19Aßéİσς Σǅﬁ½㎏Ⅷ\u0301\u0345\u093f\u0e33\u200b\u200c\u200d\u2028\ufe0f\ufeff"
WIDE = (
    "日本々〇ひカｶﾞー・한"
    "\ud800\udfff\ue000\U0001f469\U0001f4bb\U0001f3fb\U00020000\U000e0101\U0010ffff\u05d0\u0627\u064e\u06f1क्षि"
)
characters = st.one_of(st.sampled_from("ab c" + ODD + WIDE), st.characters(exclude_categories=[]))
texts = st.lists(st.one_of(st.none(), st.text(characters), st.text("ab \u0301", max_size=9)), max_size=8)
NGRAMS = ["words:1", "words:1-2", "words:2-3", "chars:1", "chars:3-5", "chars:2", "chars:5-6", "words:1-5,chars:1-8"]
