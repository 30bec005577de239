"""Errors of back-ups, restores and archives."""

import json
import secrets
from io import BytesIO

from django.db import transaction

from executions import archiving
from mudda.backups import errors, manifest, restoring, tools
from mudda.backups.making import back_up
from mudda.backups.places import Folder
from mudda.backups.sealing import SealingWriter, unsealed
from tests.errors.provoking import provokes
from tests.time.runs import confirm, launch


def place_with_backup(scene):
    """A folder with one back-up of the tests' database."""
    scene.needs("city")
    scene.settings.BACKUP_KEY = secrets.token_urlsafe(50)
    place = Folder(scene.tmp_path / "kept")
    return place, back_up(place, files=False)


@provokes(errors.NoBackupKey)
def sealing_without_a_key(scene):
    scene.settings.BACKUP_KEY = ""
    SealingWriter(BytesIO(), name="a")


@provokes(errors.BackupKeyUnknown)
def opening_with_another_key(scene):
    scene.settings.BACKUP_KEY = secrets.token_urlsafe(50)
    target = BytesIO()
    SealingWriter(target, name="a").finish()
    scene.settings.BACKUP_KEY = secrets.token_urlsafe(50)
    list(unsealed(BytesIO(target.getvalue()), name="a"))


@provokes(errors.BackupDamaged)
def opening_something_else(scene):
    scene.settings.BACKUP_KEY = secrets.token_urlsafe(50)
    list(unsealed(BytesIO(b"x" * 1000), name="a"))


@provokes(errors.BackupNotFound)
def a_backup_that_is_not_there(scene):
    restoring.check(Folder(scene.tmp_path), "yesterday")


@provokes(errors.DatabaseNotEmpty, committed=True)
def restoring_over_something(scene):
    place, made = place_with_backup(scene)
    restoring.restore(place, made.id)


@provokes(errors.BackupOfOtherRelease, committed=True)
def restoring_what_another_release_made(scene):
    place, made = place_with_backup(scene)
    other = manifest.Manifest(**{**vars(made), "release": ["mudda.0001_initial"]})
    manifest.write(place, other)
    assert json.loads((scene.tmp_path / "kept" / made.id / "manifest.json").read_text())
    restoring.restore(place, made.id)


@provokes(errors.DatabaseToolFailed, committed=True)
def a_snapshot_that_is_not_there(scene):
    scene.needs("city")
    with tools.dumping("00000003-0000001B-9") as dump:
        dump.read()


@provokes(archiving.NotArchived)
def bringing_back_a_run_that_is_here(scene):
    scene.needs("city")
    with transaction.atomic():
        archiving.bring_back(launch(confirm()).pk, Folder(scene.tmp_path))
