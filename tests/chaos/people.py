"""Who uses the site meanwhile: integrations that ask until they are answered, and a supervisor who decides."""

import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from tests.faults.city import City, letter, note, wait
from tests.faults.mail import Mail

PATIENCE = 600.0
"""Seconds for which an integration repeats one request before it gives up."""
REFUSED_FOR_NOW = {409, 429, 503}
"""With ``Retry-After``: what an integration repeats. Any other refusal, a 500 above all, fails the storm."""
APPROVAL = {"requires_approval": {"group": "supervisor", "reason": "It costs money."}}


@dataclass
class Book:
    """What was promised by the API, and what was met on the way.

    Attributes:
        accepted: by number of the run, the id of the execution that a 202 promised.
        repeated: how many requests had no answer or were refused for now, by what was met.
        decided: how many tasks were decided, by kind and outcome.
    """

    accepted: dict[int, str] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    repeated: Counter[str] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)


def steps(random: Random) -> list[dict[str, Any]]:
    """The steps of a plan: letters, notes, a person's approval and a moment's wait in one of several shapes."""
    shapes = [
        [note("first"), letter("tell"), note("last")],
        [letter("tell"), wait("pause"), letter("again")],
        [note("first"), letter("ask", **APPROVAL), note("last")],
        [letter("left", needs=[]), letter("right", needs=[]), note("last", needs=["left", "right"])],
        [note("first"), wait("pause"), note("last", **APPROVAL)],
    ]
    return random.choice(shapes)


class Integration:
    """One client of the API. Each request that changes something is repeated under one idempotency key."""

    def __init__(self, city: City, book: Book, seed: int) -> None:
        self.city, self.book, self.seed = city, book, seed

    def carry(self, number: int) -> None:
        """Report a problem, and have a plan for it made, changed, approved and launched; some runs are cancelled."""
        random = Random(f"{self.seed} {number}")
        statement = {
            "problem_statement": f"Water leak at {number} Main St",
            "reporter": {"name": "Ann", "email": f"ann-{number}@example.org"},
        }
        plan = self.ask("POST", "/workflows/generate", statement, f"{number}-generate")
        path = f"/workflows/{plan['workflow_id']}"
        document = {
            "schema_version": 1,
            "workflow_name": f"Storm {number}",
            "description": "",
            "steps": steps(random),
        }
        plan = self.ask("PUT", path, {"workflow_plan": document})
        self.ask("POST", f"{path}/approve", {"digest": plan["digest"]}, f"{number}-approve")
        run = self.ask("POST", f"{path}/execute", {"execution_data": {}}, f"{number}-execute")["execution_id"]
        self.book.accepted[number] = run
        if random.random() < 0.1:
            cancel = f"/workflows/executions/{run}/cancel"
            self.ask("POST", cancel, {"reason": "Not needed any more."}, f"{number}-cancel", fine={409})
            self.book.cancelled.add(run)

    def ask(
        self,
        method: str,
        path: str,
        body: Any,
        key: str | None = None,
        *,
        fine: frozenset[int] | set[int] = frozenset(),
    ) -> Any:
        """The answer to one request, repeated until there is one."""
        headers = {} if key is None else {"Idempotency-Key": f"{self.seed}-{key}"}
        end = time.monotonic() + PATIENCE
        while True:
            answer = self._once(method, path, body, headers)
            if answer is not None and (answer.is_success or answer.status_code in fine):
                return answer.json()
            if answer is not None and not _is_for_now(answer):
                raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:1000]}")
            if time.monotonic() > end:
                last = answer.text[:1000] if answer is not None else "no answer"
                raise AssertionError(f"{method} {path}: not within {PATIENCE:g} s, at last {last}")
            time.sleep(0.3)

    def _once(self, method: str, path: str, body: Any, headers: dict[str, str]) -> httpx.Response | None:
        try:
            answer = self.city.call(method, path, body, **headers)
        except httpx.TransportError as error:
            self.book.repeated[type(error).__name__] += 1
            return None
        if _is_for_now(answer):
            self.book.repeated[f"{answer.status_code} {answer.json().get('code')}"] += 1
        return answer


def _is_for_now(answer: httpx.Response) -> bool:
    return answer.status_code in REFUSED_FOR_NOW and "Retry-After" in answer.headers


class Supervisor:
    """Decides what is open, once a round: approves, and for a letter that nobody knows of looks into the mailbox."""

    def __init__(self, city: City, book: Book) -> None:
        self.city, self.book = city, book

    def round(self) -> None:
        for task in self._open():
            outcome = self._outcome(task)
            answer = self._call(
                "POST",
                f"/workflows/tasks/{task['id']}/decide",
                {"outcome": outcome},
                **{"Idempotency-Key": f"decide-{task['id']}"},
            )
            if answer is not None and answer.is_success:
                self.book.decided[f"{task['kind']}: {outcome}"] += 1

    def _open(self) -> list[dict[str, Any]]:
        answer = self._call("GET", "/workflows/tasks?status=open&page_size=100")
        return answer.json()["results"] if answer is not None and answer.is_success else []

    def _outcome(self, task: dict[str, Any]) -> str:
        if task["kind"] != "uncertain_effect":
            return "approve"
        arrived = any(
            is_letter_of(mail, task["execution_id"], task["step_id"]) for mail in self.city.office.mails
        )
        return "it_happened" if arrived else "do_it_again"

    def _call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response | None:
        try:
            return self.city.call(method, path, body, by="supervisor", **headers)
        except httpx.TransportError:
            return None


def is_letter_of(mail: Mail, execution: str, step_id: str) -> bool:
    """Whether the letter is the one that this step of this run sends: its Message-ID is made of both."""
    return mail.message_id.startswith(f"<{execution}.{step_id}.")
