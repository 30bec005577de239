"""What the documents say is what the code does."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

STACK_ONLY = {"MUDDA_HOME", "MUDDA_ENV_FILE", "TEMPORAL_PORT", "TEMPORAL_UI_PORT"}


def test_the_example_environment_names_every_setting_and_no_other():
    code = (ROOT / "mudda/settings.py").read_text()
    read = set(re.findall(r'env(?:\.\w+)?\("([A-Z_]+)"', code)) | STACK_ONLY
    named = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert named == read


def test_the_api_page_names_every_error_code():
    page = (ROOT / "docs/api.md").read_text()
    rooms = ("mudda", "issues", "workflows", "executions")
    codes = set()
    for room in rooms:
        for file in (ROOT / room).glob("*.py"):
            codes |= set(re.findall(r'^    code = "(\w+)"', file.read_text(), re.MULTILINE))
    internal = {"error", "conflict", "unprocessable", "unavailable", "migrations_missing", "unknown_scope"}
    internal |= {"temporal_unavailable", "temporal_refused", "temporal_workflow_gone"}
    internal |= {"bad_network", "department_beyond_owner", "key_revoked", "cannot_unseal"}
    internal |= {"being_sent", "execution_not_started"}  # the dispatcher's, tried again
    assert {code for code in codes - internal if f"`{code}`" not in page} == set()


def test_no_link_in_the_documents_leads_nowhere():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} -> {target}"
