"""What migrations of several rooms need: moving tables to a schema, saying whose sandbox a row is of, and making rows
immutable.
"""

from django.db.migrations import AddField, AddIndex, RunSQL
from django.db.models import PROTECT, ForeignKey, Index, Q

RETENTION_ROLE = "mudda_retention"
"""The one database role that the immutability triggers exempt, where a city has made it: retention, archive."""

WIPED_SANDBOX = "mudda.wiped_sandbox"
"""The setting that names, for one transaction, the sandbox whose rows may be deleted (``mudda.sandboxes``)."""


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


def add_sandbox(model: str, said: str = "The sandbox that it belongs to; empty: it is real.") -> AddField:
    """Let the rows of ``model`` belong to a sandbox; those that are there are real. ``said`` is the field's help."""
    sandbox = ForeignKey(
        "mudda.sandbox",
        null=True,
        blank=True,
        editable=False,
        on_delete=PROTECT,
        related_name="+",
        db_index=False,
        help_text=said,
    )
    return AddField(model_name=model, name="sandbox", field=sandbox)


def index_sandbox(model: str, newest: str, name: str) -> AddIndex:
    """Index what sandboxes hold of ``model``, which is little beside what is real, the newest first.

    Args:
        newest: the order, ``-created_at``.
    """
    index = Index(fields=["sandbox", newest], name=name, condition=Q(sandbox__isnull=False))
    return AddIndex(model_name=model, index=index)


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


def let_wiping_through() -> RunSQL:
    """Let the trigger function exempt the deletion of what a sandbox holds, while that one is being wiped.

    Needs no role, and so no more rights than those of the tables' owner. Whoever names a sandbox in the setting can
    delete its rows and no others: whose a row is, the trigger finds out by itself. Nothing can be changed, nor emptied
    by TRUNCATE.
    """
    return RunSQL(
        f"""
        CREATE OR REPLACE FUNCTION public.mudda_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            wiped text := current_setting('{WIPED_SANDBOX}', true);
            sandbox uuid;
        BEGIN
            IF current_user = '{RETENTION_ROLE}' THEN
                RETURN COALESCE(NEW, OLD);
            END IF;
            IF TG_OP = 'DELETE' AND TG_NARGS = 1 AND wiped <> '' THEN
                EXECUTE TG_ARGV[0] INTO sandbox USING OLD;
                IF sandbox::text = wiped THEN
                    RETURN OLD;
                END IF;
            END IF;
            RAISE EXCEPTION '% rows are never changed or deleted', TG_TABLE_NAME
                USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """,
        RunSQL.noop,  # without triggers that name a sandbox it does what it did before
    )


def refuse_changes_but_wiping(table: str, sandbox: str, *, once: str = "") -> list[RunSQL]:
    """Put what ``refuse_changes`` hung on ``table`` anew, so that wiping a sandbox gets through; refuse TRUNCATE too.

    Args:
        sandbox: SQL that selects the sandbox of the row ``($1)``, with every table's schema.
        once: as for ``refuse_changes``.
    """
    name = table.split(".")[-1]
    which = f"WHEN (OLD.{once}) " if once else ""
    row = f"CREATE TRIGGER {name}_immutable BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {which}EXECUTE FUNCTION "
    whole = f"CREATE TRIGGER {name}_kept BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION "
    function = "public.mudda_refuse_change"
    return [
        RunSQL(
            f"DROP TRIGGER {name}_immutable ON {table}; {row} {function}('{sandbox}')",
            f"DROP TRIGGER {name}_immutable ON {table}; {row} {function}()",
        ),
        RunSQL(f"{whole} {function}()", f"DROP TRIGGER {name}_kept ON {table}"),
    ]
