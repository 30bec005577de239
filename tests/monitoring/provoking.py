"""For each alert, how to bring about what it is about: on a real site, by doing it."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import trustme

from mudda.devstack.processes import Web
from mudda.devstack.surroundings import free_port
from tests.faults.city import City, letter, note, until
from tests.monitoring.watched import Watched
from tests.planning.model_answers import answer, choice, step

Provoke = Callable[["Scene"], contextlib.AbstractContextManager[None]]
PROVOCATIONS: dict[str, Provoke] = {}


class Scene:
    """The site, what its Prometheus looks at besides, and variables for the commands of the runbook."""

    def __init__(self, watched: Watched, prometheus: Any, openai: Any) -> None:
        self.watched, self.prometheus, self.openai = watched, prometheus, openai
        self.site = watched.site
        self.variables: dict[str, str] = {}

    def write(self, statement: str, *values: Any) -> None:
        with self.watched.database() as cursor:
            cursor.execute(statement, values)
            cursor.connection.commit()

    @contextlib.contextmanager
    def with_variables(self, **variables: str) -> Iterator[None]:
        """The web server and the worker, started anew with these too."""
        for child in (self.site.web, self.site.worker):
            child.stop()
            child.environment.update(variables)
        self.watched.mend()
        self.site.wait()
        try:
            yield
        finally:
            for child in (self.site.web, self.site.worker):
                child.stop()
                for name in variables:
                    del child.environment[name]


def provokes(alert: str) -> Callable[[Callable[[Scene], Iterator[None]]], Provoke]:
    def register(function: Callable[[Scene], Iterator[None]]) -> Provoke:
        PROVOCATIONS[alert] = contextlib.contextmanager(function)
        return PROVOCATIONS[alert]

    return register


@contextlib.contextmanager
def locked(city: City, table: str, mode: str = "ACCESS EXCLUSIVE") -> Iterator[None]:
    with city.database() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN {mode} MODE")
        yield


@contextlib.contextmanager
def asked_for(scene: Scene, path: str, *, times: int = 1) -> Iterator[None]:
    """Meanwhile ``times`` callers ask for a page again and again."""
    over = threading.Event()
    headers = {"Authorization": f"Api-Key {scene.watched.keys['integration']}"}

    def ask() -> None:
        with httpx.Client(base_url=scene.site.url, timeout=60, trust_env=False, headers=headers) as client:
            while not over.is_set():
                with contextlib.suppress(httpx.HTTPError):
                    client.get(path)

    threads = [threading.Thread(target=ask) for _ in range(times)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


@provokes("MuddaProcessDown")
def a_worker_is_stopped(scene):
    scene.site.worker.stop()
    yield


@provokes("MuddaWorkersGone")
def every_worker_is_stopped(scene):
    scene.site.worker.stop()
    yield


@provokes("MuddaTemporalAway")
def temporal_is_stopped(scene):
    scene.site.temporal.stop()
    yield


@provokes("MuddaSweepStopped")
def a_forgotten_transaction_holds_the_outbox(scene):
    with locked(scene.watched, "mudda_outboxmessage", "EXCLUSIVE"):
        yield


@provokes("MuddaCertificateExpires")
def the_certificate_is_good_for_five_days(scene):
    folder = scene.site.home / "tls"
    folder.mkdir(exist_ok=True)
    issued = trustme.CA().issue_cert("client.example.org", not_after=datetime.now(UTC) + timedelta(days=5))
    issued.cert_chain_pems[0].write_to_path(folder / "client.pem")
    issued.private_key_pem.write_to_path(folder / "client-key.pem")
    tls = {
        "TEMPORAL_TLS_CERT": str(folder / "client.pem"),
        "TEMPORAL_TLS_KEY": str(folder / "client-key.pem"),
    }
    port = free_port()
    web = Web(
        "127.0.0.1", port, {**scene.site.environment, **tls, "METRICS_PORT": str(free_port())}, folder / "log"
    )
    web.start()
    web.wait()
    targets = scene.prometheus.targets
    api = [*targets["mudda-api-server"], f"127.0.0.1:{web.environment['METRICS_PORT']}"]
    scene.prometheus.look_at({**targets, "mudda-api-server": api})
    scene.variables |= {"WEB": f"http://127.0.0.1:{web.environment['METRICS_PORT']}", **tls}
    try:
        yield
    finally:
        scene.prometheus.look_at(targets)
        web.stop()


@provokes("MuddaApiFails")
def requests_find_no_database(scene):
    scene.site.postgres.stop()
    with asked_for(scene, "/workflows"):
        yield


@provokes("MuddaApiSlow")
def readers_wait_for_a_lock(scene):
    over = threading.Event()

    def hold() -> None:
        while not over.is_set():
            with locked(scene.watched, "workflow_plans"):
                over.wait(3)
            over.wait(0.05)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        with asked_for(scene, "/workflows", times=2):
            yield
    finally:
        over.set()
        holder.join()


@provokes("MuddaDatabaseAway")
def the_database_is_stopped(scene):
    scene.site.postgres.stop()
    yield


@provokes("MuddaPoolExhausted")
def more_wait_than_the_pool_has_room_for(scene):
    with locked(scene.watched, "workflow_plans"), asked_for(scene, "/workflows", times=40):
        yield


@provokes("MuddaRunsNotStarting")
def a_launch_finds_no_temporal(scene):
    plan = scene.watched.approved(note())
    scene.site.temporal.stop()
    execution = scene.watched.execute(plan)
    scene.write(
        "UPDATE workflow_executions SET created_at = now() - interval '10 minutes' WHERE id = %s", execution
    )
    yield


@provokes("MuddaRunsFailing")
def letters_are_refused_for_good(scene):
    watched = scene.watched
    for _ in range(8):
        watched.office.plan("550 5.7.1 no")
        watched.ends(watched.launch(letter(retry={"max_attempts": 1})), "failed")
    yield


@provokes("MuddaWorkflowTasksFail")
def somebody_starts_a_run_past_the_api(scene):
    at = ["--address", scene.site.temporal.address]
    temporal = scene.variables["TEMPORAL"]
    run_command(
        temporal, "workflow", "start", *at, "--type", "PlanWorkflow", "--workflow-id", "garbage",
        "--task-queue", "mudda-ai-workflows", "--input", '"nonsense"',
    )  # fmt: skip
    try:
        yield
    finally:
        run_command(temporal, "workflow", "terminate", *at, "--workflow-id", "garbage")


def run_command(*words: str) -> None:
    import subprocess

    subprocess.run(words, check=True, capture_output=True, timeout=30)  # noqa: S603


@provokes("MuddaQueueGrowing")
def every_slot_is_taken_by_steps_that_wait(scene):
    watched = scene.watched
    plans = [watched.approved(letter()) for _ in range(30)]
    with locked(watched, "effects", "SHARE"):
        runs = [watched.execute(plan) for plan in plans]
        begun = datetime.now(UTC)
        until(lambda: datetime.now(UTC) - begun > timedelta(seconds=8))
    for run in runs:
        watched.ends(run)
    yield


@provokes("MuddaMessagesWait")
def an_answer_finds_no_temporal(scene):
    watched = scene.watched
    task = watched.task(watched.launch(note(requires_approval=True)))
    scene.site.temporal.stop()
    watched.decide(task, "approve")
    until(
        lambda: watched.rows(
            "SELECT 1 FROM mudda_outboxmessage WHERE delivered_at IS NULL AND last_error <> ''"
        )
    )
    scene.write(
        "UPDATE mudda_outboxmessage SET created_at = now() - interval '10 minutes' WHERE delivered_at IS NULL"
    )
    yield


@provokes("MuddaMessagesGivenUp")
def a_wish_comes_when_the_run_is_over(scene):
    watched = scene.watched
    execution = watched.launch(note())
    watched.ends(execution)
    until(lambda: scene.prometheus.query("mudda_outbox_given_up"))
    scene.write(
        "INSERT INTO mudda_outboxmessage (id, kind, payload, created_at, due_at, attempts, last_error) "
        "VALUES (gen_random_uuid(), 'steer', %s, now(), now(), 0, '')",
        json.dumps({"execution_id": execution, "action": "resume"}),
    )
    yield


@provokes("MuddaWebhooksParked")
def a_receiver_has_been_away_for_days(scene):
    watched = scene.watched
    scene.write(
        "INSERT INTO mudda_webhookallowedhost (host, added_at) VALUES ('127.0.0.1:9', now()) ON CONFLICT DO NOTHING"
    )
    watched.expect(201, "POST", "/webhooks", {"url": "http://127.0.0.1:9/x", "types": ["execution.*"]})
    until(lambda: scene.prometheus.query('mudda_webhook_deliveries{status="parked"}'))
    watched.ends(watched.launch(note()))
    until(lambda: watched.rows("SELECT 1 FROM mudda_webhookdelivery WHERE last_error <> ''"))
    scene.write(
        "UPDATE mudda_webhookdelivery SET queued_at = now() - interval '4 days', attempts = 5, due_at = now() "
        "WHERE status = 'pending'"
    )
    yield


@provokes("MuddaTasksOverdue")
def a_task_is_days_late(scene):
    task = scene.watched.task(scene.watched.launch(note(requires_approval=True)))
    scene.write("UPDATE human_tasks SET due_at = now() - interval '4 days' WHERE id = %s", task["id"])
    yield


def draft(scene: Scene, times: int) -> None:
    for _ in range(times):
        answer = scene.watched.call(
            "POST", "/workflows/generate", {"problem_statement": "Water leak at 1 Main St"}
        )
        assert answer.status_code == 201, answer.text


@provokes("MuddaPlannerFailing")
def the_model_does_not_answer(scene):
    nobody = {
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "OPENAI_MODEL": "test-model",
    }
    with scene.with_variables(**nobody, OPENAI_MAX_SECONDS="5"):
        draft(scene, 1)
        until(lambda: scene.prometheus.query("mudda_planner_runs_total"))
        draft(scene, 7)
        yield


@provokes("MuddaPlannerCostly")
def the_model_is_dear(scene):
    look = step("tell", "update_issue", title="Note it", inputs=[{"name": "note", "value": "Look."}])
    scene.openai.choose(choice("update_issue"))
    scene.openai.write(answer(look))
    dear = {
        "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": scene.openai.base_url, "OPENAI_MODEL": "test-model",
        "OPENAI_PRICES": json.dumps({"test-model": [200_000, 200_000]}), "OPENAI_MAX_COST": "1000000",
    }  # fmt: skip
    with scene.with_variables(**dear):
        draft(scene, 1)
        until(lambda: scene.prometheus.query("mudda_planner_cost_dollars_total"))
        draft(scene, 2)
        yield
