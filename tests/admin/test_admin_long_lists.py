"""Lists that may be long: counted roughly beyond a number, paged by keys, and searched along indexes."""

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from executions.console.task_admin import TaskAdmin, kinds
from executions.models import HumanTask
from executions.task_models import OPEN_FIRST, TASK_WORDS
from executions.tasks import open_task
from issues.lists import query_for
from issues.models import Category
from issues.services import report_issue
from mudda.long_lists import LongPaginator
from mudda.models import Event
from tests import factories
from workflows.models import TITLE_WORDS, WorkflowPlan
from workflows.plan.schema import GROUPS

CATEGORIES = "admin:issues_category_changelist"
TASKS = "admin:executions_humantask_changelist"
PLANS = "admin:workflows_workflowplan_changelist"
RUNS = "admin:executions_workflowexecution_changelist"
TASKS_PAGE = re.compile(r' FROM "human_tasks" .* LIMIT [12]( OFFSET \d+)?$')
EVENTS = "admin:mudda_event_changelist"


def listed(client, place, query=""):
    answer = client.get(reverse(place) + query)
    assert answer.status_code == 200
    return answer


def shown(client, place, query=""):
    return list(listed(client, place, query).context["cl"].result_list)


@pytest.fixture
def tasks(step):
    """Seven: the even ones open, of ever later openings."""
    for at in range(7):
        task = open_task(
            step, kind="approval", title=f"Task {at}", question="Is it well?", outcomes=["ok"], suffix=str(at)
        )
        opened = timezone.now() - timedelta(hours=20 - at)
        status = "decided" if at % 2 else "open"
        HumanTask.objects.filter(pk=task.pk).update(opened_at=opened, status=status)


# --- counting ---------------------------------------------------------------------------------------


def test_a_list_is_counted_to_the_row_until_it_is_long(administrator, monkeypatch):
    every = Category.objects.count()
    exact = listed(administrator, CATEGORIES).content.decode()
    assert re.search(rf"\s{every}\s+categories", exact)
    assert "about" not in exact.partition("<main")[2]
    narrowed = listed(administrator, CATEGORIES, "?q=water").content.decode()
    assert f"{every} total" in narrowed
    monkeypatch.setattr(LongPaginator, "counted", 10)
    rough = listed(administrator, CATEGORIES).content.decode()
    [estimate] = re.findall(r"\sabout (\d+)\s+categories", rough)
    assert int(estimate) > 10
    narrowed = listed(administrator, CATEGORIES, "?q=water").content.decode()
    assert re.search(r"\d+ results? \(.*about \d+ total", narrowed, re.S)


def test_what_nobody_has_narrowed_is_counted_once(administrator):
    with CaptureQueriesContext(connection) as queries:
        listed(administrator, CATEGORIES, "?o=1")
    assert sum("COUNT(" in one["sql"] for one in queries) == 1


# --- pages ------------------------------------------------------------------------------------------


def test_pages_follow_one_another_and_are_found_by_keys_alone(owner, tasks, monkeypatch):
    monkeypatch.setattr(TaskAdmin, "list_per_page", 2)
    titles, counts = [], set()
    for page in range(1, 5):
        with CaptureQueriesContext(connection) as queries:
            titles += [task.title for task in shown(owner, TASKS, f"?p={page}")]
        counts.add(len(queries))
        [found] = [one["sql"] for one in queries if TASKS_PAGE.search(one["sql"])]
        assert "JOIN" not in found
    assert titles == [f"Task {at}" for at in (6, 4, 2, 0, 5, 3, 1)]
    assert len(counts) == 1


def test_the_list_of_tasks_is_read_along_its_index(tasks):
    rows = HumanTask.objects.filter(sandbox=None).order_by(OPEN_FIRST, "-opened_at", "-pk")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
    assert "task_open_first" in rows.explain()


# --- filters ----------------------------------------------------------------------------------------


