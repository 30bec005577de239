"""What a step may read of others, in words, for a person to pick from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from workflows.console.changing import before, id_of
from workflows.plan.activity import ISSUE_FIELDS, ROLE_FIELDS, output_schema
from workflows.plan.catalogue import offered
from workflows.plan.changewords import titles_of
from workflows.plan.references import BadReference, Reference, whole
from workflows.plan.validation import required_data
from workflows.plan.wording import describe

NEAREST = 30
"""Steps before one whose outputs are offered, those that stand nearest. One further back is referred to in the text."""
REPORTER, DEPARTMENT = "{{ issue.reporter }}", "{{ issue.department }}"
"""The roles that an issue has, as a plan writes them."""

Groups = list[tuple[str, list[tuple[str, str]]]]
"""Headings, each with (value, words), as a select with groups has them."""


@dataclass(frozen=True)
class Offer:
    """One value that is known only when the plan runs: ``text`` is the reference as it stands in a plan."""

    group: str
    text: str
    words: str
    schema: Mapping[str, Any]


def offers_for(document: Any, needs: list[str]) -> list[Offer]:
    """The references that a step with these ``needs`` may make: of the issue, of the steps before it, of the launch."""
    titles = titles_of(document)
    found = [
        _offer(_("The issue"), ("issue", name), titles, schema)
        for name, schema in ISSUE_FIELDS.items()
        if name not in ROLE_FIELDS
    ]
    for step in before(document, needs)[-NEAREST:]:
        for name, schema in _outputs(step).items():
            found.append(
                _offer(titles.get(id_of(step), id_of(step)), ("steps", id_of(step), name), titles, schema)
            )
    found += [_offer(_("The launch"), ("data", key), titles, {}) for key in required_data(document)]
    return found


def _outputs(step: Mapping[str, Any]) -> dict[str, Any]:
    activity_id, inputs = step.get("activity_id"), step.get("inputs")
    spec = offered().get(activity_id) if isinstance(activity_id, str) else None
    if spec is None:
        return {}
    properties = output_schema(spec, inputs if isinstance(inputs, dict) else {}).get("properties")
    return properties if isinstance(properties, dict) else {}


def _offer(group: str, path: tuple[str, ...], titles: Mapping[str, str], schema: Any) -> Offer:
    reference = Reference(path)
    return Offer(
        group,
        f"{{{{ {reference} }}}}",
        describe(reference, titles),
        schema if isinstance(schema, dict) else {},
    )


def grouped(offers: list[Offer]) -> Groups:
    """For a select; a long list of steps stays findable by its headings."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for offer in offers:
        groups.setdefault(offer.group, []).append((offer.text, _capital(offer.words)))
    return list(groups.items())


def as_written(value: Any) -> str:
    """The reference that a value is, as ``Offer.text`` writes it; "" for any other value."""
    try:
        found = whole(value) if isinstance(value, str) else None
    except BadReference:
        return ""
    return f"{{{{ {found} }}}}" if found is not None else ""


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


__all__ = ["DEPARTMENT", "REPORTER", "Groups", "Offer", "as_written", "grouped", "offers_for"]
