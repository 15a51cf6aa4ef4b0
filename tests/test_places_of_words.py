"""Where the words of a text stand, and what an n-gram is called."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nncli.data.words.options import WordOptions
from nncli.data.words.places_in_text import placed_words
from nncli.data.words.segmentation import normalised
from nncli.data.words.vocabulary import Vocabulary


def test_of_two_ngrams_in_one_place_the_more_frequent_one_has_its_name() -> None:
    rows = ["often"] * 5 + ["seldom"] * 3 + ["once"]
    found = Vocabulary.learn([lambda: iter([rows])], WordOptions("words:1", bits=1))
    places = {}
    for word in ("often", "seldom"):
        alone = Vocabulary.learn([lambda word=word: iter([[word] * 2])], WordOptions("words:1", bits=1))
        places.setdefault(int(alone.places[0]), word)
    assert {*found.names} == {*places.values()}


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs", "Cc"]), max_size=40))
@settings(max_examples=150, deadline=None)
def test_words_stand_where_they_are_said_to_stand(text: str) -> None:
    found = placed_words(text)
    for i in range(len(found)):
        begin, end = found.of_code[i]
        assert normalised(found.text)[begin:end] in normalised(found.word(i))  # ¼ has two words, 1 and 4


def test_words_are_found_where_letters_and_normalised_ones_differ_in_number() -> None:
    found = placed_words("Der ﬁlm: cafe\u0301 ½ ＡＢ.")
    assert [found.word(i) for i in range(len(found))][:3] == ["Der", "ﬁlm", "cafe\u0301"]
    assert found.without([1]) == "Der : cafe\u0301 ½ ＡＢ."
    assert [found.word(i) for i in range(3, len(found))] == ["½", "½", "ＡＢ"]
    assert found.without([3, 4]) == "Der ﬁlm: cafe\u0301  ＡＢ."
