"""Finding plans by words, along the indexes of words, however many plans there are."""

from typing import Any

from django.db.models import Q, QuerySet

from issues.lists import MOST_WORDS, query_for, says_nothing
from issues.lists import with_words as issues_with
from issues.models import Issue
from workflows.models import TITLE_WORDS, WorkflowPlan


def with_words(rows: QuerySet[Any], text: str, path: str = "") -> QuerySet[Any]:
    """The rows whose plan has each word of ``text`` in its title, or in its issue's statement or address.

    Args:
        path: from a row to its plan, such as ``plan``; "" where the rows are plans.
    """
    for word in text.split()[:MOST_WORDS]:
        rows = rows.filter(Q(**{f"{path or 'pk'}__in": _having(word)}) | Q(says_nothing(word)))
    return rows


def _having(word: str) -> QuerySet[WorkflowPlan, Any]:
    about = Q(issue__in=issues_with(Issue.objects.order_by(), word).values("pk"))
    query = query_for(word)
    if query is not None:
        titled = WorkflowPlan.objects.order_by().alias(words=TITLE_WORDS).filter(words=query)
        about |= Q(pk__in=titled.values("pk"))
    return WorkflowPlan.objects.order_by().filter(about).values("pk")
