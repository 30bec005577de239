"""What the admin's pages of all rooms are made of: lists that show only what a person may see, pages that are
read and changed through buttons, each of which calls a service."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.auth.models import User as AuthUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from mudda.charts import Chart
from mudda.errors import MuddaError
from mudda.languages import in_words as in_words
from mudda.languages import translated
from mudda.long_lists import LongChangeList, LongPaginator
from mudda.models import Event, EventStream
from mudda.reach import REAL_ON_A_PAGE, narrow

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    BaseAdmin = ModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin as BaseAdmin

User = AbstractBaseUser | AnonymousUser
Result = TypeVar("Result")

SHOWN_PROBLEMS = 8
"""Field problems that one message names; a form shows all of them at their fields."""
LONGEST_MESSAGE = 1_500

TONES = {
    "OPEN": "blue", "IN_PROGRESS": "amber", "RESOLVED": "green", "CLOSED": "grey",
    "DRAFTING": "grey", "DRAFT": "amber", "APPROVED": "green", "REJECTED": "red", "ARCHIVED": "grey",
    "pending": "grey", "waiting": "amber", "running": "blue", "completed": "green", "failed": "red",
    "skipped": "grey", "compensated": "amber", "cancelled": "grey",
    "open": "amber", "on_hold": "grey", "decided": "green", "expired": "red", "withdrawn": "grey",
    "started": "blue", "done": "green", "uncertain": "red",
    "low": "grey", "normal": "grey", "high": "amber", "critical": "red",
}  # fmt: skip
"""The colour of a status or an urgency. Never the only sign: the word is always there too."""


# --- parts of a page --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Button:
    """A way on from a page. ``post``: it does something at once, so it is a form and not a link. ``key`` presses it.
    ``decides``: it is what the page is read for, so it stands below a long text too."""

    label: str
    url: str
    tone: str = ""
    post: bool = False
    key: str = ""
    decides: bool = False


@dataclass(frozen=True)
class Panel:
    """A section of a page, rendered from a template."""

    title: str
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)


Part = Button | Panel
PartsOf = Callable[[HttpRequest, Any], Iterable[Part]]

_additions: dict[type[Model], list[PartsOf]] = defaultdict(list)


def adds_to(model: type[Model]) -> Callable[[PartsOf], PartsOf]:
    """Let a room add buttons and panels to the page of another room's model, which need not know the room."""

    def register(parts_of: PartsOf) -> PartsOf:
        _additions[model].append(parts_of)
        return parts_of

    return register


_pages: list[URLPattern] = []


def add_page(route: str, view: Callable[..., HttpResponse], *, name: str) -> None:
    """Give the admin a page that is no model's, at ``admin:<name>``. ``view`` lets in whom it may."""
    _pages.append(path(route, admin.site.admin_view(view), name=name))


admin.site.extra_urls = lambda: list(_pages)  # type: ignore[attr-defined]  # the theme's hook


# --- the home page ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Waiting:
    """Work that waits for somebody: how much, the first few of it, and the list with all of it.

    ``rows`` are (title, address, detail); ``empty`` says what would fill it. ``more`` are (words, address) of lists
    beside it. ``rank``: the smallest stands first. ``urgent``: there should be none.
    """

    title: str
    url: str
    count: int
    rows: tuple[tuple[str, str, str], ...]
    empty: str
    more: tuple[tuple[str, str], ...] = ()
    rank: int = 50
    urgent: bool = False


WaitingFor = Callable[[HttpRequest], Iterable[Waiting]]
ChartsFor = Callable[[HttpRequest], Iterable[Chart]]
SHOWN_WAITING = 5

_waiting: list[WaitingFor] = []
_charts: list[ChartsFor] = []


def on_home(waiting_for: WaitingFor) -> WaitingFor:
    """Let a room say on the home page what waits for this person."""
    _waiting.append(waiting_for)
    return waiting_for


def charts_on_home(charts_for: ChartsFor) -> ChartsFor:
    """Let a room show on the home page how it goes, within what this person may see."""
    _charts.append(charts_for)
    return charts_for


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The theme's hook for the admin's index page: about what is real only."""
    narrow(request.user, REAL_ON_A_PAGE)
    waiting = [one for waiting_for in _waiting for one in waiting_for(request)]
    charts = [one for charts_for in _charts for one in charts_for(request)]
    return {
        **context,
        "waiting": sorted(waiting, key=lambda one: one.rank),
        "charts": sorted(charts, key=lambda one: one.rank),
    }


# --- admin classes ----------------------------------------------------------------------------------


class SandboxFilter(admin.SimpleListFilter):
    """What isn't real is left out of a list until somebody asks for it."""

    title = _("sandboxes")
    parameter_name = "sandbox"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("only", gettext("Only what isn't real")), ("too", gettext("Both"))]

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        return iter([{**first, "display": gettext("Real")}, *others])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "too":
            return queryset
        return queryset.filter(sandbox__isnull=self.value() != "only")


