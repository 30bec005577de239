"""What a text must become before it can be set: visible in full, and told apart by language and direction."""

import re
import unicodedata

from fontTools.unicodedata import script, script_name

from executions.adapters.errors import AdapterError
from executions.adapters.pdf import fonts

# Shown by their number: they would be drawn as nothing, or (the overrides) make the page say something else
# than the text does. Tab, line feed and the joiners that scripts need are no such characters.
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb\ufffe\uffff]"
)
# Unicode's Default_Ignorable_Code_Point, as far as text uses them: no glyph is right for these.
IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u2065\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
LINE_ENDS = re.compile("\r\n?|\x0b|\x0c|\u0085|\u2028|\u2029")
KANA = re.compile("[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f]")
HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
# Where words of Thai, Khmer or Chinese end is known; a long word of an alphabet would run off the page.
LONG_WORD = re.compile("[^\\s\u0e00-\uffff\U00010000-\U0010ffff]{25,}")
PIECE = 5
FLAG = "[\U0001f1e6-\U0001f1ff]{2}"


def visible(text: str) -> str:
    """``text`` with nothing in it that a page would swallow.

    Control characters, lone surrogates and direction overrides are written as ``[U+0000]``; a symbol or emoji
    that no font draws as its name, ``[grinning face]``.

    Raises:
        AdapterError: ``missing_glyphs`` (permanent), naming the scripts, when letters have no glyph.
    """
    text = INVISIBLE.sub(_number, LINE_ENDS.sub("\n", text).replace("\t", "    "))
    blank = fonts.uncovered(ord(char) for char in set(IGNORABLE.sub("", text)) - {"\n"})
    if not blank:
        return text
    letters = {chr(point) for point in blank if unicodedata.category(chr(point))[0] in "LMN"}
    if letters:
        names = sorted({script_name(script(char)) for char in letters})
        raise AdapterError(
            f"No font of the report has these scripts: {', '.join(names).replace('_', ' ')}.",
            code="missing_glyphs",
            permanent=True,
        )
    symbols = "".join(map(re.escape, map(chr, sorted(blank))))
    # With the joiners and selectors that made one picture of several: they would be left over.
    return re.sub(f"({FLAG}|[{symbols}])[\u200d\ufe0e\ufe0f]*", _name, text)


def east_asian(text: str, language: str) -> str:
    """In whose way to write Han: a key of ``fonts.EAST_ASIAN``, from the text itself or its surroundings."""
    if KANA.search(text):
        return "ja"
    if HANGUL.search(text):
        return "ko"
    if re.match("zh-(hant|tw|hk|mo)", language.lower()):
        return "zh-hant"
    return language[:2] if language[:2] in fonts.EAST_ASIAN else "zh"


def right_to_left(text: str) -> bool | None:
    """The direction of the first letter that has one, or None (rules P2 and P3 of Unicode's UAX 9)."""
    for char in text:
        match unicodedata.bidirectional(char):
            case "L":
                return False
            case "R" | "AL":
                return True
    return None


def pieces(text: str) -> list[str]:
    """``text`` in pieces between which a line may break, wherever a word is too long for a line.

    The pieces joined are the text: no character is added that a reader would copy.
    """
    cuts = [0]
    for word in LONG_WORD.finditer(text):
        for at in range(word.start() + PIECE, word.end(), PIECE):
            if not unicodedata.combining(text[at]) and unicodedata.category(text[at])[0] not in "MC":
                cuts.append(at)
    return [text[start:end] for start, end in zip(cuts, [*cuts[1:], len(text)], strict=True)]


def _number(match: re.Match[str]) -> str:
    return f"[U+{ord(match[0]):04X}]"


def _name(match: re.Match[str]) -> str:
    symbol = match[1]
    if len(symbol) == 2:  # a flag: [DE] says whose
        return f"[{''.join(chr(ord(letter) - 0x1F1E6 + ord('A')) for letter in symbol)}]"
    name = unicodedata.name(symbol, "").lower()
    return f"[{name or f'U+{ord(symbol):04X}'}]"
