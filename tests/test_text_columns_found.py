"""Which columns are taken for texts by themselves, and which are not."""

from __future__ import annotations

import hashlib
import random
import re
import uuid
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from nncli.data.words.detection import looks_like_text

FIRST = [
    "James",
    "Mary",
    "John",
    "Patricia",
    "Juan",
    "Carmen",
    "Lukas",
    "Anna",
    "Pierre",
    "Chloé",
    "Olga",
    "Ivan",
    "Mei",
    "Amina",
    "Omar",
    "Sven",
]
LAST = [
    "Smith",
    "Johnson",
    "Garcia",
    "Martinez",
    "Müller",
    "Schmidt",
    "Dubois",
    "Moreau",
    "Petrova",
    "Ivanov",
    "Li",
    "Wang",
    "Diallo",
    "Khan",
    "Nilsson",
]
GENRES = ["Comedy", "Drama", "Action", "Thriller", "Horror", "Romance", "Musical", "Western", "Crime", "Fantasy"]

FOODS = re.findall(
    r"\w+",
    "salt pepper sugar flour butter milk eggs cream cheese onion garlic carrot celery leek tomato basil thyme oregano "
    "rice pasta lentils beans chickpeas olives lemon lime orange apple pear plum honey vinegar mustard yeast vanilla "
    "cocoa almonds walnuts raisins spinach kale potato turnip beetroot cabbage ginger cumin chilli saffron paprika",
)


def joined(*parts: str) -> list[str]:
    """Sentences of all ways to take one piece of each part, which have | between them."""
    return [" ".join(words) for words in product(*(part.split("|") for part in parts))]


def many(number: int = 400, seed: int = 7) -> list[random.Random]:
    """A generator for each cell."""
    return [random.Random(1000 * seed + cell) for cell in range(number)]


