"""``make demo``: the main job, through the HTTP API, on a stack of its own that is gone afterwards.

Everything is embedded and hermetic: no setting, database, mail server or OpenAI key of the caller's is used.
What the demo made (mail, PDF, logs) stays in ``.mudda/demo`` until the next run.
"""

import argparse
import email
import email.policy
import io
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pypdf import PdfReader

from mudda.devstack import paper
from mudda.devstack.client import Client, DemoError
from mudda.devstack.errors import StackError, tail
from mudda.devstack.ownership import Lock, clear_leftovers
from mudda.devstack.site import Site
from mudda.environment import BASE_DIR

STATEMENT: Final = "Water leak at 123 Main St"
PLACE: Final = "123 Main St"
REPORTER: Final = {"name": "Ada Lovelace", "email": "ada.lovelace@example.org"}
CREW: Final = "Crew 7"
SCOPES: Final = (
    "plans:read", "plans:write", "plans:approve", "executions:read", "executions:write", "tasks:read", "tasks:write",
)  # fmt: skip
FOLLOW_SECONDS: Final = 60.0


def main(arguments: list[str]) -> int:
    """Run the demo; return 0 when every part of it did what it should, else 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--home", type=Path, default=BASE_DIR / ".mudda" / "demo", help="remade by every run")
    home = parser.parse_args(arguments).home.resolve()
    begun = time.monotonic()
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda signum, _: sys.exit(128 + signum))
    try:
        _require_ours(home)
        with Lock(home, instead="Wait for it to end."):
            clear_leftovers(home)
            _empty(home)
            _run(Site(home), begun)
    except StackError as problem:
        print(f"\nThe demo failed: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    print(f"\nDone in {time.monotonic() - begun:.0f} s; everything that was started is stopped again.")
    return 0


def _run(site: Site, begun: float) -> None:
    try:
        print("Starting PostgreSQL, Temporal, the web server and the worker (all embedded) ...", flush=True)
        site.launch()
        client = Client(site.url, site.create_api_key("demo", *SCOPES))
        site.wait()
        print(f"ready {site.url}/ after {time.monotonic() - begun:.0f} s", flush=True)
        do_the_main_job(site, client)
    except DemoError as problem:
        ends = [f"{child.name}, {child.log}:\n{tail(child.log)}" for child in (site.web, site.worker)]
        raise StackError("\n".join([str(problem), *ends])) from problem
    finally:
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
        site.stop()


def do_the_main_job(site: Site, client: Client) -> None:
    """Generate, approve, execute, follow, and read back what came of it.

    Raises:
        DemoError: the API answered otherwise than it should, or something is missing at the end.
        StackError: a process ended on the way.
    """
    paper.heading("A citizen reports a water leak; mudda drafts a plan")
    report = {"problem_statement": STATEMENT, "reporter": REPORTER}
    plan = client.call("POST", "/workflows/generate", report, 201)
    paper.plan(plan["workflow_plan"])

    paper.heading("City staff approve exactly the plan that they have read")
    path = f"/workflows/{plan['workflow_id']}"
    client.call("POST", f"{path}/approve", {"digest": plan["digest"]}, 200)

    paper.heading("... and launch it")
    asked = {"execution_data": {"issue_id": "ISSUE-001", "priority": "high"}}
    launched = client.call("POST", f"{path}/execute", asked, 202)

    path = f"/workflows/executions/{launched['execution_id']}"
    paper.heading("The worker carries it out, up to where it needs a crew")
    waiting = follow(site, client, path, until=waits_for_crew)

    paper.heading("The crew accepts, repairs the leak, and says so")
    play_the_crew(client, waiting["waiting_on"][0]["task_id"])

    paper.heading("The worker carries it on to its end")
    done = follow(site, client, path)
    paper.answer(200, done)
    if done["status"] != "completed":
        raise DemoError(f"the execution ended as {done['status']}")

    paper.heading("What came of it: e-mail")
    read_mail(site.home / "mail")
    paper.heading("What came of it: a report")
    read_report(client, plan["workflow_plan"], done["execution_data"], site.home / "report.pdf")


def waits_for_crew(execution: dict[str, Any]) -> bool:
    """Whether the crew has its letter: its task is there a moment earlier."""
    return any(step["status"] == "waiting" for step in execution["steps"])


def play_the_crew(client: Client, task_id: str) -> None:
    """Do through the API what a crew does on its phone, with the signed link in its letter.

    Raises:
        DemoError: the API answered otherwise than it should.
    """
    arrival = datetime.now(UTC) + timedelta(minutes=30)
    path = f"/workflows/tasks/{task_id}"
    accepted = {"crew": CREW, "arrival_at": arrival.isoformat(timespec="seconds")}
    client.call("POST", f"{path}/accept", accepted, 200, shown=("status", "crew", "arrival_at"))
    answer = {"notes": "A joint of the main had cracked. Clamped, flushed, surface restored."}
    body = {"outcome": "done", "answer": answer}
    client.call("POST", f"{path}/decide", body, 200, shown=("status", "outcome", "answer"))


def follow(
    site: Site, client: Client, path: str, *, until: Callable[[dict[str, Any]], bool] = lambda run: False
) -> dict[str, Any]:
    """Poll an execution until it ends or ``until`` holds, printing what changes; return it.

    Raises:
        DemoError: neither happens within a minute.
        StackError: the web server or the worker ended.
    """
    print(f"GET {path}")
    begun, seen = time.monotonic(), dict[str, str]()
    while True:
        site.web.require_alive()
        site.worker.require_alive()
        execution = client.get(path)
        statuses = {step["step_id"]: step["status"] for step in execution["steps"]}
        for name, status in {**statuses, "the execution": execution["status"]}.items():
            if seen.get(name) != status:
                seen[name] = status
                print(f"  {time.monotonic() - begun:5.1f} s  {name:24}  {status}", flush=True)
        if execution["completed_at"] or until(execution):
            return execution
        if time.monotonic() - begun > FOLLOW_SECONDS:
            raise DemoError(f"the execution has not ended within {FOLLOW_SECONDS:g} s")
        time.sleep(0.2)


def read_mail(folder: Path) -> None:
    """Print every mail that was sent, and where it lies.

    Raises:
        DemoError: the reporter or the department got none.
    """
    receivers: set[str] = set()
    for file in sorted(folder.glob("*.eml")):
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        body = message.get_body(("plain", "html"))
        print(f"{file}")
        for header in ("From", "To", "Subject", "Date"):
            print(f"    {header}: {message[header]}")
        paper.text(body.get_content() if body else "(no text)")
        receivers.update(address.addr_spec for address in message["To"].addresses)
    if REPORTER["email"] not in receivers:
        raise DemoError(f"no mail to the reporter in {folder}")
    if len(receivers) < 2:
        raise DemoError(f"no mail to the department in {folder}")


def read_report(client: Client, plan: Mapping[str, Any], data: Mapping[str, Any], file: Path) -> None:
    """Fetch the report's PDF with the key, save it, and print its text.

    Raises:
        DemoError: there is no report, or it does not name the place.
    """
    steps = [step["step_id"] for step in plan["steps"] if step["activity_id"] == "generate_report"]
    written = [data["results"][step] for step in steps if step in data.get("results", {})]
    if not written:
        raise DemoError("the execution has no report among its results")
    url = written[0]["url"]
    print(f"GET {url}")
    file.write_bytes(client.download(url, "application/pdf"))
    pages = PdfReader(io.BytesIO(file.read_bytes())).pages
    text = "\n".join(page.extract_text() for page in pages)
    print(f"{file}, {len(pages)} page(s)")
    paper.text(text)
    if PLACE not in " ".join(text.split()):
        raise DemoError(f"the report does not name the place, {PLACE}")


def _require_ours(home: Path) -> None:
    if home.exists() and any(home.iterdir()) and not (home / "stack.lock").exists():
        raise StackError(f"{home} holds something that is not a demo's; every run empties its folder")


def _empty(home: Path) -> None:
    """Remove what the last run left."""
    for entry in home.iterdir():
        if entry.name == "stack.lock":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
