"""What becomes of one issue of the invented city, from the report to its end, as rows of every table.

Deterministic: the same chance, keys and moment make the same rows.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from executions.crews import CREW_FORM
from executions.seeding.city import Kind, place, reporter, some
from executions.seeding.patterns import Pattern, Step, Text
from executions.seeding.words import ELSE, ENDINGS, FAILURES, NOTES, REJECTED, SAID
from executions.seeding.writing import Rows
from issues.models import UNKNOWN_ADDRESS, reference_of

DAYS = 730
"""How far back the first report lies."""
SECONDS = 20
"""What a step that a program does takes at most."""
CREW = json.dumps(CREW_FORM)

COLUMNS: Mapping[str, Sequence[str]] = {
    "issues_reporter": ("id", "name", "email", "phone", "created_at", "event_seq"),
    "issues_issue": (
        "id", "statement", "address", "street", "latitude", "longitude", "urgency", "status", "category_id",
        "department_id", "reporter_id", "people_affected", "facts", "reported_at", "updated_at", "due_at", "ended_at",
        "event_seq",
    ),
    "issues_issuenote": ("issue_id", "text", "visible", "author_id", "effect_key", "created_at", "id"),
    "workflow_plans": (
        "id", "issue_id", "status", "title", "current_id", "rejection_reason", "created_by_id", "created_at",
        "updated_at", "event_seq",
    ),
    "plan_approvals": (
        "id", "revision_id", "digest", "catalogue_digest", "approver_id", "comment", "approved_at",
    ),
    "planner_runs": (
        "id", "plan_id", "revision_id", "purpose", "status", "attempts", "instruction", "account", "planner", "model",
        "prompt_version", "calls", "input_tokens", "output_tokens", "seconds", "citations", "cases", "duplicates",
        "exchanges", "asked_by_id", "created_at", "ended_at",
    ),
    "step_runs": (
        "execution_id", "step_id", "position", "activity_id", "title", "status", "attempts", "own_failures",
        "undo_failures", "output", "error", "reason", "started_at", "ended_at",
    ),
    "human_tasks": (
        "id", "execution_id", "step_id", "kind", "key", "title", "question", "form", "outcomes", "group", "four_eyes",
        "assignee_id", "assigned_at", "assign_reason", "awaited", "department_id", "due", "due_at", "overdue",
        "reminders", "hold_reason", "crew", "decline_reason", "status", "outcome", "answer", "comment", "opened_at",
        "decided_at", "decided_by_id", "decided_role",
    ),
    "mudda_event": ("stream", "seq", "type", "at", "actor_id", "data"),
}  # fmt: skip
REVISIONS, RUNS = "plan_revisions", "workflow_executions"
"""Written through the table of texts, with columns of their own."""


@dataclass(frozen=True)
class World:
    """What all stories share.

    Attributes:
        now: the moment up to which things have happened.
        due: the due time of working time that begins at a moment, for a department's key.
        patterns: by category; None for issues without.
        staff: keys of accounts, by department; "" for whoever has the rest.
        catalogue: the digest of the activities.
    """

    now: datetime
    kinds: Sequence[Kind]
    patterns: Mapping[str | None, Pattern]
    staff: Mapping[str, Sequence[int]]
    catalogue: str
    due: Callable[[datetime, str, int | None], datetime | None]


@dataclass
class Keys:
    """Numbers for rows whose tables number them."""

    issues: Iterator[int]
    revisions: Iterator[int]
    approvals: Iterator[int]
    notes: Iterator[int]


@dataclass
class Stream:
    """A stream of events, numbered without gaps in the order of time once all of them are told."""

    name: str
    told: list[tuple[datetime, str, int | None, str]] = field(default_factory=list)

    def tell(self, kind: str, at: datetime, actor: int | None = None, data: str = "{}") -> None:
        self.told.append((at, kind, actor, data))

    @property
    def seq(self) -> int:
        return len(self.told)

    def write(self, rows: Rows) -> None:
        for seq, (at, kind, actor, data) in enumerate(sorted(self.told, key=lambda one: one[0]), 1):
            rows.add("mudda_event", (self.name, seq, kind, at, actor, data))


@dataclass
class Story:
    """One issue. ``tell`` adds all of its rows."""

    world: World
    chance: Random
    keys: Keys
    rows: Rows
    issue: int = field(init=False)
    events: Stream = field(init=False)

    def tell(self) -> None:
        chance, world = self.chance, self.world
        self.issue = next(self.keys.issues)
        self.events = Stream(f"issue:{self.issue}")
        self.streams = [self.events]
        self.kind = world.kinds[int(chance.random() * len(world.kinds))] if chance.random() > 0.03 else None
        self.people = world.staff[self.kind.department_code if self.kind else ""]
        self.reported = world.now - timedelta(seconds=chance.random() * DAYS * 86_400)
        self.place = place(chance) if chance.random() > 0.04 else None
        target = self.kind.target if self.kind else ""
        self.due = world.due(self.reported, target, self.kind.department if self.kind else None)
        self.end = self._end()
        self.status, self.noted = "OPEN", False
        self.ended: datetime | None = None
        self.events.tell(
            "issue.reported", self.reported, None, f'{{"reference": "{reference_of(self.issue)}"}}'
        )
        self._plan()
        self._issue()
        for stream in self.streams:
            stream.write(self.rows)

    def _end(self) -> datetime:
        """When it is over: mostly within its target, sometimes long after."""
        promised = (self.due or self.reported + timedelta(days=6)) - self.reported
        factor = math.exp(self.chance.gauss(math.log(0.55), 0.6))
        return self.reported + max(promised * factor, timedelta(hours=1))

    def _by(self) -> int:
        return self.people[int(self.chance.random() * len(self.people))]

    def _uuid(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128), version=4)

    # --- the plan -----------------------------------------------------------------------------------

    def _plan(self) -> None:
        chance, now = self.chance, self.world.now
        made = self.reported + timedelta(seconds=30 + chance.random() * 1_500)
        if made >= now:
            return
        self.plan = self._uuid()
        self.plan_events = Stream(f"plan:{self.plan}")
        self.streams.append(self.plan_events)
        self.pattern = self.world.patterns[self.kind.code if self.kind else None]
        by, run = self._by(), self._uuid()
        asked = f'{{"run": "{run}"}}'
        self.plan_events.tell("plan.asked", made, by, asked)
        if now - made < timedelta(hours=3) and chance.random() < 0.3:
            self._add_plan("DRAFTING", None, by, made, made)
            return
        self.made = made + timedelta(seconds=2)
        revision = self._revision(1, self.pattern.drafted, "playbooks", by, self.made)
        self._planner_run(run, revision, by, made)
        self.events.tell("issue.plan_drafted", self.made, by, f'{{"plan": "{self.plan}"}}')
        self._decide(revision, by)

    def _decide(self, revision: int, by: int) -> None:
        """Edit, approve or reject the draft, or leave it."""
        chance, now = self.chance, self.world.now
        work = self.end - self.made
        wait = min(
            timedelta(hours=math.exp(chance.gauss(math.log(4.0), 1.1))), max(work * 0.4, timedelta(minutes=5))
        )
        decided, text = self.made + wait, self.pattern.drafted
        fate = chance.random()
        if decided >= now or (fate < 0.012 and self.reported > now - timedelta(days=200)):
            self._add_plan("DRAFT", revision, by, self.made, self.made)
            return
        if chance.random() < 0.22:
            text = self.pattern.edited
            revision = self._revision(2, text, "staff", self._by(), self.made + wait * 0.8)
        if fate < 0.06:
            self._reject(revision, by, decided, text)
            return
        approver, approval = self._by(), next(self.keys.approvals)
        self.rows.add(
            "plan_approvals",
            (approval, revision, text.digest, self.world.catalogue, approver, "", decided),
        )
        bound = f'{{"approval": {approval}, "digest": "{text.digest}"}}'
        self.plan_events.tell("plan.approved", decided, approver, bound)
        if fate < 0.075:
            at = decided + timedelta(hours=2)
            if at < now:
                self.plan_events.tell("plan.archived", at, approver, f'{{"digest": "{text.digest}"}}')
                self._end_issue("CLOSED", at, approver)
                self._add_plan("ARCHIVED", revision, by, self.made, at)
                return
        runs = self._runs(revision, approval, approver, text, decided, fate)
        self._add_plan("APPROVED", revision, by, self.made, decided)
        for write in runs:
            write()

    def _reject(self, revision: int, by: int, at: datetime, text: Text) -> None:
        who = self._by()
        self.plan_events.tell("plan.rejected", at, who, f'{{"digest": "{text.digest}"}}')
        self._add_plan("REJECTED", revision, by, self.made, at, reason=some(self.chance, REJECTED))
        self._end_issue("REJECTED", at, who)

    def _revision(self, number: int, text: Text, planner: str, by: int, at: datetime) -> int:
        key = next(self.keys.revisions)
        changes = '[{"kind": "added", "step": "look_again"}]' if number > 1 else "[]"
        self.rows.add(REVISIONS, (key, self.plan, number, text.key, planner, "{}", changes, by, at))
        told = f'{{"revision": {number}, "digest": "{text.digest}", "planner": "{planner}"}}'
        self.plan_events.tell("plan.drafted" if number == 1 else "plan.edited", at, by, told)
        return key

    def _planner_run(self, run: UUID, revision: int, by: int, at: datetime) -> None:
        self.rows.add(
            "planner_runs",
            (
                run, self.plan, revision, "draft", "done", 1, "", "", "playbooks", "", "", 0, 0, 0, 0.2, "[]", "[]",
                "[]", "[]", by, at, self.made,
            ),
        )  # fmt: skip

    def _add_plan(
        self, status: str, revision: int | None, by: int, made: datetime, at: datetime, reason: str = ""
    ) -> None:
        title = self.pattern.title if revision is not None else ""
        row = (self.plan, self.issue, status, title, revision, reason, by, made, at)
        self.rows.add("workflow_plans", (*row, self.plan_events.seq))

    # --- runs ---------------------------------------------------------------------------------------

    def _runs(
        self, revision: int, approval: int, by: int, text: Text, approved: datetime, fate: float
    ) -> list[Callable[[], None]]:
        """The runs of the plan, to be written once the plan is: mostly one; after a failure sometimes another."""
        begun = approved + timedelta(seconds=20 + self.chance.random() * 600)
        if begun >= self.world.now:
            return []
        end = max(self.end, begun + timedelta(minutes=40))
        run = Run(self, text, revision, approval, by)
        if fate < 0.10:
            middle = begun + (end - begun) * 0.4
            found = [run.write(begun, middle, "failed" if fate < 0.09 else "cancelled")]
            again = middle + timedelta(hours=3)
            if middle < self.world.now and fate < 0.0825 and again < self.world.now:
                found.append(
                    Run(self, text, revision, approval, by).write(again, again + (end - begun), "completed")
                )
            elif fate >= 0.0825 and middle < self.world.now - timedelta(days=20):
                self._end_issue("CLOSED", middle + timedelta(days=2), by)
            return found
        return [run.write(begun, end, "completed")]

    def end_by_run(self, at: datetime) -> None:
        """The run has resolved the issue; some time later somebody closes it."""
        self._end_issue("RESOLVED", at, None)
        closed = at + timedelta(days=1 + self.chance.random() * 20)
        if closed < self.world.now and self.chance.random() < 0.45:
            by = self._by()
            self.status = "CLOSED"
            self.events.tell("issue.status_changed", closed, by, '{"from": "RESOLVED", "to": "CLOSED"}')

    def take_up(self, at: datetime) -> None:
        """The run has begun to work on the issue."""
        if self.status == "OPEN":
            self.status = "IN_PROGRESS"
            self.events.tell("issue.status_changed", at, None, '{"from": "OPEN", "to": "IN_PROGRESS"}')

    def note(self, at: datetime, by: int | None, key: str | None) -> None:
        if not self.noted:
            self.noted, number = True, next(self.keys.notes)
            self.rows.add(
                "issues_issuenote", (self.issue, some(self.chance, NOTES), True, by, key, at, number)
            )
            self.events.tell("issue.note_added", at, by, f'{{"note": {number}, "visible": true}}')

    # --- the issue ----------------------------------------------------------------------------------

    def _end_issue(self, status: str, at: datetime, by: int | None) -> None:
        before, self.status, self.ended = self.status, status, at
        self.events.tell("issue.status_changed", at, by, f'{{"from": "{before}", "to": "{status}"}}')

    def _issue(self) -> None:
        chance, kind, where = self.chance, self.kind, self.place
        person = self._reporter()
        sure = round(0.55 + 0.44 * chance.random(), 2)
        read = {"value": kind.code, "confidence": sure, "source": "playbooks"} if kind else None
        facts = {"category": read} if read else {}
        has_position = where is not None and chance.random() > 0.12
        urgency = chance.choices(("low", "normal", "high", "critical"), (15, 55, 25, 5))[0]
        statement = some(chance, SAID.get(kind.code, ELSE) if kind else ELSE)
        at = f" at {where.address}" if where else ""
        self.rows.add(
            "issues_issue",
            (
                self.issue, f"{statement}{at}.{some(chance, ENDINGS)}", where.address if where else "",
                where.street if where else "", where.latitude if has_position and where else None,
                where.longitude if has_position and where else None, urgency, self.status, kind.pk if kind else None,
                kind.department if kind else None, person, chance.randint(1, 400) if chance.random() < 0.2 else None,
                json.dumps(facts), self.reported, self.ended or self.reported, self.due, self.ended, self.events.seq,
            ),
        )  # fmt: skip

    def _reporter(self) -> UUID | None:
        if self.chance.random() < 0.12:
            return None
        key, (name, mailbox, phone) = self._uuid(), reporter(self.chance)
        self.rows.add("issues_reporter", (key, name, mailbox, phone, self.reported, 0))
        return key

    def facts_at_launch(self) -> str:
        kind, where = self.kind, self.place
        return json.dumps(
            {
                "reference": reference_of(self.issue),
                "statement": "",
                "address": where.address if where else UNKNOWN_ADDRESS,
                "urgency": "normal",
                "category": kind.code if kind else "other",
                "department": f"department:{kind.department_code if kind else 'unassigned'}",
                "reporter": "issue.reporter",
                "latitude": where.latitude if where else None,
                "longitude": where.longitude if where else None,
                "reported_at": self.reported.isoformat(timespec="seconds"),
            }
        )


@dataclass
class Run:
    """One run of a story's plan."""

    story: Story
    text: Text
    revision: int
    approval: int
    by: int

    def write(self, begun: datetime, end: datetime, outcome: str) -> Callable[[], None]:
        """Add the run, its steps, tasks and events. ``outcome`` is how it ends where that is before now. What is
        returned is to be called when the plan's row is there."""
        story = self.story
        self.key, self.begun, self.outcome = story._uuid(), begun, outcome
        self.events = Stream(f"execution:{self.key}")
        story.streams.append(self.events)
        self.over = end < story.world.now
        self.due = story.world.due(
            begun, story.kind.target if story.kind else "", story.kind.department if story.kind else None
        )
        launched = f'{{"execution": "{self.key}", "digest": "{self.text.digest}"}}'
        self.events.tell("execution.launched", begun, self.by, launched)
        story.plan_events.tell("plan.launched", begun, self.by, launched)
        self.events.tell("execution.started", begun + timedelta(seconds=1))
        stopped = self._steps(begun + timedelta(seconds=1), end)
        return lambda: self._run(end, stopped)

    def _run(self, end: datetime, failed_at: str) -> None:
        story, now = self.story, self.story.world.now
        status, failure, noted = "running", None, None
        if self.over:
            status = self.outcome
            data = "{}"
            if status == "failed":
                code, message = story.chance.choice(FAILURES)
                failure = json.dumps({"code": code, "message": message, "step_id": failed_at})
                data = json.dumps({"code": code, "step_id": failed_at})
            self.events.tell(f"execution.{status}", end, self.by if status == "cancelled" else None, data)
            if status == "completed":
                story.end_by_run(end)
        elif self.due is not None and self.due < now:
            noted = self.due
            self.events.tell("execution.overdue", noted, None, f'{{"due_at": "{noted.isoformat()}"}}')
        story.rows.add(
            RUNS,
            (
                self.key, story.plan, self.revision, self.approval, status, '{"priority": "normal"}', self.text.key,
                story.facts_at_launch(), failure, self.by, self.begun, self.due, self.begun + timedelta(seconds=1),
                end if self.over else None, noted, self.events.seq,
            ),
        )  # fmt: skip

    def _steps(self, begun: datetime, end: datetime) -> str:
        """One after the other: people take most of the time. Returns the step at which it stopped early, or ""."""
        story, steps = self.story, self.text.steps
        people = sum(step.by_person for step in steps) or 1
        each = max((end - begun - timedelta(seconds=SECONDS * len(steps))) / people, timedelta(minutes=1))
        at, stops = begun, self._stop(len(steps))
        for position, step in enumerate(steps):
            if position > stops or at >= story.world.now:
                self._untouched(position, step, cancelled=self.over)
                continue
            took = each if step.by_person else timedelta(seconds=1 + story.chance.random() * (SECONDS - 2))
            done = min(at + took, end) if self.over else at + took
            if position == stops and self.over:
                self._broken(position, step, at, done)
            else:
                self._done(position, step, at, done)
            at = done
        return steps[min(stops, len(steps) - 1)].step_id if self.outcome == "failed" else ""

    def _stop(self, steps: int) -> int:
        """The position of the step that a run which doesn't complete stops at."""
        if self.outcome == "completed":
            return steps
        persons = [at for at, step in enumerate(self.text.steps) if step.by_person]
        return persons[0] if persons else steps // 2

    def _done(self, position: int, step: Step, at: datetime, done: datetime) -> None:
        story, ended = self.story, done < self.story.world.now
        if position == 0:
            story.take_up(at)
        skipped = ended and not step.by_person and story.chance.random() < 0.04
        data = f'{{"step_id": "{step.step_id}"}}'
        if skipped:
            self._step(position, step, "skipped", None, done, reason="Its condition did not hold.")
            self.events.tell("step.skipped", done, None, data)
            return
        self.events.tell("step.started", at, None, f'{{"step_id": "{step.step_id}", "attempt": 1}}')
        if step.by_person:
            self._task(step, at, done if ended else None)
        status = "completed" if ended else "waiting" if step.by_person else "running"
        self._step(position, step, status, at, done if ended else None)
        if ended:
            self.events.tell("step.completed", done, None, data)
            if step.activity_id == "update_issue" and position > 0:
                story.note(done, None, f"{self.key}:{step.step_id}:note")

    def _broken(self, position: int, step: Step, at: datetime, done: datetime) -> None:
        data = f'{{"step_id": "{step.step_id}"}}'
        self.events.tell("step.started", at, None, f'{{"step_id": "{step.step_id}", "attempt": 1}}')
        status = "failed" if self.outcome == "failed" else "cancelled"
        error = (
            '{"code": "no_answer", "message": "Nobody has answered in time."}' if status == "failed" else None
        )
        self._step(position, step, status, at, done, error=error)
        self.events.tell(f"step.{status}", done, None, data)

    def _untouched(self, position: int, step: Step, *, cancelled: bool) -> None:
        self._step(position, step, "cancelled" if cancelled else "pending", None, None)

    def _step(
        self,
        position: int,
        step: Step,
        status: str,
        at: datetime | None,
        done: datetime | None,
        *,
        error: str | None = None,
        reason: str = "",
    ) -> None:
        output = _output(step, at, done) if status == "completed" else None
        self.story.rows.add(
            "step_runs",
            (
                self.key, step.step_id, position, step.activity_id, step.title, status, 0 if at is None else 1,
                int(error is not None), 0, output, error, reason, at, done,
            ),
        )  # fmt: skip

    def _task(self, step: Step, at: datetime, done: datetime | None) -> None:
        story, kind = self.story, self.story.kind
        key, crew = story._uuid(), step.activity_id == "dispatch_crew"
        who = story._by() if done or story.chance.random() < 0.3 else None
        due = story.world.due(
            at, step.due or (kind.target if kind else ""), kind.department if kind else None
        )
        told = f'{{"task": "{key}", "step_id": "{step.step_id}"'
        self.events.tell(
            "task.opened", at, None, f'{told}, "kind": "{step.activity_id}", "group": "{step.group}"}}'
        )
        if done:
            self.events.tell("task.decided", done, who, f'{told}, "outcome": "done"}}')
        held = done is None and story.chance.random() < 0.05
        story.rows.add(
            "human_tasks",
            (
                key, self.key, step.step_id, step.activity_id, f"{self.key}:{step.step_id}:{step.activity_id}",
                step.title, step.question, CREW if crew else step.form, '["done"]',
                step.group or ("dispatcher" if crew else "supervisor"), False, who, at if who else None, "", True,
                kind.department if kind else None, step.due if due else "", due, "{}", 0,
                "Waiting for a part." if held else "",
                f"Crew {1 + story.chance.randrange(24)}" if crew and done else "", "",
                "decided" if done else "on_hold" if held else "open", "done" if done else "",
                _output(step, at, done) if done else None, "", at, done, who if done else None, "",
            ),
        )  # fmt: skip


def _output(step: Step, at: datetime | None, done: datetime | None) -> str:
    """What came out of a step, as its activity says it."""
    end = done.isoformat() if done else ""
    match step.activity_id:
        case "dispatch_crew":
            begun = at.isoformat() if at else end
            times = f'"accepted_at": "{begun}", "completed_at": "{end}"'
            return f'{{"crew": "Crew 7", {times}, "notes": "Done.", "photos": []}}'
        case "send_notification":
            return '{"notification_id": "seeded", "channel": "email", "status": "sent"}'
        case "update_issue":
            return f'{{"status": "IN_PROGRESS", "updated_at": "{end}"}}'
        case "confirm_completion":
            return '{"confirmed": true}'
        case "wait_until":
            return f'{{"ended_at": "{end}"}}'
    return "{}"
