"""What mudda is compared with: the least service that writes the same rows and starts the same run in Temporal.

FastAPI and asyncpg, without Django: no authentication, no limits, no idempotency, no check of a plan. The texts that
mudda works out (the draft, the compiled plan) are made beforehand and only written here. The database is mudda's own,
so that its worker carries out these runs too: what is written is what a run needs.

Served by uvicorn as mudda is: ``BENCHMARK_TEMPLATE`` names the file that ``benchmarks.side_by_side`` makes.
"""

import json
import os
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from fastapi import FastAPI, HTTPException
from psycopg.conninfo import conninfo_to_dict
from pydantic import BaseModel
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy

from executions.temporal.contracts import PLAN_WORKFLOW, RunInput

Row = Mapping[str, str | None]
POOL = 20
"""As ``DATABASE_POOL_MAX``."""
EVENTS = (
    "INSERT INTO mudda_event (stream, seq, type, at, actor_id, data) "
    "SELECT stream, seq, type, $1, $2, data::jsonb FROM unnest($3::text[], $4::int[], $5::text[], $6::text[]) "
    "AS added(stream, seq, type, data)"
)


class ExecuteInput(BaseModel):
    execution_data: dict[str, Any] = {}
    approve: bool = False
    digest: str | None = None


class Launched(BaseModel):
    execution_id: UUID
    workflow_plan_id: UUID
    temporal_workflow_id: str
    status: str


class GenerateInput(BaseModel):
    problem_statement: str


class Drafted(BaseModel):
    workflow_id: UUID
    issue_id: str
    workflow_plan: dict[str, Any]
    digest: str


