"""Which font draws which character.

The fonts are Noto, from the ``justmytype-*`` wheels (OFL 1.1). Fonts of the system are never looked at, so
that a report looks the same, to the byte, on every machine.
"""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path

import typst
from fontTools.ttLib import TTFont

# Family as the font itself names it -> package, folder. The order is the order of preference.
ALPHABETS = {
    "Noto Sans": ("justmytype_western_core", "notosans"),
    "Noto Sans Arabic": ("justmytype_intl_rtl", "notosansarabic"),
    "Noto Sans Hebrew": ("justmytype_intl_rtl", "notosanshebrew"),
    "Noto Sans Devanagari": ("justmytype_intl_south_asia", "notosansdevanagari"),
    "Noto Sans Bengali": ("justmytype_intl_south_asia", "notosansbengali"),
    "Noto Sans Tamil": ("justmytype_intl_south_asia", "notosanstamil"),
    "Noto Sans Telugu": ("justmytype_intl_south_asia", "notosanstelugu"),
    "Noto Sans Thai": ("justmytype_intl_sea", "notosansthai"),
    "Noto Sans Lao": ("justmytype_intl_sea", "notosanslao"),
    "Noto Sans Khmer": ("justmytype_intl_sea", "notosanskhmer"),
    "Noto Sans Myanmar": ("justmytype_intl_sea", "notosansmyanmar"),
    "Noto Sans Ethiopic": ("justmytype_intl_africa", "notosansethiopic"),
    "Noto Sans Symbols 2": ("justmytype_western_core", "notosanssymbols2"),
}
# One code point of Han is written differently in each of these, so the language of the text decides.
EAST_ASIAN = {
    "zh": ("Noto Sans SC", ("justmytype_intl_cjk", "notosanssc")),
    "zh-hant": ("Noto Sans TC", ("justmytype_intl_cjk", "notosanstc")),
    "ja": ("Noto Sans JP", ("justmytype_intl_cjk", "notosansjp")),
    "ko": ("Noto Sans KR", ("justmytype_intl_cjk", "notosanskr")),
}
FONTS = ALPHABETS | dict(EAST_ASIAN.values())


def stack(east_asian: str) -> list[str]:
    """The families to try, in order, when Han is to look as in ``east_asian`` (a key of ``EAST_ASIAN``)."""
    first = EAST_ASIAN[east_asian][0]
    others = [family for family, _ in EAST_ASIAN.values() if family != first]
    return [*ALPHABETS, first, *others]


@cache
def book() -> typst.Fonts:
    """Typst's view of the fonts; costs about 20 ms, once a process. Files are read when first needed."""
    folders = sorted({str(_folder(family)) for family in FONTS})
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=list(folders))


def uncovered(code_points: Iterable[int]) -> set[int]:
    """Those of ``code_points`` that no font has a glyph for."""
    left = set(code_points)
    for family in FONTS:
        if not left:
            break
        left -= _coverage(family)
    return left


@cache
def _coverage(family: str) -> frozenset[int]:
    """The code points that the upright face of ``family`` has glyphs for."""
    (path,) = (path for path in _folder(family).glob("*.ttf") if "Italic" not in path.name)
    with TTFont(path, lazy=True) as font:
        return frozenset(font.getBestCmap())


def _folder(family: str) -> Path:
    package, folder = FONTS[family]
    return Path(str(files(package))) / "fonts" / "ofl" / folder
