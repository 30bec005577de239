"""Lists of the console that may be long: counted as far as that is quick, and read by their keys first."""

import json
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib.admin import AllValuesFieldListFilter
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList

    BasePaginator = Paginator[Any]
else:
    from unfold.views import ChangeList

    BasePaginator = Paginator

COUNTED = 100_000
"""Rows that are counted one by one. How many more there are PostgreSQL has in its statistics."""


class LongPaginator(BasePaginator):
    """Pages of a queryset of any length.

    A page far from the beginning is found by its rows' keys alone: what they name is read for that page, and not for
    all that lie before it.
    """

    object_list: QuerySet[Any]
    template_name = "admin/console/pagination.html"
    counted = COUNTED
    """How many rows are counted; of more there is an estimate."""

    @cached_property
    def count(self) -> int:
        return self.count_of(self.object_list)

    @property
    def is_estimate(self) -> bool:
        return self.count > self.counted

    def count_of(self, rows: QuerySet[Any]) -> int:
        """How many rows there are, as far as they are counted; of more an estimate, which is more too."""
        unordered = rows.order_by()
        found = unordered[: self.counted + 1].count()
        return found if found <= self.counted else max(found, expected(unordered))

    def page(self, number: int | str) -> Page[Any]:
        found = super().page(number)
        rows: Any = found.object_list
        found.object_list = self.object_list.filter(pk__in=list(rows.values_list("pk", flat=True)))
        return found


def expected(rows: QuerySet[Any]) -> int:
    """How many rows PostgreSQL expects."""
    [described] = json.loads(rows.values("pk").explain(format="json"))
    return int(described["Plan"]["Plan Rows"])


class LongChangeList(ChangeList):
    """A list that isn't counted twice: what nobody has narrowed is all that there is."""

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        """Made once for each address: the theme asks for those of the columns' heads again for every row."""
        made = self.__dict__.setdefault("_query_strings", {})
        asked = f"{new_params!r} {remove!r}"
        if asked not in made:
            made[asked] = super().get_query_string(new_params, remove)
        return str(made[asked])

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        narrowed = bool(self.query or self.get_filters_params())
        self.full_result_count = (
            self.paginator.count_of(self.root_queryset) if narrowed else self.result_count
        )
        self.show_full_result_count = True
        self.show_admin_actions = bool(self.full_result_count)

    @property
    def is_whole_estimate(self) -> bool:
        """Whether ``full_result_count`` is one."""
        return bool(self.full_result_count > self.paginator.counted)


def offering(values: Callable[[], Iterable[str]]) -> type[AllValuesFieldListFilter]:
    """A filter that offers values that are known: to find out which of them there are, every row would be read."""

    class Offering(AllValuesFieldListFilter):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.lookup_choices: Any = sorted(values())

    return Offering
