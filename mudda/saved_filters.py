"""Filters that a person keeps for a list: a name for the part of an address that narrows it.

Each is the person's own. What a list shows is decided when it is shown: a filter that somebody sends on gives nobody a
row that they may not see.
"""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from mudda import console
from mudda.errors import Conflict, InvalidRequest
from mudda.models import SavedFilter

MOST = 30
LONGEST_NAME = 60
LONGEST_QUERY = 1_000
PASSING = frozenset({"p", "all", "_popup", "_to_field", "e"})
"""Parameters of a list that say where somebody is in it, and not what is in it."""


class TooManyFilters(Conflict):
    code = "too_many_filters"
    title = f"You have {MOST} filters for this list. Remove one first."


class NothingToKeep(InvalidRequest):
    code = "nothing_to_keep"
    title = "Filter or search the list first, then give that a name."


def tidy(query: str) -> str:
    """A list's query without what only says where somebody is in it."""
    pairs = parse_qsl(query.removeprefix("?")[: LONGEST_QUERY * 2], keep_blank_values=True)
    return urlencode([(name, value) for name, value in pairs if name not in PASSING])


@transaction.atomic
def keep_filter(*, place: str, name: str, query: str, by: User) -> SavedFilter:
    """Keep a filter under a name; one of the same name is replaced.

    Args:
        place: the list, such as ``issues_issue``.
        query: the part of the address after ``?``.

    Raises:
        NothingToKeep: the query narrows nothing, or has no name, or is too long.
        TooManyFilters: ``by`` has ``MOST`` of them for this list.
    """
    title, kept = " ".join(name.split())[:LONGEST_NAME], tidy(query)
    if not title or not kept or len(kept) > LONGEST_QUERY or "\x00" in title:
        raise NothingToKeep
    mine = SavedFilter.objects.select_for_update().filter(owner=by, place=place)
    if len(mine) >= MOST and all(one.name != title for one in mine):
        raise TooManyFilters
    saved, _made = SavedFilter.objects.update_or_create(
        owner=by, place=place, name=title, defaults={"query": kept}
    )
    return saved


class KeepsFilters(console.RoomAdmin):
    """A list above which a person finds the filters that they have kept for it."""

    list_before_template = "admin/console/saved_filters.html"

    @property
    def place(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"

    def get_urls(self) -> list[URLPattern]:
        keep, drop = self.admin_site.admin_view(self.keep_view), self.admin_site.admin_view(self.drop_view)
        return [
            path("filters/keep/", keep, name=f"{self.place}_keep_filter"),
            path("filters/<int:filter_id>/remove/", drop, name=f"{self.place}_drop_filter"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        here = tidy(request.GET.urlencode())
        mine = SavedFilter.objects.filter(owner=console.person(request).pk, place=self.place)
        kept = [
            (
                one,
                f"?{one.query}",
                one.query == here,
                reverse(f"admin:{self.place}_drop_filter", args=[one.pk]),
            )
            for one in mine
        ]
        more = {
            "kept_filters": kept,
            "filter_here": here,
            "may_keep": bool(here) and not any(one.query == here for one in mine),
            "keep_url": reverse(f"admin:{self.place}_keep_filter"),
            "longest_name": LONGEST_NAME,
        }
        return super().changelist_view(request, {**(extra_context or {}), **more})

    def keep_view(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.find_or_deny(request, 0)
        query = request.POST.get("query", "")
        saved = console.carry_out(
            request,
            lambda: keep_filter(
                place=self.place, name=request.POST.get("name", ""), query=query, by=console.person(request)
            ),
            _("The filter is kept. Only you see it; its address can be shared."),
        )
        there = saved.query if saved is not None else tidy(query)
        return redirect(f"{reverse(f'admin:{self.place}_changelist')}?{there}")

    def drop_view(self, request: HttpRequest, filter_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.find_or_deny(request, 0)
        SavedFilter.objects.filter(pk=filter_id, owner=console.person(request).pk, place=self.place).delete()
        return redirect(f"admin:{self.place}_changelist")
