"""A text that is not UTF-8: its encoding is guessed well for the languages of Europe, and always told to be a guess."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csv_reading import Dribble, complaint, load, strings
from nncli.data.csv.reader import read_blocks

GUESS = "a guess (--encoding names another)"
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
    "several": "Genève,Málaga,München,Århus,Forlì,Göteborg,Besançon,São Paulo,Łódź".replace("Łódź", "Zürich"),
    "Spanish and Italian": "Forlì,Cefalù,Córdoba,León,Niccolò,Ávila",
    "signs": "5 m³,10 m²,½ l,20 °C,£5,¿Qué?,Mª José,nº 3,km²,«mot»,3 × 4",
}
CENTRAL = ("Polish", "Czech", "Slovak", "Croatian", "Hungarian", "Romanian")
WESTERN = [*TOWNS][[*TOWNS].index("German") :]
MACINTOSH = ("German", "French", "Spanish", "Portuguese", "Swedish", "Danish")
CASES = [
    *((language, "cp1250") for language in CENTRAL),
    *((language, "iso8859-2") for language in ("Polish", "Czech", "Slovak", "Croatian")),
    ("Turkish", "cp1254"), ("Lithuanian", "cp1257"), ("Latvian", "cp1257"),
    *((language, "iso8859-1") for language in WESTERN),
    *((language, "mac-roman") for language in MACINTOSH),
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
    assert f"good.csv: encoding: cp1250, as in training, {GUESS}" in nncli("predict", "model.npz", "good.csv").err
    assert "guess" not in nncli("predict", "model.npz", "good.csv", "--encoding", "cp1250").err
