"""A citizen's words, made safe and comparable.

Statements come from anywhere: control characters, lone surrogates, right-to-left marks, ten thousand letters
without a space. Everything that the planners look at passes through here first.
"""

from __future__ import annotations

import re
import unicodedata

STATEMENT_LIMIT = 10_000  # characters; the API refuses longer ones, so this only bounds direct callers
WORD_LIMIT = 600  # words looked at; a report says what it is about long before

_WORD = re.compile(r"[^\W_]+")
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}
_SPACE = re.compile(r"\s+")
# Words whose ending is part of what they mean: a parking place is no park, a missing lid was not missed, and what
# blocks a sign is not a blocked sign.
_WHOLE = {"parking", "missing", "building", "crossing", "marking", "railing", "lighting", "parked",
          "blocking", "covering", "hiding", "obscuring", "obstructing"}  # fmt: skip
_VOWEL = re.compile(r"[aeiouy]")


def clean(text: str, limit: int = STATEMENT_LIMIT) -> str:
    """Return ``text`` on one line: invisible characters, surrogates and runs of space become one space."""
    shown = "".join(" " if unicodedata.category(char) in _INVISIBLE else char for char in text[:limit])
    return _SPACE.sub(" ", shown).strip()


def words(text: str) -> list[str]:
    """Return the stems of the words of ``text``, in order, without accents and apostrophes."""
    flat = unicodedata.normalize("NFKD", text.casefold()).replace("'", "").replace("’", "")
    plain = "".join(char for char in flat if not unicodedata.combining(char))
    return [stem(match.group()) for match in _WORD.finditer(plain)][:WORD_LIMIT]


def stem(word: str) -> str:
    """Take the common English endings off, so that "potholes", "leaking" and "flooded" meet their base forms.

    Deliberately small: it must only treat the playbooks' terms and the citizens' words alike.
    """
    if len(word) <= 3 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if word in _WHOLE or word.endswith("eed"):
        return word
    for ending in ("ing", "ed"):
        base = word[: -len(ending)]
        if word.endswith(ending) and len(base) >= 3 and _VOWEL.search(base):
            word = _undouble(base)
            break
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def _undouble(base: str) -> str:
    doubled = len(base) > 3 and base[-1] == base[-2] and base[-1] not in "lsz"
    return base[:-1] if doubled else base
