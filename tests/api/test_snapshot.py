"""The document is the one that clients were written by, or adds to it."""

from tests.api import snapshot
from tests.api.breaking import breaking_changes


def test_nothing_in_the_document_breaks_a_client():
    breaks = breaking_changes(snapshot.kept(), snapshot.current())
    assert not breaks, f"Clients would break. If they must: `{snapshot.COMMAND} BREAKING=1`.\n" + "\n".join(
        breaks
    )


def test_the_snapshot_is_the_document():
    same = snapshot.kept() == snapshot.current()
    assert same, f"The document was added to: keep it with `{snapshot.COMMAND}`, and read what git shows."