class Insert:
    """An insert of a row like one that mudda has written, with other values in some of its columns."""

    def __init__(self, table: str, like: Row, given: Collection[str], *, returning: str = "") -> None:
        self._order = tuple(name for name in like if name in given)
        number = {name: f"${at}" for at, name in enumerate(self._order, 1)}
        columns = [name for name in like if name not in {"id"} - set(given)]
        values = ", ".join(number.get(name) or _literal(like[name]) for name in columns)
        names = ", ".join(f'"{name}"' for name in columns)
        self._sql = f'INSERT INTO "{table}" ({names}) VALUES ({values})'  # noqa: S608 (mudda's own names)
        self._sql += f" RETURNING {returning}" if returning else ""

    async def one(self, db: Any, **values: Any) -> Any:
        """Insert a row; what ``returning`` names."""
        return await db.fetchval(self._sql, *(values[name] for name in self._order))

    async def many(self, db: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert several in one round trip."""
        await db.executemany(self._sql, [[row[name] for name in self._order] for row in rows])


def _literal(text: str | None) -> str:
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


class Service:
    """The connections, and the statements made of the template."""

    def __init__(self, template: Mapping[str, Any]) -> None:
        self.template = template
        rows = template["rows"]
        self.approval = Insert(
            "plan_approvals", rows["approval"], {"revision_id", "approver_id", "approved_at"}, returning="id"
        )
        self.execution = Insert(
            "workflow_executions",
            rows["execution"],
            {
                "id",
                "plan_id",
                "revision_id",
                "approval_id",
                "execution_data",
                "compiled",
                "issue_facts",
                "event_seq",
                "started_by_id",
                "created_at",
            },
        )
        self.step = Insert(
            "step_runs", rows["step"], {"execution_id", "step_id", "position", "activity_id", "title"}
        )
        self.issue = Insert(
            "issues_issue", rows["issue"], {"statement", "event_seq", "reported_at"}, returning="id"
        )
        self.plan = Insert(
            "workflow_plans", rows["plan"], {"id", "issue_id", "current_id", "event_seq", "created_at"}
        )
        self.revision = Insert(
            "plan_revisions",
            rows["revision"],
            {"plan_id", "document", "canonical_text", "created_at"},
            returning="id",
        )
        self.run = Insert("planner_runs", rows["run"], {"id", "plan_id", "revision_id", "created_at"})
        self.compiled = json.dumps(template["compiled"])
        self.steps = template["compiled"]["steps"]
        self.document = json.dumps(template["document"])

    async def connect(self) -> None:
        where = conninfo_to_dict(os.environ["DATABASE_URL"])  # asyncpg reads a socket's folder only by itself
        self.db = await asyncpg.create_pool(
            host=where["host"],
            port=where["port"],
            user=where["user"],
            password=where.get("password"),
            database=where["dbname"],
            min_size=1,
            max_size=POOL,
            server_settings={"search_path": "public,workflow"},
        )
        self.temporal = await Client.connect(
            os.environ["TEMPORAL_HOST"], namespace=os.environ["TEMPORAL_NAMESPACE"]
        )

    async def launch(self, plan_id: UUID, given: ExecuteInput) -> UUID:
        """Write the approval, the execution with its steps, and their events; then start it."""
        execution_id, now, digest = uuid4(), datetime.now(UTC), self.template["compiled"]["digest"]
        async with self.db.acquire() as db, db.transaction():
            plan = await db.fetchrow(
                "UPDATE workflow_plans SET status = 'APPROVED', event_seq = event_seq + 2, updated_at = $2 "
                "WHERE id = $1 RETURNING current_id, created_by_id, issue_id, event_seq",
                plan_id,
                now,
            )
            if plan is None:
                raise HTTPException(404)
            facts = {**self.template["issue_facts"], "reference": f"ISSUE-{plan['issue_id']:06d}"}
            by = plan["created_by_id"]
            approval_id = await self.approval.one(
                db, revision_id=plan["current_id"], approver_id=by, approved_at=now
            )
            await self.execution.one(
                db,
                id=execution_id,
                plan_id=plan_id,
                revision_id=plan["current_id"],
                approval_id=approval_id,
                execution_data=json.dumps(given.execution_data),
                compiled=self.compiled,
                issue_facts=json.dumps(facts),
                event_seq=1,
                started_by_id=by,
                created_at=now,
            )
            await self.step.many(
                db,
                [
                    {
                        "execution_id": execution_id,
                        "step_id": step["step_id"],
                        "position": at,
                        "activity_id": step["activity_id"],
                        "title": step["title"],
                    }
                    for at, step in enumerate(self.steps)
                ],
            )
            launched = {"execution": str(execution_id), "digest": digest}
            last = plan["event_seq"]
            await self.tell(
                db,
                now,
                by,
                (f"plan:{plan_id}", last - 1, "plan.approved", {"approval": approval_id, "digest": digest}),
                (f"execution:{execution_id}", 1, "execution.launched", launched),
                (f"plan:{plan_id}", last, "plan.launched", launched),
            )
        await self.start(execution_id, facts, given.execution_data)
        return execution_id

    async def start(self, execution_id: UUID, facts: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        read = self.template["read"]
        handle = await self.temporal.start_workflow(
            PLAN_WORKFLOW,
            RunInput(
                execution_id=str(execution_id),
                compiled=self.template["carried"],
                issue={name: facts[name] for name in read["issue"]},
                data={name: data[name] for name in read["data"]},
            ),
            id=f"mudda-workflow-{execution_id}",
            task_queue=self.template["task_queue"],
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            rpc_timeout=timedelta(seconds=5),
        )
        await self.db.execute(
            "UPDATE workflow_executions SET temporal_run_id = $2 WHERE id = $1",
            execution_id,
            handle.result_run_id,
        )

    async def draft(self, statement: str) -> tuple[UUID, int]:
        """Write the issue, the plan with its revision and its planner's run, and their events."""
        plan_id, now = uuid4(), datetime.now(UTC)
        events = self.template["events"]
        of_issue = sum(event["of"] == "issue" for event in events)
        async with self.db.acquire() as db, db.transaction():
            issue_id = await self.issue.one(db, statement=statement, event_seq=of_issue, reported_at=now)
            await self.plan.one(
                db,
                id=plan_id,
                issue_id=issue_id,
                current_id=None,
                event_seq=len(events) - of_issue,
                created_at=now,
            )
            revision_id = await self.revision.one(
                db,
                plan_id=plan_id,
                document=self.document,
                canonical_text=self.template["canonical_text"],
                created_at=now,
            )
            await db.execute("UPDATE workflow_plans SET current_id = $2 WHERE id = $1", plan_id, revision_id)
            await self.run.one(db, id=uuid4(), plan_id=plan_id, revision_id=revision_id, created_at=now)
            stream = {"issue": f"issue:{issue_id}", "plan": f"plan:{plan_id}"}
            told = [(stream[one["of"]], one["seq"], one["type"], one["data"]) for one in events]
            await self.tell(db, now, self.template["actor"], *told)
        return plan_id, issue_id

    async def tell(
        self, db: Any, now: datetime, by: int, *events: tuple[str, int, str, Mapping[str, Any]]
    ) -> None:
        streams, numbers, types, data = zip(*events, strict=True)
        await db.execute(EVENTS, now, by, streams, numbers, types, [json.dumps(one) for one in data])


service = Service(json.loads(Path(os.environ["BENCHMARK_TEMPLATE"]).read_text()))


@asynccontextmanager
async def _connected(app: FastAPI) -> AsyncIterator[None]:
    await service.connect()
    yield


application = FastAPI(lifespan=_connected)


@application.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@application.post("/workflows/{workflow_id}/execute", status_code=202)
async def execute(workflow_id: UUID, given: ExecuteInput) -> Launched:
    execution_id = await service.launch(workflow_id, given)
    return Launched(
        execution_id=execution_id,
        workflow_plan_id=workflow_id,
        temporal_workflow_id=f"mudda-workflow-{execution_id}",
        status="pending",
    )


@application.post("/workflows/generate", status_code=201)
async def generate(given: GenerateInput) -> Drafted:
    plan_id, issue_id = await service.draft(given.problem_statement)
    return Drafted(
        workflow_id=plan_id,
        issue_id=f"ISSUE-{issue_id:06d}",
        workflow_plan=service.template["document"],
        digest=service.template["digest"],
    )
