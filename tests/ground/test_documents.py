"""What the documents say is what the code does."""

import re
from pathlib import Path

from mudda import event_types
from mudda.environment import GUIDE_NAMES, SECRETS, TEMPORALS_OWN
from mudda.monitoring import wanted

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("mudda", "issues", "workflows", "executions")

NO_EVENTS = {"issue.department", "issue.reference", "issue.reporter", "plan.title"}
"""What looks like a type of event and is a reference in a plan, or a field."""

STACK_ONLY = {"MUDDA_HOME", "MUDDA_ENV_FILE", "TEMPORAL_PORT", "TEMPORAL_UI_PORT"}


def test_the_example_environment_names_every_setting_and_no_other():
    code = (ROOT / "mudda/settings.py").read_text()
    read = set(re.findall(r'env(?:\.\w+)?\("([A-Z_]+)"', code)) | STACK_ONLY
    read |= {*SECRETS, *GUIDE_NAMES, *TEMPORALS_OWN, *wanted.VARIABLES}
    named = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert named == read


def test_the_page_of_events_lists_every_type_as_the_catalogue_has_it():
    page = (ROOT / "docs/events.md").read_text()
    listed = re.findall(r"^\| `(\w+\.\w+)` \| (.*) \| (.*) \|$", page, re.MULTILINE)
    known = [(kind.name, kind.description, members_of(kind)) for kind in event_types.known().values()]
    assert sorted(listed) == known


def members_of(kind):
    optional = dict.fromkeys(kind.optional, " (optional)")
    return ", ".join(f"`{name}`{optional.get(name, '')}: {words}" for name, words in kind.fields.items())


def test_every_type_of_event_that_the_code_names_is_in_the_catalogue():
    name, named = re.compile(r'"((?:issue|plan|policy|execution|step|task|webhook)\.[a-z_]+)"'), set()
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            if file.name != "event_types.py":
                named |= set(name.findall(file.read_text()))
    assert named - NO_EVENTS - set(event_types.known()) == set()


def test_every_state_that_a_step_or_a_run_comes_to_has_a_type_of_event():
    from executions.models import ExecutionStatus, StepStatus

    steps = {f"step.{status}" for status in StepStatus.values}
    runs = {
        f"execution.{status}" for status in ExecutionStatus.values if status not in {"pending", "running"}
    }
    assert (steps | runs) - set(event_types.known()) == set()


def test_no_link_in_the_documents_leads_nowhere():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} -> {target}"
