"""PostgreSQL: whether it is reached, lets us in, is what we need, and has room for us."""

import re
import socket
import struct
from collections.abc import Iterator
from typing import Final

import psycopg
from cryptography.x509 import Certificate
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.db.migrations.executor import MigrationExecutor

from mudda import listening
from mudda.doctor import tls
from mudda.doctor.registry import Fault, Finding, counted, error, fine, register, warning

SCHEMAS: Final = ["public", "workflow"]

BLOCKED_SECONDS: Final = 5.0
"""A statement that waits for a lock for longer than this is in trouble."""

HEARD_SECONDS: Final = 3.0
"""How long a notification may take."""

PROBE: Final = "mudda_doctor"
"""A channel of NOTIFY of our own."""

TLS_REQUEST: Final = struct.pack("!ii", 8, 80877103)
"""SSLRequest of PostgreSQL's protocol."""

UNREACHABLE = error(
    "database_unreachable",
    "Compare host and port of DATABASE_URL with the server's; try it from here (psql); look at the network policy, "
    "the firewall and the provider's console. docs/runbooks/database-away.md.",
)
CREDENTIALS = error(
    "database_credentials",
    "Compare user and password of DATABASE_URL with the server's (special characters are percent-encoded), and "
    "pg_hba.conf; after a change of the Secret restart every process.",
)
UNKNOWN = error(
    "database_unknown",
    "Compare the name at the end of DATABASE_URL; where it is right: CREATE DATABASE, then `manage.py migrate`.",
)
FULL = error(
    "database_full",
    "Every connection is taken: lower DATABASE_POOL_MAX or the number of processes, raise max_connections or the "
    "role's CONNECTION LIMIT, or put a pooler in front. docs/runbooks/pool-exhausted.md.",
)
TLS_FAILED = error(
    "database_tls_failed",
    "Give the authority's certificate (`sslrootcert` in DATABASE_URL), the host by the name in the server's "
    "certificate, and an `sslmode` that the server can do.",
)
TOO_OLD = error("database_too_old", "Upgrade the server.")
PLAIN = warning(
    "database_plain",
    "Put `?sslmode=verify-full&sslrootcert=/path/ca.pem` at the end of DATABASE_URL.",
)
UNVERIFIED = warning(
    "database_unverified",
    "Whoever is in between can say to be the server: `sslmode=verify-full` and `sslrootcert` in DATABASE_URL.",
)
NO_SCHEMA = error(
    "schema_missing",
    "Run `manage.py migrate`, as a role that may create schemas (or create it for this one).",
)
FORBIDDEN = error(
    "schema_forbidden", "GRANT USAGE ON SCHEMA ... and the tables in it to the role of DATABASE_URL."
)
PATH_IGNORED = error(
    "search_path_ignored",
    "A pooler drops start-up options: ALTER DATABASE ... SET search_path = public, workflow says the same.",
)
UNMIGRATED = error("migrations_missing", "Run `manage.py migrate` (the Job `migrate`) before anything else.")
AHEAD = warning(
    "migrations_unknown",
    "The database is ahead of this program, as after a roll-back or while a release rolls out. Deploy the release that "
    "has them.",
)
STARVED = error(
    "database_pool_starved",
    "A connection by itself is had and one of the pool is not: connections run out. DATABASE_POOL_MAX times the "
    "number of processes has to fit into max_connections. docs/runbooks/pool-exhausted.md.",
)
FEW = warning(
    "database_connections_few",
    "This process may want more connections than are left: lower DATABASE_POOL_MAX, or raise max_connections.",
)
BLOCKED = error(
    "database_blocked",
    "See who it is: SELECT * FROM pg_stat_activity WHERE pid = ...; a forgotten transaction is ended by "
    "SELECT pg_terminate_backend(...). docs/runbooks/api-slow.md.",
)
DEAF = error(
    "database_deaf",
    "DATABASE_LISTEN_URL has to lead to the same database without a pooler in between. Meanwhile streams of events "
    "and the dispatcher notice news only when they look by themselves.",
)

