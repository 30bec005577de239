"""Where people's names stand in a text: those of the record, and those by which people introduce somebody.

A street may be called after anybody: "Mr. Smith Street" and the "Main" of "123 Main St" stay, even where the
reporter is Mary Main.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from workflows.planning.personal import LONGEST_VALUE, Span


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NOT_IN_A_WORD = r"\s\d_,.;:!?()\[\]{}<>\"/\\@#&*+=|~^`…“”„«»。，、"
_LETTERS = rf"[^{_NOT_IN_A_WORD}'’–—-](?:[^{_NOT_IN_A_WORD}–—])*"
_WORD = re.compile(rf"(?:(?:[^\W\d_]|Jr|Sr)\.(?=\s?[^\W\d_])|{_LETTERS})")
_GAP = re.compile(r"[ \t\u00a0]{1,3}")
_PARTICLES = _listed(
    "van von de del della di da dos das la le bin ibn al el der den ten ter af av y e bint abu mac mc st"
)
_STREETS = _listed(
    """street st avenue ave av road rd boulevard blvd drive dr lane ln way place pl court ct circle cir terrace ter
    parkway pkwy highway hwy square sq plaza alley trail trl bridge park expressway expy turnpike pike row walk
    crescent close mews gardens garden school hospital library station playground hall center centre building
    apartments houses cemetery beach field stadium strasse straße marg nagar chowk"""
)
_SURNAMES_TOO = _listed("park lane hill court bridge hall way place close field row walk circle square")
# Given and family names that are words: taken for a name only where they are written as one.
_WORDS_TOO = _listed(
    """will mark bill rose may hope grace faith joy art drew rich frank grant chase hunter summer autumn april june
    august dawn pat sue rob jack dick nick gene miles cliff dale glen lane brook park street field wood woods stone
    hill green brown white black gray grey young long short little king bishop baker cook carpenter mason miller day
    price bush banks rivers waters pool bridge west north south east english an do so my water light lights pole tree
    trees road leak parks city police fire public works general major high low sign pipe main wall walls gates lake
    forest church hall marsh moss reed rice sharp small strong swift best bright cross case chance christian violet
    ivy holly heather lily daisy olive ruby pearl amber iris star sky rain storm snow winter ray rusty sandy woody
    chip buddy guy max van art don bob doc love good noble wise prince duke earl knight page read reader walker
    driver porter potter fisher farmer gardener turner weaver taylor porch ford post office the and for from our
    one two she they this that"""
)
# What follows "contact", "call" or "I am" with a capital letter and is nobody's name.
_NOBODY = _listed(
    """public works city hall department dept police fire water parks sanitation street streets transit school
    council office services service county state code enforcement animal control traffic health help please the your
    you me us him her them someone somebody anyone emergency thanks thank mayor monday tuesday wednesday thursday
    friday saturday sunday january february march july september october november december north south
    east west northeast northwest southeast southwest district ward zone block lot unit apt room floor building
    very really so not still also just now here there when where what why how this that these those is are was were
    be been being it its a an in on at to for of by with and or but if then than as because since after before
    until about near around between behind over under across every each any some all no yes ok okay dear hello hi
    sir madam again reporting writing calling complaining requesting asking sure sorry afraid happy glad concerned
    worried angry upset tired disabled deaf blind elderly pregnant old homeless resident tenant owner landlord
    manager supervisor neighbor neighbour citizen taxpayer voter i my we our he she they who which phone number
    email address name can could would should will do does did has have had get got need needs want wants come fix
    send look see urgent asap attention board authority agency bureau company management customer support hotline
    center centre general district attorney sheriff maintenance engineering planning housing one issue problem
    ever while out up down off withheld unknown anonymous private none secret hidden missing wrong too good bad
    only both said says told lives live living speaking from tree trees"""
)

_HONORIFIC = re.compile(
    r"(?<![\w-])(Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Mister|Mme|Mlle|Herr|Frau|Señor|Señora|Sra|Shri|Shrimati|Smt|"
    r"Kumari|Signor|Signora|Officer|Inspector|Councillor|Councilman|Councilwoman|Councilmember|Pastor|Rev|Reverend|"
    r"Rabbi|Imam|MR|MRS|MS|MISS|DR|PROF|mr|mrs|ms|dr|smt|shri)\b\.?\s{1,3}"
)
_NAME_IS = re.compile(
    r"\b(?:(?:my|his|her|their|the)\s+(?:full\s+|first\s+|last\s+|sur|owner's\s+|neighbou?r's\s+)?name(?:'s|’s|\s+is|\s*:)"
    r"|(?<![\w-])(?:full\s+|first\s+|last\s+)?name\s*[:=]|named|called\s+by|i\s+am\s+called|(?:they\s+)?call\s+me|mi\s+nombre\s+es|me\s+llamo"
    r"|mein\s+name\s+ist|ich\s+hei(?:ß|ss)e|je\s+m['’]appelle|mi\s+chiamo|meu\s+nome\s+é|मेरा\s+नाम)\s{1,3}",
    re.IGNORECASE,
)
_MENTION = re.compile(
    r"\b(?:contact(?:\s+(?:person|name|is))?|ask(?:\s+for)?|speak\s+(?:to|with)|talk\s+to|spoke\s+(?:to|with)"
    r"|reach|call|e?-?mail|text|reported\s+by|submitted\s+by|sent\s+by|signed(?:\s+by)?|attn|attention|regards|"
    r"sincerely|yours(?:\s+(?:truly|sincerely|faithfully))?|respectfully|thanks|thank\s+you|cheers|neighbou?r|"
    r"landlord|tenant|owner|resident|husband|wife|son|daughter|mother|father|brother|sister|friend|superintendent|super|"
    r"i\s+am|i['’]?m|this\s+is|it\s+is|it['’]s|we\s+are|from|and)"
    r"(?:\s*[,:!.–—-]{0,2}\s{1,4})",
    re.IGNORECASE,
)
_SURE_MENTION = (
    "contact",
    "ask",
    "speak",
    "spoke",
    "talk",
    "reported by",
    "submitted by",
    "sent by",
    "signed",
    "regards",
    "sincerely",
    "yours",
    "respectfully",
)
_AFTER_ONE_NAME = re.compile(
    r"\s*(?:[,(]|[.!]?\s*$|[.!]\s|\s(?:at|on|and|from|or|here|speaking|again|calling|who|lives)\b|[-–—]|\d)",
    re.IGNORECASE,
)
_HOUSE_NUMBER = re.compile(r"\d[\w-]*\s+(?:(?:[NSEW]|North|South|East|West)\.?\s+)?$", re.IGNORECASE)
_NEXT_WORD = re.compile(r"\s+([^\W\d_]+)")
_BEFORE = re.compile(r"([^\W\d_][\w'’-]*)\s+$")
MOST_LEARNED = 100  # introduced names whose later mentions are looked for; each costs a search of every text


class NameFinder:
    """Finds names. It learns each introduced name, so that a later "Ann" is found as well as "my name is Ann"."""

    def __init__(self) -> None:
        self._full: dict[str, re.Pattern[str]] = {}
        self._parts: dict[str, re.Pattern[str]] = {}
        self._learned: set[str] = set()

    def know(self, name: str) -> None:
        """Find this name from now on: whole, and each of its parts where it can be told from a word."""
        words = [word for word in re.split(r"[\s,]+", name[:LONGEST_VALUE].strip()) if word]
        parts = [word for word in words if any(char.isalnum() for char in word)]
        if len(parts) > 1:
            pattern = r"[\s,]{1,3}(?:[^\W\d_]\.?\s{1,3})?".join(_spelled(word) for word in words)
            long = sum(char.isalpha() for char in name) >= 6  # and so in no other word
            compiled = re.compile(pattern, re.IGNORECASE) if long else _bounded(pattern, name, re.IGNORECASE)
            self._full.setdefault(" ".join(words).casefold(), compiled)
        for part in parts:
            for piece in {part.strip(".'’-()\"“”"), *re.split(r"[-–]", part)}:
                self._know_part(piece, alone=len(parts) == 1)

    def _know_part(self, part: str, *, alone: bool) -> None:
        plain = part.casefold()
        letters = sum(char.isalpha() for char in part)
        if not letters or plain in _PARTICLES or _HONORIFIC.fullmatch(f"{part} "):
            return
        if len(part) == 1 and (part.isascii() or not alone):
            return
        if plain in _WORDS_TOO or plain in _NOBODY or (len(part) == 2 and part.isascii()):
            forms = "|".join(_spelled(form) for form in dict.fromkeys((part.title(), part.upper())))
            self._parts.setdefault(plain, _bounded(f"(?:{forms})", part, re.NOFLAG))
        else:
            self._parts.setdefault(plain, _bounded(_spelled(part), part, re.IGNORECASE))

    def find_known(self, text: str) -> Iterator[Span]:
        """Find the names that are known, whole ones first."""
        for pattern in self._full.values():
            yield from (Span(match.start(), match.end(), "NAME") for match in pattern.finditer(text))
        for pattern in self._parts.values():
            for match in pattern.finditer(text):
                if not _is_of_a_place(text, match.start(), match.end()):
                    yield Span(match.start(), match.end(), "NAME")

    def find_introduced(self, text: str) -> list[Span]:
        """Find and learn names by the words before them, and then their other mentions in ``text``."""
        found = [
            Span(start, end, "NAME") for start, end in (*_named(text), *_titled(text), *_mentioned(text))
        ]
        for span in found:
            name = text[span.start : span.end]
            written_as_one = any(char.isupper() for char in name) or not name.isascii()
            if written_as_one and name not in self._learned and len(self._learned) < MOST_LEARNED:
                self._learned.add(name)
                self.know(name)
        return [*found, *self.find_known(text)] if found else found


def _bounded(pattern: str, value: str, flags: re.RegexFlag) -> re.Pattern[str]:
    """``pattern`` as whole words; scripts that are written without spaces have no such bounds."""
    if any(unicodedata.category(char) == "Lo" and ord(char) >= 0x0E00 for char in value):
        return re.compile(pattern, flags)
    return re.compile(rf"(?<![^\W_]){pattern}(?![^\W_])", flags)


def _spelled(word: str) -> str:
    """A pattern of ``word`` with its accents composed, apart, or left away."""
    spelled = []
    for char in unicodedata.normalize("NFC", word):
        apart = unicodedata.normalize("NFD", char)
        forms = dict.fromkeys((char, apart, apart[0] if char.isalpha() and len(apart) > 1 else char))
        if char in "'’":
            forms = dict.fromkeys("'’")
        several = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        spelled.append(f"(?:{several})" if len(forms) > 1 else several)
    return "".join(spelled)


def _is_of_a_place(text: str, start: int, end: int) -> bool:
    """Whether the word at ``text[start:end]`` stands in a street's or a building's name."""
    following = _NEXT_WORD.match(text, end)
    if following and following[1].casefold() in _STREETS:
        return True
    return bool(_HOUSE_NUMBER.search(text[max(0, start - 30) : start]))


def _named(text: str) -> Iterator[tuple[int, int]]:
    """After "my name is": words of any case, up to the first that is nobody's name."""
    for match in _NAME_IS.finditer(text):
        words = _words(text, match.end(), 5)
        if words and text[words[0][0]].islower():
            words = words[:2]
        yield from _span_of(text, words)


