"""What migrations of several rooms need: moving tables to a schema, and making rows immutable."""

from django.db.migrations import RunSQL

RETENTION_ROLE = "mudda_retention"
"""The one database role that the immutability triggers exempt: retention, archive, sandbox wipe."""


def create_schema(name: str) -> RunSQL:
    return RunSQL(f"CREATE SCHEMA IF NOT EXISTS {name}", f"DROP SCHEMA IF EXISTS {name}")


def move_to_schema(name: str, *tables: str) -> list[RunSQL]:
    """Move freshly created tables out of ``public``. Their indexes, sequences and constraints go along.

    Plain ``db_table`` names and a search path over both schemas serve every Django command; quoted
    ``"schema"."table"`` names would not be seen by ``flush``.
    """
    return [
        RunSQL(f"ALTER TABLE {table} SET SCHEMA {name}", f"ALTER TABLE {name}.{table} SET SCHEMA public")
        for table in tables
    ]


def create_refusal() -> RunSQL:
    """The trigger function that ``refuse_changes`` hangs on tables."""
    return RunSQL(
        f"""
        CREATE FUNCTION public.mudda_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF current_user = '{RETENTION_ROLE}' THEN
                RETURN COALESCE(NEW, OLD);
            END IF;
            RAISE EXCEPTION '% rows are never changed or deleted', TG_TABLE_NAME
                USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """,
        "DROP FUNCTION public.mudda_refuse_change()",
    )


def refuse_changes(table: str, *, once: str = "") -> RunSQL:
    """Make the rows of ``table`` immutable, for everyone but the retention role.

    Args:
        once: SQL about a column, ``ended_at IS NOT NULL``: only rows of which this was true before the change.
    """
    which = f"WHEN (OLD.{once}) " if once else ""
    return RunSQL(
        f"CREATE TRIGGER {table.split('.')[-1]}_immutable BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW {which}EXECUTE FUNCTION public.mudda_refuse_change()",
        f"DROP TRIGGER {table.split('.')[-1]}_immutable ON {table}",
    )