REFUSALS: Final = (
    (re.compile(r"too many (clients|connections)|remaining connection slots"), FULL),
    (re.compile(r"authentication failed|no password supplied|no pg_hba\.conf|role .* does not exist"), CREDENTIALS),
    (re.compile(r"database .* does not exist"), UNKNOWN),
    (re.compile(r"SSL|TLS|certificate", re.IGNORECASE), TLS_FAILED),
)  # fmt: skip
"""libpq gives no code for a connection that was refused, only words."""


def look() -> Iterator[Finding]:
    """Connect as the settings say, outside the pool, and look around."""
    given = listening.direct_parameters()
    try:
        connection = psycopg.connect(**given, autocommit=True)
    except psycopg.Error as problem:
        yield refusal(problem).found(
            _one_line(problem), host=given.get("host", ""), name=given.get("dbname", "")
        )
        return
    with connection:
        if not _is_young_enough(connection):
            yield TOO_OLD.found(f"PostgreSQL {_version(connection)} is older than Django can use.")
            return
        yield _server(connection)
        yield from _encryption(connection, str(given.get("sslmode", "")))
        yield from _schemas(connection)
        yield from _connections(connection)
        yield from _locks(connection)
        yield _hears(connection)
        yield from _migrations()


def refusal(problem: psycopg.Error) -> Fault:
    """What it means that a connection could not be made."""
    said = str(problem)
    return next((fault for pattern, fault in REFUSALS if pattern.search(said)), UNREACHABLE)


def _one_line(problem: Exception) -> str:
    return " ".join(str(problem).split())


def _version(connection: psycopg.Connection) -> str:
    return connection.info.parameter_status("server_version") or ""


def _is_young_enough(connection: psycopg.Connection) -> bool:
    least = connections["default"].features.minimum_database_version or (0,)
    return connection.info.server_version // 10_000 >= least[0]


def _server(connection: psycopg.Connection) -> Finding:
    about, version = connection.info, _version(connection)
    return fine(
        f"PostgreSQL {version} at {about.host}:{about.port}, database {about.dbname}.",
        host=about.host,
        port=about.port,
        name=about.dbname,
        user=about.user,
        version=version,
    )


def _encryption(connection: psycopg.Connection, mode: str) -> Iterator[Finding]:
    host, port = connection.info.host, connection.info.port
    if tls.is_here(host):
        return
    if not connection.pgconn.ssl_in_use:
        yield PLAIN.found(f"What is said to {host} goes over the network in the clear.", host=host)
        return
    if mode not in {"verify-full", "verify-ca"}:
        yield UNVERIFIED.found(
            f"Encrypted, but the certificate of {host} is not verified.", sslmode=mode or "prefer"
        )
    try:
        certificate = _certificate(host, port)
    except OSError as problem:
        yield TLS_FAILED.found(f"The certificate of {host} cannot be read: {problem}.", host=host)
        return
    if certificate is not None:
        yield tls.dated(certificate, name="The database's certificate")


def _certificate(host: str, port: int) -> Certificate | None:
    connected = socket.create_connection((host, port), timeout=5)
    connected.sendall(TLS_REQUEST)
    if connected.recv(1) != b"S":
        connected.close()
        raise OSError("the server offers no TLS")
    return tls.shown_by(connected, host)


