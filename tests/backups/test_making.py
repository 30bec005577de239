"""A back-up of the tests' own database: what it has, what is noticed of it, and what is refused."""

import json

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command

from mudda.backups import manifest
from mudda.backups.errors import BackupDamaged, BackupNotFound
from mudda.backups.making import back_up, count_rows
from mudda.backups.places import place_of
from mudda.backups.restoring import check, chosen
from mudda.files.storage import store_document
from tests import factories

# Committed: pg_dump is another session.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("media")]

WORDS = (b"Ann", b"Main St", b"PGDMP", b"%PDF")


@pytest.fixture
def report():
    """A plan, and a file in the storage."""
    factories.load_city()
    factories.make_plan(reporter={"name": "Ann", "email": "ann@example.org"})
    return store_document(
        ContentFile(b"%PDF-words"), key="a:b:0", suffix=".pdf", content_type="application/pdf"
    )


def test_it_has_every_row_and_file_and_nothing_of_it_is_in_the_clear(folder, report, tmp_path):
    made = back_up(folder)
    assert made.rows == count_rows()
    assert made.rows["workflow.workflow_plans"] == 1
    assert made.files == 1
    assert check(folder, made.id) == made
    parts = (manifest.DATABASE, manifest.FILES, manifest.MANIFEST)
    assert folder.names() == sorted(f"{made.id}/{part}" for part in parts)
    for part in parts:
        kept = (tmp_path / "kept" / made.id / part).read_bytes()
        assert not {word for word in WORDS if word in kept}
    without = back_up(folder, files=False)
    assert without.files is None
    assert list(check(folder, without.id).parts) == [manifest.DATABASE]


def test_it_goes_to_a_bucket_as_well(bucket, backup_key, report):
    place = place_of(bucket)
    made = back_up(place)
    assert chosen(place, "latest") == made.id
    assert check(place, made.id).rows == made.rows


def test_whatever_was_changed_of_it_is_noticed_and_what_was_not_finished_is_none(folder, report, tmp_path):
    older, made = back_up(folder), back_up(folder)
    ours, theirs = tmp_path / "kept" / made.id, tmp_path / "kept" / older.id
    for part in (manifest.DATABASE, manifest.FILES, manifest.MANIFEST):
        whole = (ours / part).read_bytes()
        changed = bytearray(whole)
        changed[len(changed) // 2] ^= 1
        # Whoever can write to the place, and has no key, can't pass an older part off as this one's either.
        for wrong in (bytes(changed), whole[:-1], (theirs / part).read_bytes()):
            (ours / part).write_bytes(wrong)
            with pytest.raises(BackupDamaged):
                check(folder, made.id)
        (ours / part).write_bytes(whole)
    assert check(folder, made.id) == made
    (ours / manifest.MANIFEST).unlink()
    assert manifest.finished(folder) == [older.id]
    with pytest.raises(BackupNotFound):
        check(folder, made.id)


def test_the_commands_say_what_they_did_and_why_they_did_not(folder, report, capsys, settings, tmp_path):
    call_command("backup")
    said = capsys.readouterr().out.split()
    call_command("backup", "--list")
    assert capsys.readouterr().out.split() == [said[-1]]
    call_command("restore", "latest", "--check")
    assert "is whole" in capsys.readouterr().out
    call_command("backup", "--json")
    made = json.loads(capsys.readouterr().out)
    assert made["files"] == 1
    before, kept = count_rows(), folder.names()
    with pytest.raises(CommandError, match="database_not_empty"):
        call_command("restore", made["id"])
    assert count_rows() == before
    settings.PG_BIN = str(tmp_path)
    with pytest.raises(CommandError, match="database_tool_failed: pg_dump is not there"):
        call_command("backup")
    assert folder.names() == kept
