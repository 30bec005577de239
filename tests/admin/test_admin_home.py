"""The home page: what waits for whom, and how it goes; each number leads to the list with just that."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from executions.models import HumanTask, WorkflowExecution
from executions.services import launch_execution
from executions.tasks import open_task
from issues.models import Category, Issue
from issues.services import report_issue, update_issue
from mudda.charts import Row, bars, columns
from tests import factories
from tests.admin.looking import HOSTILE, assert_tame

HOME = "/admin/"
FAILED = "Runs that failed in the last 30 days"


def tile(text, title):
    """The number, the address and the whole of the home page's tile with this title."""
    found = re.search(
        r'<h2><a href="([^"]*)"><span class="md-count">(\d+)</span> '
        + re.escape(title)
        + r"</a></h2>(.*?)</section>",
        text,
        re.S,
    )
    assert found, f"no tile {title}"
    return int(found[2]), unescape(found[1]), found[3]


def read(client):
    return client.get(HOME).content.decode()


def _fail(days_ago=0):
    WorkflowExecution.objects.update(status="failed", completed_at=timezone.now() - timedelta(days=days_ago))


def listed(client, url):
    """How many rows the list at ``url`` says that it has."""
    response = client.get(url)
    assert response.status_code == 200
    return response.context["cl"].result_count


@pytest.fixture
def task(run, step):
    return open_task(
        step,
        kind="confirm_completion",
        title="Is it mended?",
        outcomes=["done"],
        group="supervisor",
        due="PT4H",
    )


def test_every_number_leads_to_the_list_with_as_many(owner, draft, run, step, issue, people):
    WorkflowExecution.objects.update(status="running")
    open_task(step, kind="confirm_completion", title="Mine by group", outcomes=["done"], group="supervisor")
    factories.make_plan(by=people["owner"])
    Issue.objects.filter(pk=issue.pk).update(due_at=timezone.now() - timedelta(days=2))
    text = read(owner)
    for title, expected in {
        "My open tasks": 1,
        "Drafts to review": 1,
        "Runs waiting for a person": 1,
        FAILED: 0,
        "Overdue issues": 1,
        "Open issues": Issue.objects.filter(status="OPEN").count(),
    }.items():
        count, url, _ = tile(text, title)
        assert count == expected, title
        assert listed(owner, url) == expected, title


def test_my_tasks_are_mine_and_my_groups_by_due_time(owner, step, people):
    now, me = timezone.now(), people["owner"]
    tasks = {
        name: open_task(step, kind="confirm_completion", title=name, outcomes=["done"], suffix=name, group=group)
        for name, group in (
            ("late", "supervisor"), ("soon", "supervisor"), ("mine", ""), ("theirs", "administrator"), ("taken", ""),
        )
    }  # fmt: skip
    for name, hours in (("late", -3), ("soon", 2), ("mine", 1), ("theirs", 1), ("taken", 1)):
        HumanTask.objects.filter(pk=tasks[name].pk).update(due_at=now + timedelta(hours=hours))
    HumanTask.objects.filter(pk=tasks["mine"].pk).update(assignee=me)
    HumanTask.objects.filter(pk=tasks["taken"].pk).update(assignee=people["colleague"])
    count, url, shown = tile(read(owner), "My open tasks")
    assert re.findall(r"<bdi>(late|soon|mine|theirs|taken)</bdi>", shown) == ["late", "mine", "soon"]
    assert (count, listed(owner, url)) == (3, 3)
    assert "Overdue: was due" in shown and "1 task is overdue" in shown
    assert listed(owner, "/admin/executions/humantask/?for=me&state=overdue") == 1
    HumanTask.objects.filter(pk=tasks["theirs"].pk).update(due_at=now - timedelta(hours=1))
    assert "1 task is overdue" in tile(read(owner), "My open tasks")[2]


def test_a_run_that_waits_for_nobody_does_not_wait_for_a_person(owner, run, task):
    WorkflowExecution.objects.update(status="running")
    assert tile(read(owner), "Runs waiting for a person")[0] == 1
    HumanTask.objects.update(awaited=False)
    assert tile(read(owner), "Runs waiting for a person")[0] == 0
    HumanTask.objects.update(awaited=True, status="decided")
    assert tile(read(owner), "Runs waiting for a person")[0] == 0


