"""Name the languages whose texts are met in an encoding of one byte a letter, with their letters.

The letters of a language stand in the order of how often they are met, roughly; those of a Latin one are its letters
beyond ASCII. The weight of an encoding is how often it is met, as a logarithm.
"""

from __future__ import annotations

from collections.abc import Mapping

RUSSIAN = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"
UKRAINIAN = "оанвиіертслкдумпяьзгйбхжчцшюєїфщґ"
OTHER_CYRILLIC = (
    "аоиенртсвлкдпмзгбуячъжшцхщйфюь", "аоиенртсвјкдумпљзгшбцчхњћжђџф", "аіноелртсквўяуыдмпьзгбчйшжцхюёфэ",
)  # fmt: skip
LATIN = {
    "German": "üäöß", "French": "éèàêçâîôûùëïüœæ", "Spanish": "óíáéñúüç", "Portuguese": "ãçáéíóâêúõôàü",
    "Italian": "àèòùìé", "Catalan": "óàèíçúéïòü", "Dutch": "ëéïèöüáó", "Swedish": "äöåé", "Danish": "øåæé",
    "Icelandic": "áíðéóúþöýæ", "Estonian": "äõüö", "several": "éüöáóäíèñçàøåúòùìâêôãßæëîïûœõ",
    "Polish": "łąężśóćńź", "Czech": "íáéžěřýčšůúťďňó", "Slovak": "áíéžčýšúľťňôďäóĺŕř", "Hungarian": "áéöóőüíúű",
    "Croatian": "čšžćđ", "Romanian": "ăîâşţ", "Turkish": "ıüşğçöİâîû", "Lithuanian": "ėšžųįūąčę",
    "Latvian": "āīēšūļņžģķčō",
}  # fmt: skip
SELDOM = {"Icelandic": -2, "Estonian": -1, "Catalan": -1, "Dutch": -1}  # weights of languages
WESTERN = [*LATIN][: [*LATIN].index("several") + 1]
CENTRAL = ["Polish", "Czech", "Slovak", "Hungarian", "Croatian", "Romanian"]
GREEK = "αοιετσνηυρπκμλωςδγχάίόέθφβήύξώζψϊϋΐΰ"
HEBREW = "יוהלאתרמבשנםדקעחפטכגצזךןסףץ"
ARABIC = "اليمونترةبدعسفكقحجشهطخصىزذضغأثظئءؤإآ"
THAI = "านรกอ่เง้มยิลวดัทีสตะปบคหุแจพ์ชขใูไโืถธำซผฟศณษฉภญ็ฐๆฮฎฏฌฆฑฒฬฃฅฤ๊๋"
LATIN_ENCODINGS: Mapping[str, tuple[float, list[str]]] = {
    "cp1252": (0, WESTERN),
    "cp850": (-3, WESTERN),  # of DOS, as cp437, in which these letters have the same places
    "cp860": (-4.5, ["Portuguese"]),
    "mac-roman": (-4.5, WESTERN),
    "cp1250": (-1.8, CENTRAL),
    "iso8859-2": (-2.5, CENTRAL),
    "cp852": (-4.5, CENTRAL),
    "cp1254": (-2, ["Turkish"]),
    "cp857": (-4.5, ["Turkish"]),
    "cp1257": (-2, ["Lithuanian", "Latvian"]),
}
OTHER_ENCODINGS: Mapping[str, tuple[float, tuple[str, ...]]] = {
    "cp1251": (-1, (RUSSIAN, UKRAINIAN, *OTHER_CYRILLIC)),
    "koi8-r": (-3, (RUSSIAN,)),
    "koi8-u": (-4, (UKRAINIAN,)),
    "cp866": (-3, (RUSSIAN,)),
    "cp1125": (-5, (UKRAINIAN,)),
    "iso8859-5": (-5, (RUSSIAN, UKRAINIAN, *OTHER_CYRILLIC)),
    "mac-cyrillic": (-7, (RUSSIAN, UKRAINIAN)),
    "cp1253": (-1.5, (GREEK,)),
    "iso8859-7": (-2.5, (GREEK,)),
    "cp737": (-4, (GREEK,)),
    "cp1255": (-2, (HEBREW,)),
    "cp862": (-4, (HEBREW,)),
    "cp1256": (-2, (ARABIC,)),
    "iso8859-6": (-4, (ARABIC,)),
    "cp874": (-2, (THAI,)),
}
# the weight, and the first bytes of common characters with how many those are
IN_PAIRS: Mapping[str, tuple[float, Mapping[tuple[int, int], int]]] = {
    "gbk": (-2, {(0xB0, 0xD7): 3755, (0xA1, 0xA3): 200}),
    "big5": (-3, {(0xA4, 0xC6): 5401, (0xA1, 0xA3): 400}),
    "shift-jis": (-2, {(0x82, 0x83): 150, (0x88, 0x97): 2965, (0x81, 0x81): 100}),
    "euc-jp": (-4, {(0xA4, 0xA5): 150, (0xB0, 0xCF): 2965, (0xA1, 0xA3): 200}),
    "euc-kr": (-2, {(0xB0, 0xC8): 2350, (0xA1, 0xA3): 200}),
}