def _schemas(connection: psycopg.Connection) -> Iterator[Finding]:
    rows = connection.execute(
        """
        SELECT name, to_regnamespace(name) IS NOT NULL,
            coalesce(has_schema_privilege(to_regnamespace(name)::oid, 'USAGE'), false)
        FROM unnest(%s::text[]) AS name
        """,
        [SCHEMAS],
    ).fetchall()
    missing = [name for name, there, _ in rows if not there]
    forbidden = [name for name, there, usable in rows if there and not usable]
    if missing:
        yield NO_SCHEMA.found(f"There is no schema {', '.join(missing)}.", schemas=missing)
    if forbidden:
        yield FORBIDDEN.found(f"The role may not use the schema {', '.join(forbidden)}.", schemas=forbidden)
    if missing or forbidden:
        return
    [path] = connection.execute("SELECT current_schemas(false)::text[]").fetchone() or [[]]
    if set(SCHEMAS) <= set(path):
        yield fine(f"Tables are looked for in {', '.join(path)}.", search_path=path)
    else:
        yield PATH_IGNORED.found(f"Tables are looked for in {', '.join(path)} only.", search_path=path)


def _connections(connection: psycopg.Connection) -> Iterator[Finding]:
    [most, used] = connection.execute(
        """
        SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
            (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend')
        """
    ).fetchone() or [0, 0]
    pool = settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]
    facts = {"most": most, "used": used, "pool_max": pool}
    says = f"{used} of {most} connections are used; each process may have {pool}."
    yield FEW.found(says, **facts) if pool > most - used else fine(says, **facts)


def _locks(connection: psycopg.Connection) -> Iterator[Finding]:
    found = connection.execute(
        """
        SELECT count(*) OVER (), pg_blocking_pids(pid), round(extract(epoch FROM clock_timestamp() - query_start))::int
        FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND datname = current_database()
            AND clock_timestamp() - query_start > make_interval(secs => %s)
        ORDER BY query_start LIMIT 1
        """,
        [BLOCKED_SECONDS],
    ).fetchone()
    if found is not None:
        count, blockers, seconds = found
        yield BLOCKED.found(
            f"{counted(count, 'statement')} waiting for a lock, the first for {seconds} s; "
            f"held by process {', '.join(map(str, blockers))}.",
            waiting=count,
            held_by=blockers,
            seconds=seconds,
        )


def _hears(connection: psycopg.Connection) -> Finding:
    """Whether a notification sent over the one connection is heard over the other."""
    way = "DATABASE_LISTEN_URL" if settings.DATABASE_LISTEN_URL else "DATABASE_URL"
    try:
        with listening.connect(PROBE) as listener:
            connection.execute("SELECT pg_notify(%s, '')", [PROBE])
            heard = any(True for _ in listener.notifies(timeout=HEARD_SECONDS, stop_after=1))
    except psycopg.Error as problem:
        return DEAF.found(f"Nobody can listen through {way}: {_one_line(problem)}", way=way)
    if not heard:
        return DEAF.found(f"A notification was not heard through {way} within {HEARD_SECONDS:g} s.", way=way)
    return fine(f"Notifications are heard through {way}.", way=way)


def _migrations() -> Iterator[Finding]:
    """Over a connection of the pool, as everything else here works."""
    try:
        executor = MigrationExecutor(connections["default"])
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseError, InterfaceError) as problem:
        yield STARVED.found(f"The pool gives no connection: {_one_line(problem)}")
        return
    loader = executor.loader
    ours = {key for key in loader.applied_migrations if key[0] in loader.migrated_apps}
    unknown = sorted(ours - set(loader.disk_migrations))
    if waiting:
        names = [f"{migration.app_label}.{migration.name}" for migration, _ in waiting]
        yield UNMIGRATED.found(
            f"{counted(len(names), 'migration')} missing, first {names[0]}.", missing=names
        )
    if unknown:
        names = [".".join(key) for key in unknown]
        yield AHEAD.found(
            f"The database has {counted(len(names), 'migration')} that this program has not: {names[-1]}.",
            unknown=names,
        )
    if not waiting and not unknown:
        yield fine(f"All {len(ours)} migrations are there.", migrations=len(ours))


register(
    "database", look, words="PostgreSQL: reach, version, TLS, schemas, migrations, pool, locks, notifications"
)