def test_late_runs_and_failed_runs_are_told(owner, run):
    _fail()
    count, url, shown = tile(read(owner), FAILED)
    assert count == listed(owner, url) == 1 and run.plan.title in shown
    _fail(days_ago=31)
    count, url, shown = tile(read(owner), FAILED)
    assert count == listed(owner, url) == 0
    assert listed(owner, unescape(re.search(r'href="([^"]*)">All that failed', shown)[1])) == 1
    WorkflowExecution.objects.update(status="running", due_at=timezone.now() - timedelta(hours=1))
    _, _, shown = tile(read(owner), "Runs waiting for a person")
    assert "1 run is overdue" in shown
    assert listed(owner, "/admin/executions/workflowexecution/?target=overdue") == 1


def test_an_empty_home_says_what_would_fill_it(administrator):
    text = read(administrator)
    for sentence in (
        "Runs open tasks when they need a person.",
        "“Draft a plan” on an issue makes one.",
        "appear here until they are answered.",
        "with the reason.",
        "when they pass their category&#x27;s target.",
        "New reports appear here.",
        "makes a draft.",
        "Approved ones are counted here.",
        "Resolved and closed ones are counted here.",
    ):
        assert sentence in text


def test_departments_limit_what_is_counted(owner, outsider, colleague, draft, run, task, issue):
    _fail()
    Issue.objects.filter(pk=issue.pk).update(due_at=timezone.now() - timedelta(days=2))
    text = read(outsider)
    for title in ("My open tasks", FAILED, "Overdue issues", "Open issues"):
        assert tile(text, title)[0] == 0, title
    assert issue.reference not in text and "Water Supply" not in text
    assert tile(read(colleague), FAILED)[0] == 1
    assert tile(read(colleague), "My open tasks")[0] == 0  # a viewer is in no group that does tasks


def test_nobody_signs_in_first_and_who_is_in_no_group_is_told_so(nobody, city, client):
    assert nobody.get(HOME).url.startswith(reverse("admin:login"))
    client.force_login(factories.make_user())
    assert "in no group yet" in read(client)


def test_charts_show_drafts_approvals_and_completions_by_department(owner, administrator, run, issue):
    Issue.objects.filter(pk=issue.pk).update(
        reported_at=timezone.now() - timedelta(days=3), due_at=timezone.now() - timedelta(days=2)
    )
    update_issue(issue_id=issue.pk, status="RESOLVED")
    text = read(administrator)
    assert "1 plans were drafted" in text or "1 plan was drafted" in text
    assert text.count("<figure") == 3
    completion = text[text.index("Time to completion") :].split("</figure>")[0]
    assert (
        "3.0 days" in completion
        and "of 24 h" in completion
        and "md-chart-late" in completion
        and "0%" in completion
    )
    assert completion.count("<bdi>Water Supply</bdi>") == 1
    assert (
        listed(
            administrator,
            unescape(re.search(r'href="(/admin/issues/issue/\?department[^"]*)"', completion)[1]),
        )
        == 1
    )


def test_the_numbers_of_charts_lead_to_what_they_are_made_of_and_nothing_older(owner, issue, draft, run):
    """Beside what is counted there is something before the window, and something that isn't counted otherwise."""
    from workflows.models import WorkflowPlan

    now, water = timezone.now(), issue.category
    done, long_done, open_one = (report_issue(statement=f"Leak {n}", category=water) for n in range(3))
    Issue.objects.filter(pk__in=[done.pk, long_done.pk]).update(due_at=now)
    for one in (done, long_done):
        update_issue(issue_id=one.pk, status="RESOLVED")
    Issue.objects.filter(pk=long_done.pk).update(reported_at=now - timedelta(days=91))
    factories.make_plan(category="water_leak")
    old = factories.make_plan(category="water_leak")
    WorkflowPlan.objects.filter(pk=old.pk).update(created_at=now - timedelta(days=91))
    text = read(owner)

    def behind(title):
        chart = text[text.index(f"<h3>{title}</h3>") :].split("</figure>")[0]
        return [unescape(url) for url in re.findall(r'href="([^"]*)"', chart)]

    def rows(url):
        answer = owner.get(url)
        assert answer.status_code == 200
        return {row.pk for row in answer.context["cl"].result_list}

    today = set(WorkflowPlan.objects.exclude(pk=old.pk).values_list("pk", flat=True))
    assert set().union(*map(rows, behind("Drafts per day"))) == today
    assert [rows(url) for url in behind("Time to approval")] == [{draft.pk}]
    assert [rows(url) for url in behind("Time to completion")] == [{done.pk}]
    assert open_one.status == "OPEN"


