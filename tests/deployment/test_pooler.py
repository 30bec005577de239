"""PgBouncer in transaction mode between mudda and PostgreSQL, as docs/deployment.md has it."""

import json
import os
import pwd
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from mudda.devstack.postgres import PORT, Postgres
from mudda.devstack.processes import Child
from mudda.devstack.surroundings import free_port
from tests.faults.city import note, until

SERVER_CONNECTIONS = 5
CONFIGURATION = """
[databases]
* = host={socket} port={pg_port} user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
admin_users = postgres
pool_mode = transaction
ignore_startup_parameters = options, extra_float_digits
default_pool_size = {connections}
max_client_conn = 500
logfile = {log}
"""


@pytest.fixture
def pooled(make_site):
    """A whole site that knows PostgreSQL only through the pooler, but for the one connection that hears NOTIFY."""
    port = free_port()
    site = make_site(DATABASE_URL=f"postgresql://postgres@127.0.0.1:{port}/mudda")
    postgres: Postgres = site.postgres
    postgres.start()
    site._variables["DATABASE_LISTEN_URL"] = postgres.url()
    with psycopg.connect(postgres.url(), autocommit=True) as server:
        server.execute("ALTER ROLE postgres SET search_path = public, workflow")
        server.execute("ALTER ROLE postgres SET statement_timeout = '30s'")
    folder = postgres.data.parent / "pooler"
    folder.mkdir()
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        CONFIGURATION.format(
            socket=postgres.url().split("host=")[1],
            pg_port=PORT,
            port=port,
            connections=SERVER_CONNECTIONS,
            log=folder / "log",
        )
    )
    owner = pwd.getpwuid(postgres.data.stat().st_uid)
    for path in (folder, settings):
        os.chown(path, owner.pw_uid, owner.pw_gid)
    as_owner = ["-u", owner.pw_name] if os.geteuid() == 0 else []
    pooler = Child(
        "pgbouncer", ["/usr/sbin/pgbouncer", *as_owner, str(settings)], dict(os.environ), folder / "out.log"
    )
    pooler.start()
    try:
        until(lambda: "process up" in (folder / "out.log").read_text())
        site.start()
        yield site
    finally:
        pooler.stop()


def shown(url, what):
    with psycopg.connect(url.replace("/mudda", "/pgbouncer"), autocommit=True) as console:
        cursor = console.cursor(row_factory=dict_row)
        cursor.execute(f"SHOW {what}", prepare=False)
        return {row["database"]: row for row in cursor.fetchall()}


def test_the_main_job_and_live_events_work_behind_a_pooler_in_transaction_mode(pooled):
    key = pooled.create_api_key(
        "integration", "plans:read", "plans:write", "plans:approve", "executions:read", "executions:write"
    )
    http = httpx.Client(
        base_url=pooled.url, headers={"Authorization": f"Api-Key {key}"}, timeout=60, trust_env=False
    )

    def ask(method, path, body=None):
        answer = http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def launch(number):
        plan = ask("POST", "/workflows/generate", {"problem_statement": f"Water leak at {number} Main St"})
        path = f"/workflows/{plan['workflow_id']}"
        document = {
            "schema_version": 1,
            "workflow_name": "Pooled",
            "description": "",
            "steps": [note("a"), note("b")],
        }
        digest = ask("PUT", path, {"workflow_plan": document})["digest"]
        ask("POST", f"{path}/approve", {"digest": digest})
        return ask("POST", f"{path}/execute", {"execution_data": {}})["execution_id"]

    # More at once than the pooler has connections for.
    with ThreadPoolExecutor(4 * SERVER_CONNECTIONS) as threads:
        runs = list(threads.map(launch, range(4 * SERVER_CONNECTIONS)))
    for run in runs:
        seen = []
        with http.stream(
            "GET", f"/workflows/executions/{run}/events", headers={"Accept": "text/event-stream"}
        ) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: {"):
                    seen.append(json.loads(line.removeprefix("data: "))["type"])
                if seen and seen[-1] == "execution.completed":
                    break
        assert seen.count("step.completed") == 2

    url = pooled.environment["DATABASE_URL"]
    assert shown(url, "POOLS")["mudda"]["pool_mode"] == "transaction"
    assert int(shown(url, "DATABASES")["mudda"]["current_connections"]) <= SERVER_CONNECTIONS
