"""Make up texts for golden rows: words that training knew among others, and what Unicode makes hard."""

from __future__ import annotations

from itertools import cycle, islice, product

import numpy as np

from nncli.data.text_inputs import TextInputs
from nncli.data.words.features import places_of_words

# a text of each script is short, so that the file stays so
PHRASES = (
    "This is not good, it doesn't work!", "The best I have seen in years :-)", "Where is it? I'd like 2 of them.",
    "Das schönste Stück für große Füße", "C’est l’été déjà, à bientôt…", "¿Qué pasa? No lo sé todavía.",
    "这个产品很好,我很喜欢。", "これはとても良いです。", "아주 좋아요 정말로", "Очень хорошо, спасибо!",
    "Πολύ καλό, ευχαριστώ", "यह बहुत अच्छा है", "هذا جيد جدا؟", "👍🏽 great 😀!!",
)  # fmt: skip
# ligatures, wide and composed forms, marks behind their letters, characters that are not seen, digits of many kinds,
# sigma at the end of a word, letters whose lower case is longer, blanks of many kinds, and a text without a word
EDGES = (
    "ﬁne Ａ１ ½ ™ Å Ⅷ e\u0301te\u0301 nai\u0308ve \u01c5 Ǳ", "so\u00adft join\u200der ❤\ufe0f 👩\u200d👩\u200d👧",
    "ΟΔΥΣΣΕΥΣ Σ σΣ. İstanbul STRASSE ẞ", "a\u00a0b\u2003c\u3000d\u0085e\u2028f _x __ 1_000 ٣٤ ²³ x²", "… — ,.;", "",
)  # fmt: skip
SYLLABLES = [*map("".join, product("bdfgklmnprstv", "aeio"))]
TRIED, WORDS_OF_A_TEXT = 20_000, 12


def golden_texts(words: TextInputs, column: int, plain: int, edges: int, rng: np.random.Generator) -> list[str]:
    """Return so many plain texts, of words that the inputs of training know, and of phrases; and so many with what is
    hard to read, `edges`, each once."""
    made = ["".join(SYLLABLES[i] for i in own) for own in rng.integers(0, len(SYLLABLES), (TRIED, 3)).tolist()]
    made = [*dict.fromkeys([*" ".join(PHRASES).split(), *SYLLABLES, *made])]
    which, places, _ = places_of_words(made, words.options, column)
    known = [made[i] for i in which[words.idf[places] > 0].tolist()] or made
    found = []
    for phrase in islice(cycle(PHRASES), plain):
        drawn = [known[i] for i in rng.integers(0, len(known), WORDS_OF_A_TEXT).tolist()]
        found.append(f"{phrase} {' '.join(drawn)}")
    return [*found, *islice(cycle(EDGES), edges)]
