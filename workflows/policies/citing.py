"""How a step cites a policy: ``<document's id>@<version>``, one text for each. No Django, no database."""

import re
from uuid import UUID

CITATION = re.compile(r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})@([1-9][0-9]{0,8})")


def citation(document: str | UUID, version: int) -> str:
    """The text that cites a version of a document in a step's ``policies``."""
    return f"{document}@{version}"


def cited(text: object) -> tuple[str, int] | None:
    """The document's id and the version that ``text`` cites, or None for what is no citation."""
    match = CITATION.fullmatch(text) if isinstance(text, str) else None
    return (match[1], int(match[2])) if match else None