TEXTS = {
    "reviews": joined(
        "I loved this film from the first minute to the last.|A dull story, badly told, and far too long for its plot.|"
        "My wife and I had waited for this one since May.|Where do I begin? The acting is wooden, the music loud.",
        "The lead carries every scene she is in, and the rest hardly matter.|Nothing in the second half makes sense.|"
        "Go and see it with your children, they will thank you.",
        "Ten out of ten!|I want my two hours back.|Worth every penny.|Save your money...",
    ),
    "tickets": joined(
        "Printer|Laptop|VPN client|Old scanner|Mail app|Second screen",
        "does not|will not|cannot|fails to",
        "start after update|connect to network|find my files|open at home",
    ),
    "tweets": joined(
        "@anna|@ben_k|RT @news24:|omg|ok so",
        "the new phone is really good|cant believe they lost again|why is my train late AGAIN",
        "#fail https://t.co/abc|😂😂|!!!|#love it",
    ),
    "messages": joined(
        "URGENT! You have won a 1 week holiday, call 09061701461 now|Ok lar, see you at home then|"
        "Sorry, I will call you later in the evening|FREE entry in a weekly comp, text WIN to 87121",
        "from land line. Claim 3510.|but not before we have eaten something.|or reply STOP to end this.",
        "Thanks|xx|ttyl|Bye for now",
    ),
    "headlines": joined(
        "Fed Raises Interest Rates|Storm Leaves Thousands Without Power|Voters Head to the Polls|Court Blocks New Law",
        "in Surprise Move|for Third Time This Year|as Leaders Meet|After a Week of Protest",
        "on Monday Morning|in Three Northern States|Amid Fears of War|to Calm the Markets",
    ),
    "german": joined(
        "Der Drucker|Mein Rechner|Die neue Software|Das Netz im Büro",
        "druckt leider nicht mehr|startet seit gestern nicht|ist viel zu langsam geworden",
        "und niemand hilft|seit dem letzten Update|trotz neuer Kabel",
    ),
    "french": joined(
        "L'imprimante|J'ai vu que l'écran|Aujourd'hui, le réseau",
        "ne marche plus depuis hier|n'est pas très rapide|m'a beaucoup déçu",
        "et c'est dommage.|malgré la mise à jour.|au bureau comme à la maison.",
    ),
    "russian": joined(
        "Этот фильм|Новая книга|Вчерашний концерт|Ваш магазин",
        "мне совсем не понравился|оказался намного лучше прежнего|заставил меня долго думать",
        "о жизни и смерти|и моих друзей тоже|хотя цена высокая",
    ),
    "arabic": joined(
        "هذا الفيلم|الكتاب الجديد|العرض الأخير",
        "لم يعجبني على الإطلاق|كان رائعا من البداية",
        "ولن أنصح به أحدا|وسوف أشاهده مرة أخرى|رغم طول الوقت|بكل صراحة",
    ),
    "hindi": joined(
        "यह फिल्म|नई किताब|यह फोन|पुराना कैमरा",
        "मुझे बिल्कुल पसंद नहीं आई|बहुत अच्छी और सस्ती है",
        "और मैं दोबारा नहीं देखूंगा।|सब को लेना चाहिए।|लेकिन कीमत ज्यादा है।",
    ),
    "chinese": joined(
        "这本书|这家酒店|那个手机|他们的服务",
        "真的很好，|让我非常失望，|不如以前，",
        "下次不会再来了。|推荐给大家！|价格也不便宜。",
    ),
    "japanese": joined(
        "この映画は|新しい電話は|ホテルの部屋は|店員さんが",
        "とても良かったので|思ったより悪くて",
        "また行きたいです|もう買いません|友達にすすめます",
    ),
    "korean": joined(
        "이 영화는|새로 산 전화기는|어제 간 식당은",
        "생각보다 정말 재미있고 좋아서|너무 느리고 비싸서 다시는",
        "친구에게 꼭 추천하고 싶어요|사고 싶지 않다고 생각해요|가지 않을 것 같아요|후회하지 않아요",
    ),
}
OTHERS = {
    "names": [f"{r.choice(FIRST)} {r.choice(LAST)}" for r in many()],
    "passengers": [f"{r.choice(LAST)}, Mr. {r.choice(FIRST)} {r.choice(FIRST)} ({r.choice(LAST)})" for r in many()],
    "casts": [", ".join(f"{r.choice(FIRST)} {r.choice(LAST)}" for _ in range(5)) for r in many()],
    "companies": [f"{r.choice(LAST)} {r.choice(LAST)} & Sons Holding of {r.choice(FIRST)}ville Ltd" for r in many()],
    "addresses": [
        f"{r.randint(1, 9999)} {r.choice(LAST)} St, {r.choice(LAST)}ville, CA {r.randint(10**4, 10**5)}" for r in many()
    ],
    "french addresses": [
        f"{r.randint(1, 99)} rue de la {r.choice(LAST)}, 75{r.randint(100, 999)} Paris" for r in many()
    ],
    "chinese addresses": [f"北京市朝阳区建国路{r.randint(1, 999)}号院{r.randint(1, 30)}楼" for r in many()],
    "chinese names": ["".join(r.choice("王李张刘陈杨赵黄周吴明华丽强") for _ in range(3)) for r in many()],
    "products": [f"{r.choice(LAST)} Wireless Headphones {r.randint(10, 99)}h Black" for r in many()],
    "genres": ["|".join(r.sample(GENRES, 3)) for r in many()],
    "lists": [", ".join(r.sample([genre.lower() for genre in GENRES], 6)) for r in many()],
    "ingredients": [", ".join(r.sample(FOODS, 7)) for r in many()],
    "places of food": [
        f"{r.randint(1, 99)} rue de la {r.choice(FOODS)}, {r.randint(100, 999)} {r.choice(FOODS)}" for r in many()
    ],
    "tags": [" ".join(r.sample([genre.lower() for genre in GENRES], 6)) for r in many()],
    "uuids": [str(uuid.UUID(int=r.getrandbits(128))) for r in many()],
    "hashes": [hashlib.sha1(str(row).encode()).hexdigest() for row in range(400)],
    "urls": [f"https://example.com/{r.choice(LAST)}/a-long-title-of-words-{r.random()}" for r in many()],
    "paths": [f"/home/{r.choice(FIRST)}/My Documents/{r.choice(LAST)}/file {r.randint(1, 999)}.txt" for r in many()],
    "dates": [f"Monday, {r.randint(1, 30)} January {r.randint(1900, 2024)}, at noon" for r in many()],
    "numbers": [f"{r.random():.12f}" for r in many()],
    "codes": [f"AB {r.randint(10, 99)} {r.choice('KLMN')}X {r.randint(100, 999)}-{r.random():.3f}" for r in many()],
    "random words": [" ".join("".join(r.choices("abcdefghij", k=9)) for _ in range(6)) for r in many()],
    "readings": [f"door {r.randint(0, 999)} open {r.random():.3f} of {r.randint(0, 999)} seconds" for r in many()],
    "answers": [r.choice(["I agree with all of this", "I do not agree with any of it"]) for r in many()],
    "single words": [r.choice(FIRST).lower() + r.choice(LAST).lower() + str(row) for row, r in enumerate(many())],
    "blanks": [" " * (9 + row) for row in range(400)],
}


@pytest.mark.parametrize("kind", TEXTS)
def test_texts_are_found(kind: str) -> None:
    assert looks_like_text(TEXTS[kind])
    assert looks_like_text(TEXTS[kind][::-1])


@pytest.mark.parametrize("kind", OTHERS)
def test_other_columns_stay_what_they_are(kind: str) -> None:
    assert not looks_like_text(OTHERS[kind])


def test_few_cells_or_the_same_ones_again_are_no_texts() -> None:
    reviews = TEXTS["reviews"]
    assert not looks_like_text([])
    assert not looks_like_text(reviews[:19])
    assert looks_like_text(reviews[:20])
    assert looks_like_text(reviews + reviews[: len(reviews) // 2])  # a third of the rows come twice
    assert not looks_like_text(reviews * 2)


def test_cells_of_a_megabyte_are_looked_at_in_part() -> None:
    assert looks_like_text([text + " and so on" * 100_000 for text in TEXTS["reviews"][:20]])


@pytest.mark.usefixtures("in_a_folder_of_its_own")
def test_a_few_sentences_that_come_again_are_categories_in_the_notes_too(nncli: Callable[..., Any]) -> None:
    others = [
        f"the {thing} of the {place} was small and red" for thing in ("cat", "dog", "fox") for place in "abcdefgh"
    ]
    sentences = ["the house of a friend was small", "The house of a friend was small", *others]
    lines = [f"{sentences[i % len(sentences)]},{'no' if i % 3 else 'yes'}" for i in range(520)]
    Path("notes.csv").write_text("\n".join(["text,label", *lines, ""]))
    said = nncli("train", "notes.csv", "--dry-run").err
    assert "column 'text': categories 'the house of a friend was small' and 'The house" in said