def _titled(text: str) -> Iterator[tuple[int, int]]:
    """After "Mr": up to four names; after "mr" one, whatever its case."""
    for match in _HONORIFIC.finditer(text):
        title = match[1]
        if title.casefold() == "dr" and _is_a_drive(text, match.start()):
            continue
        words = _words(text, match.end(), 4)
        capitals = _capitalised(text, words)
        if title.isupper() and title != title.title():
            words = words[:2]
        elif capitals:
            words = capitals
        else:
            words = words[:1] if title.islower() else []
        last = text[slice(*words[-1])].casefold() if words else ""
        if len(words) > 1 and last in _STREETS and not (last in _SURNAMES_TOO and len(words) == 2):
            continue
        following = _NEXT_WORD.match(text, words[-1][1]) if words else None
        if following and following[1].casefold() in _STREETS - {
            "hall",
            "school",
            "row",
            "walk",
            "close",
            "park",
        }:
            continue
        yield from _span_of(text, words, places=False)


def _is_a_drive(text: str, start: int) -> bool:
    before = _BEFORE.search(text[max(0, start - 40) : start])
    if not before:
        return bool(re.search(r"\d\s*$", text[max(0, start - 6) : start]))
    return before[1][0].isupper() and before[1].casefold() not in _NOBODY | {
        "contact",
        "ask",
        "tell",
        "thanks",
    }


