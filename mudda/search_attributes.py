"""What runs can be found by in Temporal: what is carried out, of which kind, and whose. Never who it is about.

Search attributes are not encrypted, whoever encrypts payloads: only codes and a digest may be among them. At the start
of a Temporal workflow they cost no action; none is ever changed afterwards, which would.
"""

from collections.abc import Mapping
from typing import Final

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

PLAN_DIGEST: Final = "MuddaPlanDigest"
CATEGORY: Final = "MuddaCategory"
DEPARTMENT: Final = "MuddaDepartment"
NAMES: Final = (PLAN_DIGEST, CATEGORY, DEPARTMENT)
"""Each is registered in the namespace as a Keyword."""

AS_KEYWORDS: Final = tuple(word for name in NAMES for word in ("--name", name, "--type", "Keyword"))
"""How the ``temporal`` command is told so: it leaves out, and doesn't say so, what has no type of its own."""


def registering(namespace: str) -> str:
    """The command that makes the namespace know them; it changes nothing where they are known."""
    return f"temporal operator search-attribute create --namespace {namespace} {' '.join(AS_KEYWORDS)}"


def typed(values: Mapping[str, str]) -> TypedSearchAttributes:
    """As the SDK takes them, without those that have no value."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(SearchAttributeKey.for_keyword(name), value)
            for name, value in values.items()
            if value
        ]
    )