class ListAdmin(BaseAdmin):
    """How all our lists behave."""

    list_per_page = 50
    actions: Any = None
    list_fullwidth = True
    paginator = LongPaginator
    show_full_result_count = False  # ``LongChangeList`` counts, where it has to

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[LongChangeList]:
        return LongChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if any("\x00" in value for values in request.GET.lists() for value in values[1]):
            return redirect(request.path)  # PostgreSQL has no such text: nothing would be found
        return super().changelist_view(request, extra_context)


class RoomAdmin(ListAdmin):
    """A list and, with ``page_template``, a page to read. Nothing is added, changed or deleted in a form."""

    page_template = "admin/console/page.html"
    real_first = True
    """Whether lists leave out what belongs to a sandbox, where rows of this kind can."""

    def get_list_filter(self, request: HttpRequest) -> Any:
        found = super().get_list_filter(request)
        return (*found, SandboxFilter) if self._has_sandboxes() else found

    def get_list_display(self, request: HttpRequest) -> Any:
        """With a column that tells what isn't real, where such rows may be among them."""
        found = super().get_list_display(request)
        shown = self._has_sandboxes() and SandboxFilter.parameter_name in request.GET
        return (*found, "sandbox_column") if shown else found

    @admin.display(description=_("Sandbox"))
    def sandbox_column(self, obj: Any) -> SafeString:
        return sandbox_badge(obj)

    def _not_real(self, obj: Any) -> SafeString:
        return sandbox_badge(obj) if self._has_sandboxes() else SafeString("")

    def _has_sandboxes(self) -> bool:
        return self.real_first and any(field.name == "sandbox" for field in self.opts.fields)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return visible(super().get_queryset(request), request.user)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        found = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        if found is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined, no-any-return]
        return self.render_page(request, found, extra_context or {})

    def render_page(
        self, request: HttpRequest, obj: Any, more: Mapping[str, Any], status: int = 200
    ) -> HttpResponse:
        parts = [*self.page_parts(request, obj), *self._added_parts(request, obj)]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": obj,
            "title": str(obj),
            "buttons": in_order(part for part in parts if isinstance(part, Button)),
            "panels": [part for part in parts if isinstance(part, Panel)],
            "not_real": self._not_real(obj),
            **self.page_context(request, obj),
            **more,
        }
        return TemplateResponse(request, self.page_template, context, status=status)

    def _added_parts(self, request: HttpRequest, obj: Any) -> list[Part]:
        return [part for parts_of in _additions[type(obj)] for part in parts_of(request, obj)]

    def page_parts(self, request: HttpRequest, obj: Any) -> Iterable[Part]:
        """The page's own buttons and panels."""
        return ()

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What the page's template needs besides."""
        return {}

    def ask(
        self, request: HttpRequest, obj: Any, template: str, context: Mapping[str, Any], status: int = 200
    ) -> HttpResponse:
        """A page that asks something before a service is called: a confirmation or a form."""
        whole = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": obj,
            "not_real": self._not_real(obj),
            **context,
        }
        return TemplateResponse(request, template, whole, status=status)

    def find_or_deny(self, request: HttpRequest, object_id: object, *permissions: str) -> Any:
        """The object of a view of our own, None where the person may not see it.

        Raises:
            PermissionDenied: the person may not see such things at all, or lacks one of ``permissions``.
        """
        if not (self.has_view_permission(request) and request.user.has_perms(permissions)):
            raise PermissionDenied
        return self.get_object(request, str(object_id))

    def gone(self, request: HttpRequest, object_id: object) -> HttpResponse:
        """The answer where ``find_or_deny`` found nothing."""
        return self._get_obj_does_not_exist_redirect(request, self.opts, str(object_id))  # type: ignore[attr-defined, no-any-return]


def visible(rows: QuerySet[Any], user: User) -> QuerySet[Any]:
    """The rows that ``user`` may see, for querysets that know."""
    visible_to = getattr(rows, "visible_to", None)
    return visible_to(user) if visible_to is not None else rows


def find(rows: QuerySet[Any], key: object) -> Any:
    """The row with this primary key, or None; also for what could not be a key."""
    try:
        return rows.filter(pk=key).first()
    except (ValidationError, ValueError, OverflowError):
        return None


def in_order(buttons: Iterable[Button]) -> list[Button]:
    """The main way on first, what undoes last."""
    return sorted(buttons, key=lambda button: {"primary": 0, "danger": 2}.get(button.tone, 1))


