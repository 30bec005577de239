"""A release is rolled out while integrations are at work: no request fails, and no run is lost."""

import itertools
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx

from executions.models import WorkflowExecution
from mudda.devstack.processes import manage
from tests.factories import load_city, make_key
from tests.faults.city import note, until, wait

QUEUE = "rolled-under-load"
ENDPOINTS_KNOW = 1.0
"""Seconds in which a load balancer sees that a pod goes, before that is told to: the ``preStop`` of ``deploy/k8s``."""
PLAN = {
    "schema_version": 1,
    "workflow_name": "Rolled over",
    "description": "",
    "steps": [note("first"), wait("pause"), note("last")],
}


class Service:
    """What a Kubernetes Service does: hands each request to one of the pods that are ready, in turn."""

    def __init__(self, key):
        self.pods = []
        self.turns = itertools.count()
        self.headers = {"Authorization": f"Api-Key {key}"}

    def add(self, web):
        web.wait("/readyz")
        self.pods = [*self.pods, web]

    def take_out(self, web):
        self.pods = [pod for pod in self.pods if pod is not web]
        time.sleep(ENDPOINTS_KNOW)
        assert web.stop() in (0, -15)

    def ask(self, method, path, body):
        """The answer's document; each request is made once."""
        pods = self.pods
        url = pods[next(self.turns) % len(pods)].url
        answer = httpx.request(
            method, url + path, json=body, headers=self.headers, timeout=60, trust_env=False
        )
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:1000]}"
        return answer.json()

    def launch(self):
        """From a report to a launched run; its id."""
        statement = {"problem_statement": "Water leak at 123 Main St"}
        path = f"/workflows/{self.ask('POST', '/workflows/generate', statement)['workflow_id']}"
        digest = self.ask("PUT", path, {"workflow_plan": PLAN})["digest"]
        self.ask("POST", f"{path}/approve", {"digest": digest})
        return self.ask("POST", f"{path}/execute", {"execution_data": {}})["execution_id"]


@contextmanager
def busy(service, clients=2):
    """Integrations that launch one run after the other meanwhile; gives the ids of all that were accepted."""
    over, launched = threading.Event(), []

    def work():
        while not over.is_set():
            launched.append(service.launch())

    with ThreadPoolExecutor(clients) as threads:
        working = [threads.submit(work) for _ in range(clients)]
        try:
            yield launched
        finally:
            over.set()
    for one in working:
        one.result()


def test_a_roll_out_under_load_fails_no_request_and_loses_no_run(start_web, start_worker, on_test_database):
    load_city()
    service = Service(make_key())
    rates = {"RATE_LIMIT_KEY": "1000000", "TEMPORAL_TASK_QUEUE": QUEUE}
    old = [start_web(**rates), start_web(**rates)]
    for web in old:
        service.add(web)

    def build(name):
        return {
            "TEMPORAL_DEPLOYMENT_NAME": QUEUE,
            "TEMPORAL_TASK_QUEUE": QUEUE,
            "TEMPORAL_BUILD_ID": name,
        }

    def make_current(name):
        command = manage("make_build_current", "--within", "60")
        subprocess.run(command, env=on_test_database | build(name), check=True, capture_output=True)

    before = start_worker(**build("before"))
    make_current("before")
    with busy(service) as launched:
        until(lambda: len(launched) >= 2)
        for web in old:
            service.add(start_web(**rates))
            service.take_out(web)
        start_worker(**build("after"))
        make_current("after")
        assert before.stop() == 0
        count = len(launched)
        until(lambda: len(launched) >= count + 2)

    # Everything that was accepted comes to its end, whichever build began it.
    left = WorkflowExecution.objects.exclude(status="completed")
    until(lambda: not left.exists(), 120, lambda: str(list(left.values("status", "failure"))))
    assert {str(pk) for pk in WorkflowExecution.objects.values_list("pk", flat=True)} == set(launched)