def test_every_picture_has_words_and_no_style_or_script_of_its_own(owner, run):
    text = read(owner)
    charts = text[text.index('class="md-home md-home-charts"') :]
    charts = charts[: charts.index("</figure>", charts.rindex("<figure"))]
    assert "style=" not in charts and "<script" not in charts and "<style" not in charts
    for svg in re.findall(r"<svg[^>]*>", charts):
        assert 'role="img" aria-label="' in svg or 'aria-hidden="true"' in svg
    assert charts.count("<table") == charts.count("<figure") - charts.count("md-empty")


def test_hostile_titles_stay_text(owner, draft, run, task, issue):
    _fail()
    for text in HOSTILE:
        HumanTask.objects.update(title=text)
        Issue.objects.update(statement=text)
        Category.objects.update(name=text)
        issue.department.name = text
        issue.department.save()
        type(draft).objects.update(title=text[:120])
        assert_tame(owner.get(HOME), text)


def test_home_takes_as_many_queries_however_much_waits(administrator, people, django_assert_max_num_queries):
    """Rows differ in every foreign key: another department, category, author, plan and run each."""
    for category in Category.objects.select_related("department"):
        issue = report_issue(
            statement=f"About {category}", category=category, reporter={"name": f"{category}"}
        )
        Issue.objects.filter(pk=issue.pk).update(due_at=timezone.now() - timedelta(days=1))
        author = factories.make_user("supervisor")
        plan = factories.make_plan(by=author, category=category.code)
        run = launch_execution(
            plan_id=plan.pk, execution_data={}, by=factories.make_user("supervisor"), approve=True
        )
        step = run.steps.select_related("execution__plan__issue__department").first()
        open_task(
            step, kind="confirm_completion", title="x", outcomes=["done"], department=category.department
        )
    WorkflowExecution.objects.filter(pk__in=WorkflowExecution.objects.all()[:9]).update(
        status="failed", completed_at=timezone.now()
    )
    with django_assert_max_num_queries(26):
        read(administrator)


def test_columns_are_drawn_in_percent_and_none_where_there_is_nothing():
    words = {"heads": ("Day", "Drafts"), "summary": "", "empty": "Nothing yet."}
    chart = columns("Drafts", [("1 May", 0), ("2 May", 4), ("3 May", 1)], **words)
    assert [(column.y, column.height) for column in chart.columns] == [
        ("100.00%", "0.00%"), ("0.00%", "100.00%"), ("75.00%", "25.00%"),
    ]  # fmt: skip
    assert (chart.first, chart.last, chart.top) == ("1 May", "3 May", "4")
    assert columns("Drafts", [("1 May", 0)], **words).columns == ()


def test_bars_are_measured_against_the_longest_or_the_farthest_target():
    words = {"heads": ("Department", "Days"), "summary": "", "empty": "Nothing yet."}
    [late, early] = bars("Days", [Row("a", 4, "4", target=2), Row("b", 1, "1", target=8)], **words).bars
    assert (late.length, late.target, late.late) == ("50.00%", "25.00%", True)
    assert (early.length, early.target, early.late) == ("12.50%", "100.00%", False)
    assert bars("Days", [Row("a", 0.5, "50%")], **words, longest=1.0).bars[0].length == "50.00%"
