"""Where is it? The place in a citizen's own words, found without a map or a network.

Only a hint for staff and for the plan's ``issue.address``: it is text, cut to ``PLACE_LIMIT``, and is never
read as anything else. Finding nothing is normal ("water leak in front of my house"): an empty string.
"""

from __future__ import annotations

import re

from workflows.planning.text import clean

PLACE_LIMIT = 200  # characters
_LOOK_AT = 2_000  # characters of the statement; keeps the search linear and short for hostile text

_STREET = (
    r"(?i:street|st|avenue|ave|av|road|rd|boulevard|blvd|drive|dr|lane|ln|court|ct|place|pl|square|sq|highway|hwy"
    r"|parkway|pkwy|terrace|ter|trail|trl|circle|cir|way|alley|plaza|row|pike|bridge|expressway|freeway|walk)"
)
_END = r"(?![\w'])\.?"
_SIDE = r"(?:\s+(?i:n|s|e|w|ne|nw|se|sw|north|south|east|west)(?![\w'])\.?)?"
_NAME = r"[^\W_][\w'.’-]{0,40}"
_ORDINAL = r"\d{1,3}(?:st|nd|rd|th)"
_CAPITAL = r"(?:[A-Z][\w'’-]{0,40}|" + _ORDINAL + ")"
_FLAT = r"(?:,?\s+(?:apt|apartment|unit|suite|no)\.?\s*#?\w{1,6})?"

# Tried in this order: the more exact a form is, the earlier it is believed.
_NUMBERED = re.compile(
    rf"(?<!\w)(\d{{1,6}}[a-z]?(?:[-/]\d{{1,5}})?\s+(?:{_NAME}\s+){{1,4}}?{_STREET}{_END}{_SIDE}{_FLAT})",
    re.IGNORECASE,
)
_CORNER = re.compile(
    rf"(?i:corner|intersection|junction|crossing)\s+(?:of\s+)?"
    rf"((?:{_NAME}\s+){{1,4}}?(?:and|&|at|/)\s+{_NAME}(?:\s+{_CAPITAL}){{0,2}}(?:\s+{_STREET}{_END})?{_SIDE})"
)
_CROSSED = re.compile(
    rf"(?<!\w)((?:{_CAPITAL}\s+){{1,3}}?(?:{_STREET}{_END}\s+)?(?:and|&|@|/|at)\s+(?:{_CAPITAL}\s+){{1,3}}?{_STREET}{_END}{_SIDE})"
)
_STREET_NAMED = re.compile(
    rf"(?:\b(?:at|on|along|near|by|in|opposite|outside|behind|beside|across\s+from|next\s+to|in\s+front\s+of|between)\s+(?:the\s+)?)"
    rf"((?:{_NAME}\s+){{1,3}}?{_STREET}{_END}{_SIDE})",
    re.IGNORECASE,
)
_LANDMARK = re.compile(
    rf"\b(?:[Aa]t|[Oo]n|[Nn]ear|[Oo]pposite|[Oo]utside|[Bb]ehind|[Bb]eside|[Aa]cross\s+from|[Nn]ext\s+to|[Ii]n\s+front\s+of)\s+"
    rf"((?:the\s+)?{_CAPITAL}(?:\s+(?:of\s+|the\s+)?{_CAPITAL}){{0,4}})"
)
_NUMBER_FIRST = re.compile(
    rf"\b(?:at|near|outside|in\s+front\s+of)\s+(\d{{1,6}}\s+{_CAPITAL}(?:\s+{_CAPITAL}){{0,3}})"
)

_FORMS = (_NUMBERED, _CORNER, _CROSSED, _NUMBER_FIRST, _STREET_NAMED, _LANDMARK)
_NO_PLACE = re.compile(
    r"(?:my|our|your|his|her|their|this|that|a|an|any|every|each|all|some)\s", re.IGNORECASE
)


def find_place(statement: str) -> str:
    """Return the place that ``statement`` names, at most ``PLACE_LIMIT`` characters, or an empty string."""
    text = clean(statement, _LOOK_AT)
    for form in _FORMS:
        for match in form.finditer(text):
            place = match.group(1).strip(" ,;:-")[:PLACE_LIMIT]
            if not _NO_PLACE.match(place):
                return place
    return ""