def test_filters_offer_what_is_known_and_narrow_by_it(owner, tasks):
    text = listed(owner, TASKS).content.decode()
    for group in GROUPS:
        assert f"?group={group}" in text
    for kind in kinds():
        assert f"?kind={kind}" in text
    assert {"approval", "uncertain_effect", "dispatch_crew", "inspect_site"} <= {*kinds()}
    HumanTask.objects.filter(title="Task 2").update(group="planner", kind="inspect_site")
    assert [task.title for task in shown(owner, TASKS, "?group=planner")] == ["Task 2"]
    assert [task.title for task in shown(owner, TASKS, "?kind=inspect_site")] == ["Task 2"]
    assert shown(owner, TASKS, "?kind=nothing") == []


def test_plans_are_narrowed_by_who_wrote_them(owner, draft):
    text = listed(owner, PLANS).content.decode()
    for planner in ("openai", "playbooks", "staff"):
        assert f"?current__planner={planner}" in text
    assert shown(owner, PLANS, "?current__planner=playbooks") == [draft]
    assert shown(owner, PLANS, "?current__planner=staff") == []


def test_the_list_of_plans_has_the_plans_that_a_person_may_see(people, draft):
    """``listed_for`` says in another way what ``visible_to`` says."""
    other = report_issue(statement="A tree fell", category=Category.objects.get(code="tree"))
    nowhere = report_issue(statement="Something")
    for issue in (other, nowhere):
        for by in (*people.values(), None):
            WorkflowPlan.objects.create(issue=issue, status="DRAFTING", created_by=by)
            WorkflowPlan.objects.create(issue=issue, status="DRAFT", created_by=by)
    for user in (*people.values(), factories.make_user(is_superuser=True)):
        assert {*WorkflowPlan.objects.listed_for(user)} == {*WorkflowPlan.objects.visible_to(user)}
    assert WorkflowPlan.objects.listed_for(people["outsider"]).count() == 11


# --- words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "is_found"),
    [
        ("leak", True),
        ("LEA", True),
        ("123 main", True),
        ("the leak at main", True),  # words that no index has are passed over
        ("zebra leak", True),  # one of the title, one of the statement
        ("zeb 123", True),
        ("zebra tree", False),
        ("tree", False),
        ("  ", True),
        ("!!", True),
        ("' & | ! ( :*", True),
    ],
)
def test_plans_and_runs_are_found_by_words_of_title_statement_and_address(owner, run, words, is_found):
    WorkflowPlan.objects.update(title="Zebra crossing")
    for place, row in ((PLANS, run.plan), (RUNS, run)):
        assert shown(owner, place, f"?q={quote(words)}") == ([row] if is_found else [])


@pytest.mark.parametrize(
    ("words", "found"), [("task 3", 1), ("well", 7), ("is it wel", 7), ("tree", 0), ("!!", 0), (" ", 7)]
)
def test_tasks_are_found_by_words_of_title_and_question(owner, tasks, words, found):
    assert len(shown(owner, TASKS, f"?q={quote(words)}")) == found


def test_words_are_found_along_indexes(tasks, run):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
    for model, words, index in (
        (HumanTask, TASK_WORDS, "task_words"),
        (WorkflowPlan, TITLE_WORDS, "plan_title_words"),
    ):
        assert (
            index in model.objects.order_by().alias(words=words).filter(words=query_for("a leak")).explain()
        )


def test_events_are_found_by_a_part_of_their_type_and_by_their_stream(administrator, draft, issue):
    def found(text):
        return {(event.stream, event.type) for event in shown(administrator, EVENTS, f"?q={quote(text)}")}

    every = {*Event.objects.values_list("stream", "type")}
    assert found("plan.drafted") == {one for one in every if one[1] == "plan.drafted"} != set()
    assert found("Drafted") == {one for one in every if "drafted" in one[1]}
    assert found(draft.stream) == {one for one in every if one[0] == draft.stream} != set()
    assert found(str(draft.pk)) == found(draft.stream)
    assert found("nothing-is-called-so") == set()
    assert found(" ") == every
