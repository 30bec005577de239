"""Every list is read along an index, whatever it is narrowed by and whoever asks: the query plans say so."""

import json
from datetime import timedelta
from itertools import product
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from benchmarks.filling import TABLES, analyze, fill
from executions.models import WorkflowExecution
from executions.task_views import ListTasks
from executions.views import ListExecutions
from issues.models import Category, Department
from issues.views import Issues
from mudda import paging
from mudda.paging import Cursor
from workflows.policies.views import Policies
from workflows.views import ListPlans

ROWS = 100_000
MOST_SORTED = 1_000
"""Rows, as PostgreSQL expects them. Where filters leave so few, it gathers and sorts them rather than walk along the
list until a page is full; where they leave more, walking is cheaper, so that this doesn't grow with the table."""
NO_MORE_THAN_A_PAGE = (ListExecutions, Policies)
"""Lists that an index puts in order for every filter: here even the largest page is the most that is ever sorted."""
EVERY_ROW = ROWS // 300 + 1
"""The statistics target at which ANALYZE reads the whole of a table rather than a sample, which would have the number
of rows expected differ from run to run: it samples 300 rows for each (PostgreSQL, ``std_typanalyze``)."""
BIG = {model._meta.db_table for model in TABLES}
DEPARTMENTS = ("water", "lighting", "roads", "parks", "waste", "traffic")


@pytest.fixture
def city(transactional_db):
    """A city with its history: who sees all of it, and who sees one department's. The flush takes it away."""
    for code in DEPARTMENTS:
        department = Department.objects.create(code=code, name=code)
        Category.objects.create(code=f"{code}_broken", name=code, department=department)
    whole, one = (User.objects.create(username=name) for name in ("whole", "one"))
    Department.objects.get(code="water").staff.add(one)
    fill(ROWS, policies=ROWS)
    with connection.cursor() as cursor:
        cursor.execute(f"SET default_statistics_target = {EVERY_ROW}")
        analyze()
        cursor.execute("RESET default_statistics_target")
    return {"the whole city": whole, "one department": one}


def combinations(values):
    """Every choice of some of the filters, each with one of its values."""
    for chosen in product(*([None, *several] for several in values.values())):
        yield {name: value for name, value in zip(values, chosen, strict=True) if value is not None}


def filters_of(view):
    """Values to filter by, some of which many rows have, some few."""
    now = timezone.now()
    created = {"created_after": [now - timedelta(days=30)], "created_before": [now - timedelta(days=10)]}
    if view is ListExecutions:
        plan = WorkflowExecution.objects.order_by("pk").values_list("plan_id", flat=True)[500]
        return {
            "status": ["completed", "running"],
            "workflow_plan_id": [plan],
            "overdue": ["true", "false"],
            **created,
        }
    if view is ListPlans:
        return {
            "status": ["APPROVED", "DRAFT"],
            "issue_id": ["ISSUE-005000"],
            "category": ["water_broken"],
            "department": ["water"],
            **created,
        }
    if view is ListTasks:
        run = WorkflowExecution.objects.order_by("pk").values_list("pk", flat=True)[500]
        return {
            "status": ["open", "decided"],
            "execution_id": [run],
            "kind": ["approval"],
            "group": ["supervisor"],
            "mine": ["true", "false"],
            "overdue": ["true", "false"],
            "due_before": [now - timedelta(days=10)],
        }
    if view is Issues:
        return {
            "status": ["OPEN"],
            "category": ["water_broken"],
            "department": ["water"],
            "urgency": ["normal"],
            "reported_after": created["created_after"],
            "reported_before": created["created_before"],
            "q": ["leak", "lamp 4711"],
        }
    return {"status": ["PUBLISHED", "DRAFT"], "language": ["english"], "department": ["water"]}


def test_every_combination_of_every_lists_filters_is_read_along_an_index(city):
    wrong = {}
    for view in (Issues, ListPlans, ListExecutions, ListTasks, Policies):
        values = filters_of(view)
        assert set(values) == set(view.filterset_class.base_filters), "a filter that nobody looks at"
        for (who, user), filters in product(city.items(), combinations(values)):
            for ordering, place in product(view.orderings, (None, "after a place")):
                query = page_of(view, user, filters, ordering, place)
                most = paging.LARGEST_PAGE if view in NO_MORE_THAN_A_PAGE else MOST_SORTED
                if found := list(faults(json.loads(query.explain(format="json"))[0]["Plan"], most)):
                    wrong[(view.__name__, who, ordering, place, *map(str, filters.items()))] = found
    assert not wrong, f"{len(wrong)}\n" + "\n".join(f"{key}: {found}" for key, found in list(wrong.items()))


def page_of(view, user, filters, ordering, place):
    """The query of a page, as the view and ``Pages`` make it."""
    made = view()
    made.request = SimpleNamespace(user=user, query_params={})
    rows = view.filterset_class(filters, queryset=made.get_queryset(), request=made.request)
    assert rows.is_valid(), rows.errors
    key = 50_000 if view is Issues else uuid4()
    cursor = place and Cursor(ordering, timezone.now() - timedelta(days=20), key)
    return paging._from(rows.qs, paging.column_of(ordering, view), cursor)[: paging.PAGE_SIZE + 1]


def faults(node, most):
    """What a list may not do: read a whole table, or sort more than a page's worth.

    An incremental sort of what comes by age already only puts rows of the very same time in the order of their keys.
    """
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in BIG:
        yield f"reads all of {node['Relation Name']}"
    if node["Node Type"] == "Incremental Sort" and not node["Presorted Key"][0].endswith("_at"):
        yield f"is presorted by {node['Presorted Key']} only"
    below = node.get("Plans", [])
    if node["Node Type"] == "Sort" and below[0]["Plan Rows"] > most:
        yield f"sorts {below[0]['Plan Rows']} rows by {node['Sort Key']}"
    for one in below:
        yield from faults(one, most)
