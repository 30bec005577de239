"""How staff narrow and search the list of issues."""

import re
from typing import Any

from django.contrib import admin
from django.contrib.postgres.search import SearchQuery
from django.db.models import F, Func, IntegerField, QuerySet
from django.db.models.lookups import Exact
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issues.models import REFERENCE, WORDS, overdue

WORD = re.compile(r"[^\W_]+")
MOST_WORDS = 20


class Target(admin.SimpleListFilter):
    """The issues that should be over, that ended too late, and that nobody has promised anything for."""

    title = gettext_lazy("target")
    parameter_name = "target"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("overdue", _("Overdue")), ("late", _("Ended too late")), ("none", _("No target"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "overdue":
                return queryset.filter(overdue(timezone.now()))
            case "late":
                return queryset.filter(ended_at__gt=F("due_at"))
            case "none":
                return queryset.filter(due_at__isnull=True)
        return queryset


def with_words(issues: QuerySet[Any], text: str) -> QuerySet[Any]:
    """The issues that ``text`` names by a reference, or whose statement and address have all of its words, also as
    beginnings of longer ones: along the index, however many issues there are."""
    named = REFERENCE.match(text.strip().upper())
    if named is not None:
        return issues.filter(pk=int(named[1]))
    query = query_for(text)
    if query is None:
        return issues.none() if text.strip() else issues
    found: QuerySet[Any] = issues.alias(words=WORDS).filter(words=query)
    return found


def query_for(text: str) -> Any:
    """What finds all words of ``text``, also as beginnings of longer ones, in a search vector; None where it has no
    word."""
    words = WORD.findall(text)[:MOST_WORDS]
    if not words:
        return None
    whole = SearchQuery(text, config="english", search_type="websearch")
    begun = SearchQuery(" & ".join(f"{word}:*" for word in words), config="english", search_type="raw")
    return whole | begun


def says_nothing(word: str) -> Exact:
    """Whether it is one of the words, such as "the", that no search vector has."""
    query = SearchQuery(word, config="english", search_type="websearch")
    return Exact(Func(query, function="numnode", output_field=IntegerField()), 0)
