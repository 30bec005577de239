"""For each fault that the doctor names, how to bring it about on a real site; gives the variables of the process that
looks at it."""

import asyncio
import contextlib
import secrets
import ssl
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import trustme
from aiosmtpd.smtp import SMTP, AuthResult
from temporalio.api.workflowservice.v1 import ListWorkersRequest
from temporalio.client import Client

from executions.doctor.worker import LATE
from mudda.devstack.processes import Child, worker_command
from tests.doctor.fronts import ELSEWHERE, Front, answering, nobody, silent
from tests.doctor.lonely import BUSY, Lonely
from tests.faults.city import City, letter, until
from tests.temporal.test_tls import TlsFront

Variables = dict[str, str]
Provoke = Callable[["Scene"], contextlib.AbstractContextManager[Variables]]

PROVOCATIONS: list[tuple[set[str], str, Provoke]] = []
"""The faults' codes, the check that finds them, and how they are brought about. Some faults have several causes."""


class Scene:
    """The site, a folder of the test's own, the address of a server with models, and another Temporal."""

    def __init__(self, city: City, folder: Path, models: str, lonely: Lonely) -> None:
        self.city, self.site, self.folder, self.models, self.lonely = city, city.site, folder, models, lonely

    @property
    def url(self) -> str:
        return self.site.postgres.url()

    def as_clerk(self) -> Variables:
        return {"DATABASE_URL": self.url.replace("postgres@", "clerk:wrong@")}

    def through(self, front: Front, *options: str) -> Variables:
        """The database's address by way of ``front``."""
        more = f"?{'&'.join(options)}" if options else ""
        return {"DATABASE_URL": f"postgresql://postgres@{front.host}:{front.port}/mudda{more}"}

    @property
    def socket(self) -> str:
        """The path of PostgreSQL's socket."""
        return f"{self.url.partition('host=')[2]}/.s.PGSQL.5432"

    def execute(self, *statements: str, database: str = "mudda") -> None:
        with psycopg.connect(self.site.postgres.url(database), autocommit=True) as connection:
            connection.execute("SET search_path = public, workflow")
            for statement in statements:
                connection.execute(statement)

    def swept(self) -> None:
        """Wait until the site's worker has swept since it was last started."""
        self.execute("UPDATE last_looks SET at = '2000-01-01'")
        until(lambda: self.city.rows("SELECT 1 FROM last_looks WHERE at > '2001-01-01'"))

    def pem(self, name: str, content: trustme.Blob) -> str:
        path = self.folder / name
        content.write_to_path(path)
        return str(path)


def provokes(*codes: str, check: str) -> Callable[[Callable[[Scene], Iterator[Variables]]], Provoke]:
    def register(function: Callable[[Scene], Iterator[Variables]]) -> Provoke:
        provoke = contextlib.contextmanager(function)
        PROVOCATIONS.append((set(codes), check, provoke))
        return provoke

    return register


# --- the database -----------------------------------------------------------------------------------


@provokes("database_unreachable", check="database")
def postgresql_is_stopped(scene):
    scene.site.postgres.stop()
    yield {}


@provokes("database_unreachable", check="database")
def nobody_listens_on_the_port(scene):
    with nobody() as port:
        yield {"DATABASE_URL": f"postgresql://postgres@127.0.0.1:{port}/mudda"}


@contextlib.contextmanager
def clerk(scene: Scene, limit: int = -1) -> Iterator[None]:
    """A role that may connect, and nothing else."""
    scene.execute(f"CREATE ROLE clerk LOGIN PASSWORD 'right' CONNECTION LIMIT {limit}")
    try:
        yield
    finally:
        scene.execute("DROP ROLE clerk")


@provokes("database_credentials", check="database")
def the_role_is_not_there(scene):
    yield scene.as_clerk()


@provokes("database_credentials", check="database")
def the_password_is_wrong(scene):
    rules = scene.site.postgres.data / "pg_hba.conf"
    before = rules.read_text()
    with clerk(scene):
        rules.write_text(f"local all clerk scram-sha-256\n{before}")
        scene.execute("SELECT pg_reload_conf()")
        try:
            until(lambda: is_refused(scene.as_clerk()["DATABASE_URL"]))
            yield scene.as_clerk()
        finally:
            rules.write_text(before)
            scene.execute("SELECT pg_reload_conf()")


