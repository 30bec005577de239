"""What can go wrong with a back-up, for whoever runs the command."""

from mudda.errors import Conflict, MuddaError, Unprocessable


class NoBackupKey(MuddaError):
    code = "no_backup_key"
    title = "BACKUP_KEY is not set: back-ups are never written in the clear."


class BackupKeyUnknown(Unprocessable):
    code = "backup_key_unknown"
    title = "None of BACKUP_KEY and BACKUP_KEY_FALLBACKS is the key that this was encrypted with."


class BackupDamaged(Unprocessable):
    """It was cut short, changed, or isn't what it says it is. Nothing has been restored from it."""

    code = "backup_damaged"
    title = "The back-up is not what was written."


class BackupNotFound(MuddaError):
    code = "backup_not_found"
    status = 404
    title = "There is no such back-up, or it was never finished."


class BackupOfOtherRelease(Conflict):
    code = "backup_of_other_release"
    title = "The back-up was made by another release: restore it with that one, then migrate."


class DatabaseNotEmpty(Conflict):
    code = "database_not_empty"
    title = "The database has tables already: restore into an empty one."


class DatabaseToolFailed(MuddaError):
    """pg_dump or pg_restore is missing, or has failed."""

    code = "database_tool_failed"
    status = 500
    title = "pg_dump or pg_restore has failed."