def _mentioned(text: str) -> Iterator[tuple[int, int]]:
    """After "contact", "I am", "regards" and their like: words with a capital letter."""
    for match in _MENTION.finditer(text):
        said = re.sub(r"\s+", " ", match[0].casefold())
        words = _capitalised(text, _words(text, match.end(), 4))
        if not words or text[words[0][0] : words[-1][1]].isupper() and not _may_be_capitals(text, words):
            continue
        first = text[slice(*words[0])]
        if _HONORIFIC.match(f"{first} ") or (not first[0].isupper() and not said.startswith(_SURE_MENTION)):
            continue
        if len(words) == 1 and not said.startswith(_SURE_MENTION):
            if said.startswith(("this is", "it", "from", "we are", "and")):
                continue
            if not _AFTER_ONE_NAME.match(text, words[0][1]):
                continue
        yield from _span_of(text, words)


def _may_be_capitals(text: str, words: list[tuple[int, int]]) -> bool:
    """A name in capitals, in a text that is not; "call DPW" and "I AM VERY ANGRY" are none."""
    return len(words) > 1 and sum(char.islower() for char in text) > sum(char.isupper() for char in text)


def _words(text: str, start: int, most: int) -> list[tuple[int, int]]:
    """The next words that may be a name, with a run of space between them; particles such as "van" do not count."""
    words: list[tuple[int, int]] = []
    position = start
    while (
        len(words) < 3 * most
        and sum(text[slice(*word)].casefold() not in _PARTICLES for word in words) < most
    ):
        match = _WORD.match(text, position)
        if match is None:
            break
        end = match.end()
        for possessive in ("'s", "’s", "'", "’"):
            end -= len(possessive) if match[0].casefold().endswith(possessive) else 0
            if end != match.end():
                break
        if text[position:end].casefold() in _NOBODY:
            break
        words.append((position, end))
        gap = _GAP.match(text, match.end())
        if gap is None or end != match.end():
            break
        position = gap.end()
    while words and text[slice(*words[-1])].casefold() in _PARTICLES:
        words.pop()
    return words


def _capitalised(text: str, words: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The words up to the first that has no capital; particles (and scripts without case) may stand between."""
    kept: list[tuple[int, int]] = []
    for start, end in words:
        word = text[start:end]
        if word[0].islower() and not (kept and word.casefold() in _PARTICLES):
            break
        kept.append((start, end))
    while kept and text[slice(*kept[-1])].casefold() in _PARTICLES:
        kept.pop()
    return kept


def _span_of(text: str, words: list[tuple[int, int]], *, places: bool = True) -> Iterable[tuple[int, int]]:
    if not words:
        return
    start, end = words[0][0], words[-1][1]
    last = text[slice(*words[-1])].casefold()
    if places and (_is_of_a_place(text, start, end) or (len(words) > 1 and last in _STREETS)):
        return
    if places and len(words) == 1 and last in _STREETS:
        return
    if any(char.isalpha() for char in text[start:end]):
        yield start, end
