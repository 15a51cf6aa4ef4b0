"""A text that is not UTF-8: its encoding is guessed well for the languages of Europe, and always told to be a guess."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csv_reading import Dribble, complaint, load, strings
from nncli.data.csv.reader import read_blocks

GUESS = "a guess, as it is not UTF-8 (--encoding names another)"
TOWNS = {
    "Polish": "Łódź,Kraków,Gdańsk,Poznań,Wrocław,Częstochowa,Rzeszów,Żory,Świdnica,Białystok,Toruń",
    "Czech": "Plzeň,České Budějovice,Ústí nad Labem,Zlín,Žďár,Děčín,Třebíč,Přerov,Kroměříž,Litoměřice,Náměšť",
    "Slovak": "Košice,Prešov,Žilina,Banská Bystrica,Trenčín,Považská Bystrica,Ružomberok,Lučenec,Piešťany,Šaľa",
    "Croatian": "Šibenik,Čakovec,Požega,Đakovo,Varaždin,Križevci,Poreč,Sračinec,Županja,Pušćine",
    "Hungarian": "Győr,Székesfehérvár,Pécs,Nyíregyháza,Hódmezővásárhely,Gyöngyös,Ózd,Érd,Fűzfő,Törökbálint",
    "Romanian": "Bucureşti,Iaşi,Timişoara,Braşov,Galaţi,Târgu Mureş,Bacău,Constanţa",
    "Turkish": "İstanbul,İzmir,Eskişehir,Muğla,Çanakkale,Şırnak,Ağrı,Uşak,Niğde",
    "Lithuanian": "Šiauliai,Panevėžys,Marijampolė,Kėdainiai,Telšiai,Ukmergė,Plungė,Lazdijų,Tauragė",
    "Latvian": "Rīga,Liepāja,Jūrmala,Rēzekne,Jēkabpils,Cēsis,Krāslava,Ķekava,Mārupe,Alūksne",
    "German": "München,Köln,Düsseldorf,Gießen,Saarbrücken,Lübeck,Würzburg,Görlitz,Österreich,Ähren",
    "French": "Orléans,Besançon,Nîmes,Saint-Étienne,Angoulême,Évreux,Sète,Hyères,Compiègne,Forêt",
    "Spanish": "Málaga,Córdoba,Logroño,León,Cádiz,Almería,Jaén,A Coruña,Gijón,Alcalá",
    "Portuguese": "São Paulo,Brasília,Goiânia,Belém,Maceió,Florianópolis,Cuiabá,Camaçari,Praia da Conceição",
    "Italian": "Forlì,Cefalù,Cantù,Agliè,Città,Niccolò",
    "Swedish": "Malmö,Göteborg,Örebro,Västerås,Linköping,Umeå,Gävle",
    "Danish": "København,Århus,Ålborg,Sønderborg,Næstved,Køge,Hillerød",
    "Estonian": "Tõrva,Pärnu,Jõgeva,Põlva,Võru,Türi,Otepää",
    "Icelandic": "Reykjavík,Kópavogur,Hafnarfjörður,Garðabær,Ísafjörður,Þórshöfn,Húsavík",
    "Russian": "Москва,Тверь,Омск,Казань,Уфа,Самара,Пермь,Воронеж,Волгоград,Краснодар,Тюмень,Барнаул",
    "Ukrainian": "Київ,Харків,Одеса,Дніпро,Донецьк,Запоріжжя,Львів,Миколаїв,Вінниця,Херсон",
    "Bulgarian": "София,Пловдив,Варна,Бургас,Русе,Плевен,Сливен,Добрич,Шумен,Перник",
    "Greek": "Αθήνα,Θεσσαλονίκη,Πάτρα,Ηράκλειο,Λάρισα,Βόλος,Ιωάννινα,Τρίκαλα",
    "Hebrew": "ירושלים,חיפה,אשדוד,נתניה,חולון,רחובות,אשקלון,הרצליה",
    "Arabic": "القاهرة,بغداد,الرياض,دمشق,الخرطوم,الجزائر,تونس,الرباط",
    "Thai": "กรุงเทพ,เชียงใหม่,ขอนแก่น,อุดรธานี,ภูเก็ต,พัทยา,สงขลา",
    "Japanese": "東京,大阪,名古屋,札幌,福岡,神戸,さいたま,つくば",
    "Chinese": "北京,上海,广州,深圳,成都,杭州,武汉,西安",
    "Taiwanese": "臺北,高雄,臺中,臺南,新竹,基隆,嘉義,花蓮",
    "Korean": "서울,부산,대구,인천,광주,대전,울산,수원",
    "several": "Genève,Málaga,München,Århus,Forlì,Göteborg,Besançon,São Paulo,Łódź".replace("Łódź", "Zürich"),
    "Spanish and Italian": "Forlì,Cefalù,Córdoba,León,Niccolò,Ávila",
    "signs": "5 m³,10 m²,½ l,20 °C,£5,¿Qué?,Mª José,nº 3,km²,«mot»,3 × 4",
}
CENTRAL = ("Polish", "Czech", "Slovak", "Croatian", "Hungarian", "Romanian")
LANGUAGES = [*TOWNS]
WESTERN = [*LANGUAGES[LANGUAGES.index("German") : LANGUAGES.index("Russian")], *LANGUAGES[-3:]]
MACINTOSH = ("German", "French", "Spanish", "Portuguese", "Swedish", "Danish")
CASES = [
    *((language, "cp1250") for language in CENTRAL),
    *((language, "iso8859-2") for language in ("Polish", "Czech", "Slovak", "Croatian")),
    ("Turkish", "cp1254"), ("Lithuanian", "cp1257"), ("Latvian", "cp1257"),
    *((language, "iso8859-1") for language in WESTERN),
    *((language, "mac-roman") for language in MACINTOSH),
    *((language, "cp850") for language in (*MACINTOSH, "Italian", "Icelandic")),
    *((language, "cp437") for language in ("German", "French", "Swedish", "Italian")),
    *((language, "cp852") for language in CENTRAL), ("Turkish", "cp857"), ("Portuguese", "cp860"), ("Danish", "cp865"),
    *((language, "cp1251") for language in ("Russian", "Ukrainian", "Bulgarian")),
    *(("Russian", encoding) for encoding in ("koi8-r", "cp866", "iso8859-5", "mac-cyrillic")),
    ("Ukrainian", "koi8-u"), ("Ukrainian", "cp1125"), ("Bulgarian", "iso8859-5"), ("Greek", "cp1253"),
    ("Greek", "iso8859-7"), ("Greek", "cp737"), ("Hebrew", "cp1255"), ("Hebrew", "cp862"), ("Arabic", "cp1256"),
    ("Arabic", "iso8859-6"), ("Thai", "cp874"), ("Japanese", "shift-jis"), ("Japanese", "euc-jp"),
    ("Chinese", "gbk"), ("Taiwanese", "big5"), ("Korean", "euc-kr"),
]  # fmt: skip


def table(towns: str, times: int = 4) -> str:
    rows = [f"{town},{i % 7},{'pq'[i % 2]}\n" for i, town in enumerate(towns.split(",") * times)]
    return "town,a,label\n" + "".join(rows)


@pytest.mark.parametrize(("language", "encoding"), CASES)
def test_a_text_is_read_in_the_encoding_that_has_the_letters_of_its_language(language: str, encoding: str) -> None:
    found = load(table(TOWNS[language]).encode(encoding))
    assert set(strings(found.table.texts["town"])) == {*TOWNS[language].split(",")}
    [note] = [note for note in found.notes if note.startswith("encoding: ")]
    assert GUESS in note


FEW = [  # words alone among others of ASCII
    ("København,Hillerød", "cp850"), ("Næstved,Køge,Århus", "cp865"), ("Orléans,Besançon", "cp437"),
    ("Besançon,Béziers", "cp850"), ("Köln,Fürth", "cp437"), ("Gießen,Würzburg", "cp850"), ("Malmö,Umeå", "cp850"),
    ("Forlì,Cantù", "cp850"), ("Łódź,Żory", "cp1250"), ("Kroměříž,Žďár", "cp852"), ("Москва,Тверь", "koi8-r"),
    ("Уфа,Омск", "koi8-r"), ("да,нет", "cp1251"), ("мужской,женский", "cp1251"), ("Москва,Уфа", "cp1251"),
    ("МОСКВА,КАЗАНЬ,ОМСК", "cp1251"), ("Казань,Уфа", "cp866"), ("ORLÉANS,BÉZIERS", "cp850"), ("MÜNCHEN,KÖLN", "cp850"),
    ("MÜNCHEN,KÖLN", "cp1252"), ("l’eau,d’été", "cp1252"), ("20 µg,30 µg", "cp1252"), ("5 €,7 €", "cp1252"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "encoding"), FEW)
def test_few_words_show_it_too(words: str, encoding: str) -> None:
    every = f"{words},Ulm,Bonn,Paris" if not words[0].isalpha() or words.lower()[0] < "а" else words
    found = load(table(every, 9).encode(encoding))
    assert set(strings(found.table.texts["town"])) == {*every.split(",")}


def test_a_guess_that_is_not_clear_shows_how_else_the_text_may_be_read() -> None:
    data = table("Göteborg,Malmö,Ulm", 9).encode("mac-roman")
    [note] = [note for note in load(data).notes if note.startswith("encoding: ")]
    assert note == f"encoding: cp1250, {GUESS}: it has 'Gšteborg', which is 'Göteborg' in mac-roman"
    assert load(data, encoding="mac-roman").table.texts["town"].values[0] == "Göteborg"
    clear = load(table(TOWNS["Swedish"]).encode("mac-roman")).notes
    assert f"encoding: mac-roman, {GUESS}: it has 'Malmö'" in clear


@pytest.mark.parametrize(("language", "encoding"), [("German", "cp500"), ("Greek", "cp869"), ("Russian", "cp855")])
def test_a_text_in_no_encoding_that_is_known_is_refused(language: str, encoding: str) -> None:
    head, rows = ("" if encoding == "cp500" else "town,a,label\n"), table(TOWNS[language]).partition("\n")[2]
    refused = complaint(head.encode() + rows.encode(encoding))
    assert refused.startswith("data.csv: expected ")
    assert refused.endswith(" with --encoding.")


@pytest.mark.parametrize("encoding", ["cp1250", "cp1252", "latin-1", "cp1251"])
def test_a_guess_is_told_in_each_error_and_another_one_can_be_named(encoding: str) -> None:
    text = table(
        "Москва,Тверь,Омск,Казань"
        if encoding == "cp1251"
        else "Zürich,Wien – süd"
        if encoding == "cp1252"
        else "Zürich,Köln"
    )
    for wrong in (text.replace("label", "xyz"), text + "x,y,p\n", text + 'x,"1,p\n', text + "x,1,p,q\n"):
        assert "which is a guess: --encoding names another)" in complaint(wrong.encode(encoding))
        assert "guess" not in complaint(wrong.encode(encoding), encoding=encoding)


@pytest.mark.parametrize(
    "text", ["town,a,label\nUlm,1,p\nBonn,x,q\nBonn,2,q\n", "town,a,label\nKöln,1,p\nBonn,x,q\nUlm,2,p\n"]
)
def test_what_is_utf_8_or_ascii_is_no_guess(text: str) -> None:
    assert "guess" not in complaint(text, numeric=("a",))
    expected = load(text.replace("x", "3").encode("latin-1").replace(b"Ulm", b"K\xf6ln")).schema
    assert expected.encoding == "iso8859-1"
    with read_blocks("-", expected, stream=Dribble(text.encode(), 5), on_error="blank") as reader:
        errors = [str(error) for block in reader for error in block.errors.values()]
    assert len(errors) == 1
    assert "guess" not in errors[0]
    assert not [note for note in reader.notes if "encoding" in note]


@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize("width", [16, 32])
def test_a_mark_tells_the_encoding(order: str, width: int) -> None:
    data = ("\ufeff" + table("Łódź,Köln")).encode(f"utf-{width}-{order}")
    found = load(data)
    assert set(strings(found.table.texts["town"])) == {"Łódź", "Köln"}
    assert f"encoding: utf-{width}" in found.notes
    assert "guess" not in complaint(
        data.replace("label".encode(f"utf-{width}-{order}"), "abcde".encode(f"utf-{width}-{order}"))
    )


def test_rows_to_predict_in_the_encoding_of_the_training_are_a_guess_too(
    nncli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_bytes(table("Łódź,Gdańsk,Rzęsa", 20).encode("cp1250"))
    nncli("train", "d.csv", "--epochs", "1")
    Path("bad.csv").write_bytes("town,a\nŁódź,1\nGdańsk,x\n".encode("cp1250"))
    refused = nncli("predict", "model.npz", "bad.csv")
    assert refused.code == 1
    assert "bad.csv:3" in refused.err
    assert "the text is read as cp1250, which is a guess: --encoding names another" in refused.err
    Path("good.csv").write_bytes("town,a\nŁódź,1\n".encode("cp1250"))
    told = "good.csv: encoding: cp1250, as in training, a guess (--encoding names another)"
    assert told in nncli("predict", "model.npz", "good.csv").err
    assert "guess" not in nncli("predict", "model.npz", "good.csv", "--encoding", "cp1250").err
