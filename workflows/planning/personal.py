"""Where personal data with a form of its own stands in a text: e-mail addresses, telephone numbers, plates, accounts.

Every pattern is bounded, so that ten thousand hostile characters cost milliseconds. Formats of plates and national
numbers are the issuers' own, as their public descriptions give them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import phonenumbers

LONGEST_VALUE = 320  # characters of a value of the record: what an e-mail address may have


class Span(NamedTuple):
    """``text[start:end]`` is personal data, of the kind that ``label`` (as in ``[EMAIL_1]``) names."""

    start: int
    end: int
    label: str


# --- Values of the record -----------------------------------------------------------------------------

_GAP = r"[\s().\-/‐‑‒–]*"


@dataclass(frozen=True)
class RecordValue:
    """A value of the record; its patterns find it in every form that it is usually written in."""

    kind: Literal["names", "phones", "emails"]
    patterns: tuple[re.Pattern[str], ...] = ()

    def find(self, text: str) -> Iterator[Span]:
        label = "EMAIL" if self.kind == "emails" else "PHONE"
        for pattern in self.patterns:
            for match in pattern.finditer(text):
                yield Span(match.start(), match.end(), label)


def record_value(value: str) -> RecordValue | None:
    """Say what a value of the record is by its form; None for one without a letter or digit."""
    value = value[:LONGEST_VALUE].strip()
    if not any(char.isalnum() for char in value):
        return None
    exact = re.compile(re.escape(value), re.IGNORECASE)
    if "@" in value:
        return RecordValue("emails", (exact, *_local_part(value)))
    digits = "".join(str(unicodedata.digit(char)) for char in value if char.isdecimal())
    if len(digits) >= 5 and sum(char.isalpha() for char in value) <= 5:
        return RecordValue("phones", (exact, _digits_pattern(digits)))
    return RecordValue("names")


def _local_part(value: str) -> Iterator[re.Pattern[str]]:
    """``ann.lee77`` of an address says who it is without its domain; ``info`` or ``water`` do not."""
    local = value.rpartition("@")[0]
    if len(local) >= 5 and re.search(r"[\d._-]", local):
        yield re.compile(rf"(?<!\w){re.escape(local)}(?!\w)", re.IGNORECASE)


def _digits_pattern(digits: str) -> re.Pattern[str]:
    """The number with any grouping, with or without its country code or the zero before it."""
    own = digits[-10:] if len(digits) > 10 else digits.lstrip("0") or digits
    return re.compile(rf"(?<!\d)(?:[+(]{{0,2}}\d{{1,4}}{_GAP})?[+(]{{0,2}}{_GAP.join(own)}(?!\d)")


# --- E-mail addresses ---------------------------------------------------------------------------------

_MARKS = "\u0300-\u036f\u0900-\u0dff\u0e00-\u0fff"  # written with the letters, and no letters themselves
_LABEL = rf"[^\W_](?:[\w{_MARKS}-]{{0,61}}[^\W_]|[\w{_MARKS}-]{{0,61}}[{_MARKS}])?"
_IN_A_LINK = re.compile(r"://[^\s/?#@]{0,200}$")
_EMAIL = re.compile(
    rf"(?:(?<![\w{_MARKS}.+%'-])[\w{_MARKS}.!#$%&'*+/=?^`{{|}}~-]{{1,64}}|\"[^\"\r\n]{{1,64}}\")"
    rf"@(?:{_LABEL}(?:\.{_LABEL}){{1,8}}|\[[0-9a-fA-F:.]{{2,45}}\])"
)
# As people write it for other people: "ann at example dot org", "ann [at] example.org".
_SPOKEN = re.compile(
    r"(?<![\w.+-])[\w.+-]{2,64}(?:\s{0,2}[\[(]\s?at\s?[\])]\s{0,2}[\w-]{1,60}|\s+at\s+[\w-]{1,60}(?=\s+dot\s))"
    r"(?:(?:\s{0,2}[\[(]\s?dot\s?[\])]\s{0,2}|\s+dot\s+|\.)[\w-]{2,60}){1,4}",
    re.IGNORECASE,
)


def find_emails(text: str) -> Iterator[Span]:
    for pattern in (_EMAIL, _SPOKEN):
        for match in pattern.finditer(text):
            if not _IN_A_LINK.search(text[max(0, match.start() - 210) : match.start() + 3]):
                yield Span(match.start(), match.end(), "EMAIL")


# --- Telephone numbers --------------------------------------------------------------------------------

_RUN = re.compile(r"[+(]{0,2}\d(?:[\s().\-/‐‑‒–]{0,3}\d){6,17}")
_GROUPED = re.compile(r"(?<![\w.-])\(?\d{2,5}\)?[ .-]{1,2}\d{2,5}[ .-]\d{3,5}(?![\w-])")
_SAID = re.compile(
    r"(?:phone|tel|telephone|mobile|cell|whatsapp|call|text|reach|ring|dial|number)\b[^\d\n]{0,25}"
    r"([+(]{0,2}\d(?:[\s().\-/‐‑‒–]{0,3}\d){4,17})",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?:19|20)\d\d[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.](?:19|20)\d\d")
_ZIP = re.compile(r"\d{5}-\d{4}")
_DECIMAL = re.compile(r"\(?\d{1,3}\.\d{3,}")


def find_phones(text: str, region: str) -> Iterator[Span]:
    """Find telephone numbers: those that the numbering plans allow (unused ones too: people mistype), those that
    look like one of another country, and those that the words before call one.

    Args:
        region: ISO 3166 code of the country whose numbers are written without a country code. Where it is empty
            or unknown, numbers without one are found by how they look.
    """
    for start, end in (*_planned(text, region), *_looking_like_one(text), *_said(text)):
        digits = sum(char.isdecimal() for char in text[start:end])
        if digits >= 5 and not _is_other_number(text, start, end):
            yield Span(start, end, "PHONE")


def _planned(text: str, region: str) -> Iterator[tuple[int, int]]:
    matcher = phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.POSSIBLE)
    for match in matcher:
        if sum(char.isdecimal() for char in match.raw_string) >= 7:
            yield match.start, match.end


def _looking_like_one(text: str) -> Iterator[tuple[int, int]]:
    for match in _RUN.finditer(text):
        digits = sum(char.isdecimal() for char in match[0])
        if 9 <= digits <= 15 and (match[0][0] in "+(0" or digits == len(match[0])):
            yield match.span()
    for match in _GROUPED.finditer(text):
        if sum(char.isdecimal() for char in match[0]) >= 10:
            yield match.span()


def _said(text: str) -> Iterator[tuple[int, int]]:
    for match in _SAID.finditer(text):
        yield match.span(1)


def _is_other_number(text: str, start: int, end: int) -> bool:
    """Dates, postal codes and coordinates have as many digits."""
    found = text[start:end]
    if _ZIP.fullmatch(found) or _DATE.match(found):
        return True
    return bool(_DECIMAL.match(found)) and found.count(".") == 1 and not re.search(r"[\s()/-]", found[:8])


# --- Plates -------------------------------------------------------------------------------------------

_PLATES = re.compile(
    r"(?<![\w-])(?:"
    r"[A-Z]{2}\d{2} ?[A-Z]{3}"  # United Kingdom since 2001
    r"|[A-HJ-NP-Y]\d{1,3} ?[A-Z]{3}|[A-Z]{3} ?\d{1,3}[A-HJ-NP-Y]"  # and before
    r"|[A-Z]{2}[ -]?\d{1,2}[ -]?[A-Z]{1,3}[ -]?\d{4}"  # India
    r"|\d{2} ?BH ?\d{4} ?[A-Z]{1,2}"  # India, the Bharat series
    r"|[A-ZÄÖÜ]{1,3}-[A-ZÄÖÜ]{1,2} ?\d{1,4}[EH]?"  # Germany
    r"|[A-Z]{2}[ -]\d{3}[ -]?[A-Z]{2}|[A-Z]{2}\d{3}[A-Z]{2}"  # France, Italy
    r"|\d{4}[ -]?[BCDFGHJKLMNPRSTVWXYZ]{3}"  # Spain
    r"|(?=[A-Z0-9-]{8}(?![\w-]))(?=[0-9-]*[A-Z])(?=[A-Z-]*\d)(?:[A-Z]{1,3}|\d{1,3})(?:-(?:[A-Z]{1,3}|\d{1,3})){2}"
    # above: the Netherlands; below: the United States (California, then most states with letters first)
    r"|\d[A-Z]{3}\d{3}|[A-Z]{3}[- ]?\d{4}|[A-Z]{3}-\d{3}"
    r")(?![\w-])"
)
_NO_PLATE_WORDS = """
    APT STE LOT NYC RTE HWY BLD FLR THE AND FOR ROOM UNIT PIN TEL FAX GATE EXIT POLE BUS RUN HOUSE ROW CALL MAP ISO
    AVE RD ST DR LN BOX ZIP BLK BLOCK AREA ZONE WARD DEPT CASE REF SR US CR FM NO"""
_NO_PLATE = frozenset(_NO_PLATE_WORDS.split())
# "plate 7abc123", "license number: BIGDOG", "registration is kl 07 cd 1234", "silver van with tags ABC 123"
_SAID_PLATE = re.compile(
    r"\b(?:(?:licen[cs]e|number|registration|vehicle|car|truck|van)[ -]?)?"
    r"(?:plates?|licen[cs]e|registration|reg|tags?)\b(?:\s?(?:number|no|nr|tag|plate)\b)?\.?"
    r"(?:\s{0,2}(?:is|was|reads?|says|of|[#:=]|number|no)){0,3}\s{0,3}[\"']?"
    r"((?:[A-Z0-9]{1,4}[ -])?(?:[A-Z0-9]{1,4}[ -])?[A-Z0-9]{1,8}(?![\w]))",
    re.IGNORECASE,
)
_BESIDE_A_CAR = re.compile(
    r"\b(?:car|truck|van|suv|sedan|pickup|motorcycle|vehicle|toyota|honda|ford|chevy|chevrolet|nissan|bmw|tesla|jeep)"
    r"\b[^.\n]{0,40}?(?<![\w-])([A-Z]{2,3}[- ]?\d{3,5}|\d{3}[- ]?[A-Z]{3}|\d{2,3}[A-Z]{2,3}\d{1,2})(?![\w-])"
)


def find_plates(text: str) -> Iterator[Span]:
    for match in _PLATES.finditer(text):
        if re.match(r"[A-Z]*", match[0])[0] not in _NO_PLATE:  # type: ignore[index] # it always matches
            yield Span(match.start(), match.end(), "PLATE")
    for match in _SAID_PLATE.finditer(text):
        start, end = match.span(1)
        words = text[start:end].split()
        # With the words of a sentence around it, a plate is what has digits; or capitals, for one's own choice.
        while words and not _like_a_plate(" ".join(words)):
            words.pop()
        if words:
            yield Span(start, start + len(" ".join(words)), "PLATE")
    for match in _BESIDE_A_CAR.finditer(text):
        yield Span(*match.span(1), "PLATE")


def _like_a_plate(text: str) -> bool:
    letters = [char for char in text if char.isalpha()]
    if any(char.isdigit() for char in text):
        return len(text) >= 4 and (
            not letters
            or not any(word.isalpha() and word.islower() and len(word) > 3 for word in text.split())
        )
    return len(text) >= 4 and text.isupper() and " " not in text


# --- Accounts -----------------------------------------------------------------------------------------

_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)", re.IGNORECASE)
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_NATIONAL = re.compile(
    r"(?<![\w-])(?:"
    r"\d{3}-\d{2}-\d{4}"  # United States: social security
    r"|[A-CEGHJ-PR-TW-Z][A-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]"  # United Kingdom: national insurance
    r"|[2-9]\d{3}[ -]\d{4}[ -]\d{4}"  # India: Aadhaar
    r"|[A-Z]{5}\d{4}[A-Z]"  # India: permanent account number
    r")(?![\w-])"
)
_LOGIN = re.compile(r"\b[a-z][a-z0-9+.-]{0,20}://([^\s/?#@]{1,200})@", re.IGNORECASE)


def find_accounts(text: str) -> Iterator[Span]:
    """Find bank accounts and cards with sound check digits, national numbers, and logins in links."""
    yield from (Span(*match.span(1), "ACCOUNT") for match in _LOGIN.finditer(text))
    for pattern, sound in ((_IBAN, _iban_sound), (_CARD, _luhn_sound)):
        for match in pattern.finditer(text):
            if sound(match[0]):
                yield Span(match.start(), match.end(), "ACCOUNT")
    yield from (Span(match.start(), match.end(), "ACCOUNT") for match in _NATIONAL.finditer(text))


def _iban_sound(text: str) -> bool:
    """ISO 13616: the number, rearranged and with letters as numbers, leaves 1 when divided by 97."""
    plain = text.replace(" ", "").upper()
    if not plain.isascii():
        return False
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def _luhn_sound(text: str) -> bool:
    """ISO/IEC 7812: every second digit from the right doubled, the sum is a multiple of ten."""
    digits = [unicodedata.digit(char) for char in reversed(text) if char.isdecimal()]
    doubled: Iterable[int] = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
