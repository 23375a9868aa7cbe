"""Letters of other scripts that pass for Latin ones, and the rule that tells a trick from a language.

Tables follow the facts of Unicode's confusables data (UTS 39), kept to letters that a reader of an SMS
takes for Latin. A foreign letter is folded only where it cannot belong to a word of its own language.
"""

import re


def _pairs(foreign: str, latin: str) -> dict[int, str]:
    return {ord(f): letter for f, letter in zip(foreign, latin, strict=True)}


#: Alike in nearly every font.
_STRONG = {
    **_pairs("асеһіјорѕухүԁԛԝӏԍ", "acehijopsyxydqwlg"),  # Cyrillic
    **_pairs("АВСЕЅІЈКМНОРТХУҮԌԚԜҺӀ", "ABCESIJKMHOPTXYYGQWhI"),
    **_pairs("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϺϳοανιρυϲ", "ABEZHIKMNOPTYXCMjoavipuc"),  # Greek
    **_pairs("ՕՏՍԼօոսհցյզգռ", "OSULonuhgjqqn"),  # Armenian
    **_pairs("ᎠᎡᎢᎪᎫᎬᎳᎷᎻᎽᏀᏃᏎᏏᏒᏔᏚᏞᏟᏢᏦᏧᏙᏤᏩ", "DRTAJEWMHYGZ4bRWSLCPKdVVG"),  # Cherokee
    **_pairs("ꓐꓑꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ", "BPDTGKJCZFMNLSRVHWXYAEIOU"),  # Lisu
}
#: Alike only to a reader who expects a Latin word; folded beside Latin letters of the same word alone.
_WEAK = {
    **_STRONG,
    **_pairs("квнтмпигшяьзб", "kbhtmnurwrb36"),
    **_pairs("ПИЯЗЬГ", "NNR3bR"),
    **_pairs("κτηωχεγ", "ktnwxey"),
}
#: Letters that Unicode calls Latin and that only styled text uses.
_SMALL_CAPITALS = _pairs("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢɑɡ", "abcdefghijklmnoprstuvwyzag")

LATIN = "A-Za-zªºÀ-ÖØ-öø-ɏḀ-ỿ"
MARKS = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_FOREIGN = (
    "\u0370-\u0373\u0376-\u037d\u037f\u0386-\u0482\u048a-\u052f"  # Greek, Cyrillic
    "\u0531-\u0556\u0560-\u0588\u13a0-\u13fd\u1f00-\u1fff\ua4d0-\ua4f7"  # Armenian, Cherokee, Greek, Lisu
)

LOOKALIKES = frozenset(map(chr, _WEAK | _SMALL_CAPITALS))
_SMALL_CAPITAL = re.compile(f"[{''.join(map(chr, _SMALL_CAPITALS))}]")
_WORD = re.compile(rf"[\w{MARKS}]+")
_LATIN_LETTER = re.compile(f"[{LATIN}]")
_FOREIGN_LETTER = re.compile(f"[{_FOREIGN}]")
_MIXED = re.compile(rf"[{LATIN}][\d_{MARKS}]*[{_FOREIGN}]|[{_FOREIGN}][\d_{MARKS}]*[{LATIN}]")
_MARK = re.compile(f"[{MARKS}]")
#: Letters that give a foreign language away, one of about seven in Russian or Greek prose.
_UNMISTAKABLE = re.compile(f"(?![{''.join(map(chr, _WEAK))}])[{_FOREIGN}]")
_LATIN_FOR_EACH = 20


def fold(text: str) -> str:
    """Fold look-alike letters to Latin where they stand in for Latin ones; NFKC text in, one letter per letter out.

    A word of Latin and foreign letters is folded when every foreign letter has a look-alike; a wholly foreign
    word only when all its letters are look-alikes and the text around it is Latin. Other words stay as they are.
    """
    if _SMALL_CAPITAL.search(text):
        text = text.translate(_SMALL_CAPITALS)
    if _LATIN_LETTER.search(text) is None or _FOREIGN_LETTER.search(text) is None:
        return text
    if _MIXED.search(text):
        text = _WORD.sub(_fold_mixed, text)
    return _WORD.sub(_fold_any, text) if _is_mainly_latin(text) else text


def _fold_mixed(word: re.Match[str]) -> str:
    return word[0] if word[0].isascii() else _fold_beside_latin(word[0], _STRONG)


def _fold_any(word: re.Match[str]) -> str:
    return word[0] if word[0].isascii() else _fold_whole(_fold_beside_latin(word[0], _WEAK))


def _fold_beside_latin(word: str, table: dict[int, str]) -> str:
    foreign = _FOREIGN_LETTER.findall(word)
    if foreign and _LATIN_LETTER.search(word) and all(ord(letter) in table for letter in foreign):
        return word.translate(table)
    return word


def _fold_whole(word: str) -> str:
    letters = [c for c in _MARK.sub("", word) if not c.isdigit()]
    if len(letters) > 1 and all(ord(letter) in _STRONG for letter in letters):
        return word.translate(_STRONG)
    return word


def _is_mainly_latin(text: str) -> bool:
    return _LATIN_FOR_EACH * len(_UNMISTAKABLE.findall(text)) <= len(_LATIN_LETTER.findall(text))
