"""Personal data leaves a text before the text leaves for a model, and comes back into what the model wrote.

A value becomes a placeholder such as ``[PHONE_1]``. One ``Masker`` serves one draft: the same value has the same
placeholder in all of its texts. Names are known from the record or from how people introduce themselves; the
other kinds have a form of their own. What is taken for personal data and is none does no harm: it comes back.

A text may hold ``[NAME_1]`` already, by chance or to fish for a name. Such a text within a text is itself masked
(``[TEXT_1]``), so a placeholder in what goes to the model is always one of ours, and only ours are put back.

No Django in here: the drafting workflow's activities and the commands use it alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain
from typing import Any, Literal, get_args

from workflows.planning.names import NameFinder
from workflows.planning.personal import (
    RecordValue,
    Span,
    find_accounts,
    find_emails,
    find_phones,
    find_plates,
    record_value,
)

Kind = Literal["names", "phones", "emails", "plates", "accounts"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What can be masked. ``accounts`` are bank accounts, cards, national numbers, and logins in links."""

LABELS: dict[Kind, str] = {
    "names": "NAME", "phones": "PHONE", "emails": "EMAIL", "plates": "PLATE", "accounts": "ACCOUNT",
}  # fmt: skip
_LITERAL = "TEXT"
_PLACEHOLDER = re.compile(rf"\[(?:{'|'.join((*LABELS.values(), _LITERAL))})_[0-9]{{1,6}}\]", re.IGNORECASE)

STRUCTURE = frozenset(
    {
        "schema_version", "step_id", "activity_id", "needs", "when", "policies", "timeout", "retry", "due",
        "on_failure", "escalate", "escalate_to", "remind", "then", "group", "four_eyes",
        "to", "from", "department", "channel", "status", "urgency", "language", "type", "cost_limit", "hours",
        "at", "for", "reservation_id", "count", "visible",
    }
)  # fmt: skip
"""The members of a plan that are no words for people, above all recipients: a placeholder there stays one."""

_BRACES = str.maketrans("{}", "()")


class Masker:
    """Masks the texts of one draft.

    Args:
        private: Values of the record that are personal whatever they look like: the reporter's name, e-mail
            address and telephone number. Empty ones are passed over.
        kinds: What is masked, of ``KINDS``; the record's values too are left alone where their kind is not.
        region: The country (ISO 3166, ``US``) in which a telephone number without a country code is dialled.

    Raises:
        ValueError: an unknown kind.
    """

    def __init__(
        self, private: Iterable[str] = (), *, kinds: Iterable[str] = KINDS, region: str = "US"
    ) -> None:
        self._kinds = frozenset(kinds)
        unknown = self._kinds - set(KINDS)
        if unknown:
            raise ValueError(f"cannot mask {', '.join(sorted(unknown))}; only {', '.join(KINDS)}")
        self._region = region
        self._records: list[RecordValue] = []
        self._names = NameFinder()
        for value in private:
            self._know(value)
        self._placeholder_of: dict[tuple[str, str], str] = {}
        self._value_of: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._written: set[str] = set()

    def mask(self, text: str) -> str:
        """Return ``text`` with placeholders; a text that this masker wrote comes back as it is.

        Meant for words as people wrote them. What the model answered is masked already.
        """
        if text in self._written:
            return text
        taken = [False] * len(text)
        found: list[Span] = []
        for span in chain.from_iterable(self._spans(text)):
            found += _claim(text, span, taken)
        pieces, position = [], 0
        for span in sorted(found):
            pieces += [
                text[position : span.start],
                self._placeholder(span.label, text[span.start : span.end]),
            ]
            position = span.end
        masked = "".join((*pieces, text[position:]))
        self._written.add(masked)
        return masked

    def unmask(self, text: str) -> str:
        """Put back every value that this masker took out. Placeholders it never wrote stay as they are."""
        return _PLACEHOLDER.sub(lambda match: self._value_of.get(match[0].upper(), match[0]), text)

    def unmask_json(self, value: Any) -> Any:
        """Put values back into the words of a plan (or any JSON value); the argument is not changed.

        Only where people read: not in names of members, and not in ``STRUCTURE``, so that no model can make a
        recipient, a department or a group of somebody's address. Braces in a value become parentheses, because
        a reporter who calls himself ``{{ issue.statement }}`` must not write a reference into a plan.
        """
        if isinstance(value, str):
            return _PLACEHOLDER.sub(self._harmless, value)
        if isinstance(value, list):
            return [self.unmask_json(item) for item in value]
        if isinstance(value, dict):
            return {
                key: item if key in STRUCTURE and not _is_question(key, item) else self.unmask_json(item)
                for key, item in value.items()
            }
        return value

    def _harmless(self, match: re.Match[str]) -> str:
        return self._value_of.get(match[0].upper(), match[0]).translate(_BRACES)

    def _know(self, value: str) -> None:
        record = record_value(value)
        if record is None:
            return
        if record.kind == "names":
            if "names" in self._kinds:
                self._names.know(value)
        elif record.kind in self._kinds:
            self._records.append(record)

    def _spans(self, text: str) -> Iterable[Iterable[Span]]:
        """All that is found, what is surest first: an earlier finding keeps its characters."""
        yield (Span(match.start(), match.end(), _LITERAL) for match in _PLACEHOLDER.finditer(text))
        for record in self._records:
            yield record.find(text)
        if "accounts" in self._kinds:
            yield find_accounts(text)
        if "emails" in self._kinds:
            yield find_emails(text)
        if "names" in self._kinds:
            yield self._names.find_known(text)
        if "plates" in self._kinds:
            yield find_plates(text)
        if "phones" in self._kinds:
            yield find_phones(text, self._region)
        if "names" in self._kinds:
            yield self._names.find_introduced(text)

    def _placeholder(self, label: str, value: str) -> str:
        known = self._placeholder_of.get((label, value))
        if known is None:
            self._numbers[label] = number = self._numbers.get(label, 0) + 1
            known = f"[{label}_{number}]"
            self._placeholder_of[label, value] = known
            self._value_of[known] = value
        return known


def _is_question(key: str, item: object) -> bool:
    """A question may have any name, ``status`` too: ``{"status": {"ask": ...}}``."""
    return isinstance(item, dict) and "ask" in item


def _claim(text: str, span: Span, taken: list[bool]) -> list[Span]:
    """Return the parts of ``span`` that nothing has taken and that hold a letter or digit; take them."""
    parts: list[Span] = []
    start = span.start
    while start < span.end:
        if taken[start]:
            start += 1
            continue
        end = start
        while end < span.end and not taken[end]:
            taken[end] = True
            end += 1
        if span.start == start and span.end == end or any(char.isalnum() for char in text[start:end]):
            parts.append(Span(start, end, span.label))
        start = end
    return parts