def is_refused(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return True
    return False


@provokes("database_unknown", check="database")
def the_database_is_not_there(scene):
    yield {"DATABASE_URL": scene.site.postgres.url("nowhere")}


@provokes("database_full", check="database")
def the_roles_connections_are_all_taken(scene):
    with clerk(scene, limit=1), psycopg.connect(scene.as_clerk()["DATABASE_URL"]):
        yield scene.as_clerk()


@provokes("database_pool_starved", check="database")
def one_connection_is_left_and_the_pool_needs_another(scene):
    with clerk(scene, limit=1):
        yield scene.as_clerk()


@provokes("database_connections_few", check="database")
def the_pool_may_be_larger_than_what_is_left(scene):
    yield {"DATABASE_POOL_MAX": "500"}


def certificate(scene: Scene, days: float = 365, host: str = ELSEWHERE) -> tuple[str, ssl.SSLContext]:
    """The file of an authority, and what a server that it has certified ends TLS with."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = authority.issue_cert(host, not_after=datetime.now(UTC) + timedelta(days=days))
    issued.configure_cert(context)
    return scene.pem(f"ca-{uuid.uuid4().hex}.pem", authority.cert_pem), context


@provokes("database_tls_failed", check="database")
def the_authority_is_another(scene):
    _, context = certificate(scene)
    other, _ = certificate(scene)
    with Front(scene.socket, host=ELSEWHERE, tls=context) as front:
        yield scene.through(front, "sslmode=verify-full", f"sslrootcert={other}")


@provokes("database_tls_failed", check="database")
def the_server_has_no_tls(scene):
    with Front(scene.socket, host=ELSEWHERE) as front:
        yield scene.through(front, "sslmode=require")


@provokes("database_plain", check="database")
def the_database_is_elsewhere_and_spoken_to_in_the_clear(scene):
    with Front(scene.socket, host=ELSEWHERE) as front:
        yield scene.through(front)


@provokes("database_unverified", check="database")
def nobody_looks_at_the_databases_certificate(scene):
    _, context = certificate(scene)
    with Front(scene.socket, host=ELSEWHERE, tls=context) as front:
        yield scene.through(front, "sslmode=require")


@provokes("certificate_expires", check="database")
def the_databases_certificate_is_good_for_five_days(scene):
    authority, context = certificate(scene, days=5)
    with Front(scene.socket, host=ELSEWHERE, tls=context) as front:
        yield scene.through(front, "sslmode=verify-full", f"sslrootcert={authority}")


@provokes("database_too_old", check="database")
def the_server_says_to_be_postgresql_13(scene):
    with psycopg.connect(scene.url) as connection:
        version = connection.info.parameter_status("server_version").encode()
    told = {b"server_version\0" + version + b"\0": b"server_version\0" + b"13" + version[2:] + b"\0"}
    with Front(scene.socket, answered=told) as front:
        yield scene.through(front)


@contextlib.contextmanager
def fresh(scene: Scene, *statements: str) -> Iterator[str]:
    """The address of a database of its own in which nothing was made but by ``statements``."""
    scene.execute("CREATE DATABASE fresh", database="postgres")
    try:
        scene.execute(*statements, database="fresh")
        yield scene.site.postgres.url("fresh")
    finally:
        scene.execute("DROP DATABASE fresh WITH (FORCE)", database="postgres")


@provokes("schema_missing", check="database")
def the_database_is_empty(scene):
    with fresh(scene) as url:
        yield {"DATABASE_URL": url}


@provokes("migrations_missing", check="database")
def the_database_was_not_migrated(scene):
    with fresh(scene, "CREATE SCHEMA workflow") as url:
        yield {"DATABASE_URL": url}


@provokes("schema_forbidden", check="database")
def the_role_may_not_use_the_schema(scene):
    with clerk(scene), fresh(scene, "CREATE SCHEMA workflow") as url:
        yield {"DATABASE_URL": url.replace("postgres@", "clerk@")}


@provokes("search_path_ignored", check="database")
def a_pooler_changes_what_a_connection_starts_with(scene):
    asked = {b"search_path=public,workflow": b"search_path=public,somewher"}
    with Front(scene.socket, asked=asked) as front:
        yield scene.through(front)


@provokes("migrations_unknown", check="database")
def a_later_release_was_here(scene):
    scene.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('mudda', '9999_later', now())")
    try:
        yield {}
    finally:
        scene.execute("DELETE FROM django_migrations WHERE name = '9999_later'")


@provokes("database_blocked", check="database")
def a_forgotten_transaction_holds_a_table(scene):
    with scene.city.database() as cursor:
        cursor.execute("LOCK TABLE issues_category IN ACCESS EXCLUSIVE MODE")
        waiter = threading.Thread(target=select, args=(scene,))
        waiter.start()
        until(lambda: waits_long(scene))
        yield {}
    waiter.join()


def select(scene: Scene) -> None:
    scene.execute("SELECT count(*) FROM issues_category")


def waits_long(scene: Scene) -> bool:
    return bool(
        scene.city.rows(
            "SELECT 1 FROM pg_stat_activity "
            "WHERE wait_event_type = 'Lock' AND clock_timestamp() - query_start > interval '6 seconds'"
        )
    )


@provokes("database_deaf", check="database")
def the_address_to_listen_on_leads_to_another_database(scene):
    with fresh(scene) as url:
        yield {"DATABASE_LISTEN_URL": url}


# --- Temporal ---------------------------------------------------------------------------------------


@provokes("temporal_unreachable", check="temporal")
def temporal_is_stopped(scene):
    scene.site.temporal.stop()
    yield {}


@provokes("temporal_refused", check="temporal")
def temporal_wants_a_certificate(scene):
    authority = trustme.CA()
    trusted = scene.pem("temporal-ca.pem", authority.cert_pem)
    with TlsFront(authority, scene.site.temporal.address) as front:
        yield {"TEMPORAL_HOST": f"127.0.0.1:{front.port}", "TEMPORAL_TLS_SERVER_CA": trusted}


@provokes("temporal_refused", check="temporal")
def temporal_has_no_tls(scene):
    yield {"TEMPORAL_TLS": "true"}


@provokes("temporal_namespace_missing", check="temporal")
def the_namespace_is_not_there(scene):
    yield {"TEMPORAL_NAMESPACE": "elsewhere"}


@provokes("temporal_plain", check="temporal")
def temporal_is_elsewhere_and_spoken_to_in_the_clear(scene):
    with Front(("127.0.0.1", scene.site.temporal.port), host=ELSEWHERE) as front:
        yield {"TEMPORAL_HOST": f"{front.host}:{front.port}"}


@provokes("search_attribute_missing", check="temporal")
def a_citys_app_wants_an_attribute_that_the_namespace_lacks(scene):
    yield {"CITY_APPS": "tests.doctor.town.apps.TownConfig"}


def client_certificate(scene: Scene, days: float = 365) -> tuple[trustme.CA, Variables]:
    authority = trustme.CA()
    issued = authority.issue_cert("worker.example.org", not_after=datetime.now(UTC) + timedelta(days=days))
    return authority, {
        "TEMPORAL_TLS_CERT": scene.pem("client.pem", issued.cert_chain_pems[0]),
        "TEMPORAL_TLS_KEY": scene.pem("client-key.pem", issued.private_key_pem),
    }


@provokes("certificate_expires", check="temporal")
def the_client_certificate_is_good_for_five_days(scene):
    authority, variables = client_certificate(scene, days=5)
    with TlsFront(authority, scene.site.temporal.address) as front:
        address = {"TEMPORAL_HOST": f"127.0.0.1:{front.port}"}
        yield {**variables, **address, "TEMPORAL_TLS_SERVER_CA": scene.pem("ca.pem", authority.cert_pem)}


@provokes("certificate_expired", check="temporal")
def the_client_certificate_has_expired(scene):
    yield client_certificate(scene, days=-1)[1]


@provokes("certificate_unreadable", check="temporal")
def the_certificate_is_no_certificate(scene):
    _, variables = client_certificate(scene)
    Path(variables["TEMPORAL_TLS_CERT"]).write_text("none\n")
    yield variables


@provokes("certificate_key_mismatch", check="temporal")
def the_key_is_another_certificates(scene):
    _, variables = client_certificate(scene)
    other = trustme.CA().issue_cert("worker.example.org")
    yield {**variables, "TEMPORAL_TLS_KEY": scene.pem("other-key.pem", other.private_key_pem)}


# --- workers, runs, messages ------------------------------------------------------------------------


@provokes("worker_absent", check="worker")
def no_worker_was_ever_there(scene):
    yield {"TEMPORAL_HOST": scene.lonely.address}


async def listed_workers(scene: Scene) -> int:
    """How many workers Temporal says that it has: none after its restart, until they have told it again."""
    client = await Client.connect(scene.site.temporal.address)
    request = ListWorkersRequest(namespace=client.namespace, page_size=100)
    return len((await client.workflow_service.list_workers(request)).workers)


@provokes("task_queue_mismatch", check="worker")
def workers_poll_another_queue(scene):
    scene.site.wait()
    until(lambda: asyncio.run(listed_workers(scene)), 150)  # a worker says each minute that it is there
    yield {"TEMPORAL_TASK_QUEUE": "mudda-ai-workflow"}


@provokes("workers_busy", "queue_growing", check="worker")
def no_worker_has_a_free_slot(scene):
    scene.swept()
    until(lambda: scene.lonely.waited() > LATE)
    yield {"TEMPORAL_HOST": scene.lonely.address, "TEMPORAL_NAMESPACE": BUSY}


@provokes("build_not_current", check="worker")
def a_new_build_polls_and_is_given_nothing(scene):
    versions = {"TEMPORAL_DEPLOYMENT_NAME": "town", "TEMPORAL_BUILD_ID": "new"}
    log = scene.folder / "worker.log"
    worker = Child("worker", worker_command(), {**scene.site.environment, **versions}, log)
    worker.start()
    try:
        worker.wait_until_said("worker started")
        yield versions
    finally:
        worker.stop()


@provokes("sweep_stopped", check="worker")
def a_worker_was_stopped_five_minutes_ago(scene):
    scene.site.wait()
    scene.swept()
    scene.site.worker.stop()  # Temporal goes on naming it for a while
    scene.execute("UPDATE last_looks SET at = now() - interval '5 minutes'")
    yield {}


@contextlib.contextmanager
def message(scene: Scene, **columns: str) -> Iterator[None]:
    """A message of the outbox that no worker takes away."""
    scene.site.worker.stop()
    values = {"created_at": "now()", "due_at": "now()", "last_error": "''", **columns}
    scene.execute(
        f"INSERT INTO mudda_outboxmessage (id, kind, payload, attempts, {', '.join(values)}) "
        f"VALUES (gen_random_uuid(), 'doctor', '{{}}', 1, {', '.join(values.values())})"
    )
    try:
        yield
    finally:
        scene.execute("DELETE FROM mudda_outboxmessage WHERE kind = 'doctor'")


@provokes("held_since_restore", check="messages")
def a_back_up_was_restored(scene):
    scene.execute(
        "INSERT INTO mudda_restoration (id, backup, taken_at, restored_at) "
        "VALUES (gen_random_uuid(), 'doctor', now(), now())"
    )
    try:
        yield {}
    finally:
        scene.execute("DELETE FROM mudda_restoration WHERE backup = 'doctor'")


@provokes("messages_unclaimed", check="messages")
def nobody_takes_a_message(scene):
    with message(scene, due_at="now() - interval '2 minutes'"):
        yield {}


@provokes("messages_wait", check="messages")
def a_message_is_tried_in_vain(scene):
    times = {"created_at": "now() - interval '6 minutes'", "due_at": "now() + interval '5 minutes'"}
    with message(scene, **times, last_error="'temporal_unavailable: away'"):
        yield {}


@provokes("messages_given_up", check="messages")
def a_message_was_refused(scene):
    with message(scene, gave_up_at="now()", last_error="'temporal_workflow_gone: over'"):
        yield {}


@provokes("runs_not_started", check="runs")
def a_run_is_launched_while_temporal_is_away(scene):
    plan = scene.city.approved(letter())
    scene.site.temporal.stop()
    run = scene.city.execute(plan)
    scene.execute(
        f"UPDATE workflow_executions SET created_at = now() - interval '5 minutes' WHERE id = '{run}'"
    )
    yield {}


@provokes("run_retried", check="runs")
def a_letter_is_put_off_again_and_again(scene):
    until(
        lambda: (
            not scene.city.rows("SELECT 1 FROM workflow_executions WHERE status IN ('pending', 'running')")
        )
    )
    scene.city.office.plan(*["451 Later"] * 50)
    run = scene.city.launch(letter())
    until(lambda: scene.city.step_row(run, "tell")["attempts"] >= 3, 120)
    try:
        yield {}
    finally:
        scene.city.office.forget()


# --- e-mail -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def mail_server(**options: Any) -> Iterator[int]:
    """The port of a real mail server with these options of aiosmtpd."""
    loop = asyncio.new_event_loop()
    made = loop.create_server(lambda: SMTP(object(), loop=loop, **options), "127.0.0.1", 0)
    server = loop.run_until_complete(made)
    serving = threading.Thread(target=loop.run_forever)
    serving.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        serving.join()
        server.close()
        loop.close()


@provokes("email_unreachable", check="email")
def there_is_no_mail_server(scene):
    with nobody() as port:
        yield {"EMAIL_URL": f"smtp://127.0.0.1:{port}"}


@provokes("email_no_starttls", check="email")
def the_mail_server_has_no_tls(scene):
    yield {"EMAIL_URL": f"smtp+tls://127.0.0.1:{scene.city.office.port}"}


@provokes("email_tls_failed", check="email")
def the_mail_servers_authority_is_unknown(scene):
    _, context = certificate(scene, host="127.0.0.1")
    with mail_server(tls_context=context) as port:
        yield {"EMAIL_URL": f"smtp+tls://127.0.0.1:{port}"}


@provokes("certificate_expires", check="email")
def the_mail_servers_certificate_is_good_for_five_days(scene):
    authority, context = certificate(scene, days=5, host="127.0.0.1")
    with mail_server(tls_context=context) as port:
        yield {"EMAIL_URL": f"smtp+tls://127.0.0.1:{port}", "SSL_CERT_FILE": authority}


@provokes("email_login_refused", check="email")
def the_mail_server_refuses_the_password(scene):
    def refuse(*_: Any) -> AuthResult:
        return AuthResult(success=False, handled=False)

    with mail_server(authenticator=refuse, auth_require_tls=False) as port:
        yield {"EMAIL_URL": f"smtp://clerk:wrongly@127.0.0.1:{port}"}


@provokes("email_plain", check="email")
def the_mail_server_is_elsewhere_and_spoken_to_in_the_clear(scene):
    with Front(("127.0.0.1", scene.city.office.port), host=ELSEWHERE) as front:
        yield {"EMAIL_URL": f"smtp://{front.host}:{front.port}"}


@provokes("email_not_configured", check="email")
def production_has_no_mail_server(scene):
    yield {
        "EMAIL_URL": "",
        "HTTPS_ONLY": "true",
        "PUBLIC_URL": "https://city.example.org",
        "ALLOWED_HOSTS": "city.example.org",
    }


@provokes("timed_out", check="email")
def the_mail_server_never_says_a_word(scene):
    with silent() as port:
        yield {"EMAIL_URL": f"smtp://127.0.0.1:{port}", "EMAIL_TIMEOUT": "60"}


# --- storage, disk, clock, planner ------------------------------------------------------------------


@provokes("storage_fails", check="storage")
def the_folder_cannot_be_made(scene):
    (scene.folder / "file").touch()
    yield {"MEDIA_ROOT": str(scene.folder / "file" / "media")}


@provokes("disk_low", check="disk")
def less_is_free_than_is_wanted(scene):
    yield {"DOCTOR_FREE_MB": "1000000000"}


@provokes("clock_differs", check="clock")
def this_clock_is_a_minute_ahead(scene):
    # Wherever Debian keeps it for this machine's kind of processor.
    [library] = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    yield {"LD_PRELOAD": str(library), "FAKETIME": "+60", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@provokes("key_lost", check="keys")
def the_secret_key_is_another(scene):
    scene.execute(
        "INSERT INTO mudda_webhookallowedhost (host, added_at) VALUES ('127.0.0.1:9', now()) ON CONFLICT DO NOTHING"
    )
    body = {"url": "http://127.0.0.1:9/x", "types": ["execution.failed"]}
    hook = scene.city.expect(201, "POST", "/webhooks", body)["webhook_id"]
    try:
        yield {"SECRET_KEY": secrets.token_urlsafe(50)}
    finally:
        scene.city.call("DELETE", f"/webhooks/{hook}")


@provokes("planner_unreachable", check="planner")
def nobody_is_there_to_plan(scene):
    with nobody() as port:
        yield {"OPENAI_API_KEY": "sk-doctor", "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"}


@provokes("planner_key_refused", check="planner")
def the_key_is_refused(scene):
    with answering(401) as url:
        yield {"OPENAI_API_KEY": "sk-doctor", "OPENAI_BASE_URL": url}


@provokes("planner_failed", check="planner")
def the_service_fails(scene):
    with answering(500) as url:
        yield {"OPENAI_API_KEY": "sk-doctor", "OPENAI_BASE_URL": url}


@provokes("planner_model_unlisted", check="planner")
def the_model_is_not_listed(scene):
    yield {"OPENAI_API_KEY": "sk-doctor", "OPENAI_BASE_URL": scene.models, "OPENAI_MODEL": "gpt-0"}


@provokes("check_failed", check="defect")
def a_citys_check_has_a_defect(scene):
    yield {"CITY_APPS": "tests.doctor.town.apps.TownConfig"}