def person(request: HttpRequest) -> AuthUser:
    """Who is signed in. The admin lets in nobody else."""
    return cast(AuthUser, request.user)


def since(field: str, begin: datetime, end: datetime | None = None) -> str:
    """The part of a list's address that keeps what has ``field`` from ``begin`` on, and before ``end``."""
    limits = {f"{field}__gte": begin.isoformat()}
    if end is not None:
        limits[f"{field}__lt"] = end.isoformat()
    return urlencode(limits)


def page_of(obj: Model) -> str:
    """The address of an object's page in the admin."""
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])


# --- who is limited ---------------------------------------------------------------------------------

_limits: list[Callable[[Any], bool]] = []


def limited_by(is_limited: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Register a room's answer to whether a person sees only a part of the city."""
    _limits.append(is_limited)
    return is_limited


def is_limited(user: Any) -> bool:
    """Whether a person sees only a part of the city. Such a person sets up nothing that is the whole city's:
    who could change accounts or departments could lift the limit.

    Found out once for each request, whose ``user`` is its own: one page asks it for every kind of thing in the menu."""
    if not hasattr(user, "_is_limited"):
        user._is_limited = not user.is_superuser and any(limit(user) for limit in _limits)
    return bool(user._is_limited)


# --- words ------------------------------------------------------------------------------------------


def badge(value: str, label: str | None = None) -> SafeString:
    """A status as a coloured word."""
    shown = label if label is not None else in_words(value)
    return format_html('<span class="md-badge md-{}">{}</span>', TONES.get(value, "grey"), shown)


def sandbox_badge(obj: Any) -> SafeString:
    """A coloured word for what belongs to a sandbox; nothing for what is real."""
    return (
        badge("waiting", gettext("Sandbox"))
        if getattr(obj, "sandbox_id", None) is not None
        else SafeString("")
    )


def tell(request: HttpRequest, error: MuddaError) -> None:
    """Show an error of ours to the person, with the fields that it names."""
    lines = [translated(error.detail)]
    for problem in error.errors[:SHOWN_PROBLEMS]:
        lines.append(f"{problem.get('pointer', '')}: {translated(problem.get('message', ''))}".strip(": "))
    if len(error.errors) > SHOWN_PROBLEMS:
        more = len(error.errors) - SHOWN_PROBLEMS
        lines.append(ngettext("and %(count)s more.", "and %(count)s more.", more) % {"count": more})
    messages.error(request, " · ".join(lines)[:LONGEST_MESSAGE])


def carry_out(request: HttpRequest, work: Callable[[], Result], done: str) -> Result | None:
    """Call a service; say ``done``, or what went wrong and return None."""
    try:
        result = work()
    except MuddaError as error:
        tell(request, error)
        return None
    messages.success(request, done)
    return result


NO_WORDS = frozenset(
    {"approval", "attachment", "execution", "link", "note", "plan", "run", "steering", "task", "upload"}
)
"""Members of an event's data that are keys, which say nothing to people."""


@dataclass(frozen=True)
class Moment:
    """One event as a line of a history."""

    at: Any
    actor: str
    words: str
    details: tuple[tuple[str, str], ...]


def history_of(owner: EventStream, titles: Mapping[str, str] | None = None) -> list[Moment]:
    """The events of ``owner``, newest first, in one query. ``titles`` names its steps."""
    rows = Event.objects.filter(stream=owner.stream).select_related("actor").order_by("-seq")
    return [moment_of(row, titles or {}) for row in rows]


def moment_of(event: Event, titles: Mapping[str, str]) -> Moment:
    """An event in words."""
    return Moment(event.at, _actor(event), in_words(event.type), tuple(_details(event.data, titles)))


def _actor(event: Event) -> str:
    if event.actor is not None:
        return event.actor.get_username()
    return (
        "mudda"
        if event.actor_id is None
        else gettext("account %(number)s (deleted)") % {"number": event.actor_id}
    )


def _details(data: Mapping[str, Any], titles: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    for name, value in data.items():
        if name == "step_id":
            yield gettext("step"), titles.get(str(value), str(value))
        elif name == "digest":
            yield in_words(name).lower(), str(value)[:12]
        elif name == "visible":
            yield gettext("the reporter may read it"), yes_or_no(value)
        elif name == "kind":
            yield in_words(name).lower(), in_words(str(value))
        elif isinstance(value, bool):
            yield in_words(name).lower(), yes_or_no(value)
        elif value not in ("", None) and name not in NO_WORDS:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield in_words(name).lower(), in_words(shown) if shown in TONES else shown


def yes_or_no(value: object) -> str:
    return gettext("yes") if value else gettext("no")
