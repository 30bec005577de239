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


def test_the_command_keeps_a_break_only_if_it_is_told_to(monkeypatch, tmp_path, capsys):
    old, new = snapshot.kept(), snapshot.kept()
    del new["paths"]["/workflows/generate"]["post"]
    file = tmp_path / "openapi.json"
    for name, value in {"committed": lambda: old, "current": lambda: new, "FILE": file}.items():
        monkeypatch.setattr(snapshot, name, value)
    assert snapshot.main([]) == 1
    assert "breaks: POST /workflows/generate: the operation is gone." in capsys.readouterr().out
    assert not file.exists()
    assert snapshot.main(["--breaking"]) == 0
    assert snapshot.kept() == new
