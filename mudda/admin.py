"""The ground in the admin: people and groups, API keys, events.

Whoever sets up accounts cannot make anybody mightier than themselves, nor touch the account of somebody who is.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from oauth2_provider import models as oauth_models
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from mudda import console, event_types, reach, sandboxes, scopes, signing_in
from mudda.addresses import parse_network
from mudda.apikeys import NEW_SANDBOX, OVERLAP, create_api_key, rotate_api_key
from mudda.languages import translated
from mudda.long_lists import LongPaginator
from mudda.models import ApiKey, Event, Sandbox
from mudda.oauth import make_client
from mudda.webhooks import admin as webhooks_admin  # noqa: F401 (registers its pages)

if TYPE_CHECKING:
    BaseUserAdmin = DjangoUserAdmin[User]
else:
    BaseUserAdmin = DjangoUserAdmin

admin.site.index_title = _("What waits for you")
admin.site.login = signing_in.throttled(admin.site.login)  # type: ignore[method-assign]
admin.site.unregister(User)
admin.site.unregister(Group)
for model in (
    oauth_models.Application,
    oauth_models.AccessToken,
    oauth_models.Grant,
    oauth_models.IDToken,
    oauth_models.RefreshToken,
):
    admin.site.unregister(
        model
    )  # clients and their tokens are looked after with the keys that they stand for

MYSELF, SERVICE = "me", "service"
FOR_SUPERUSERS = _("For superusers only")


# --- people -----------------------------------------------------------------------------------------


def at_most(user: Any, other: Any) -> bool:
    """Whether ``other`` may do nothing that ``user`` may not."""
    if user.is_superuser:
        return True
    return not other.is_superuser and other.get_all_permissions() <= user.get_all_permissions()


def grantable(user: Any) -> QuerySet[Group]:
    """The groups that ``user`` may put people into: those that may do nothing that ``user`` may not."""
    if user.is_superuser:
        return Group.objects.all()
    mine = user.get_all_permissions()
    rows = Permission.objects.values_list("pk", "content_type__app_label", "codename")
    beyond = [pk for pk, app, codename in rows if f"{app}.{codename}" not in mine]
    return Group.objects.exclude(permissions__in=beyond)


@admin.register(User)
class PersonAdmin(BaseUserAdmin, console.ListAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "last_name", "groups_column", "is_active", "last_login")
    list_filter = ("is_active", "is_staff", "groups")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email")}),
        (_("May"), {"fields": ("is_active", "is_staff", "groups")}),
        (FOR_SUPERUSERS, {"fields": ("is_superuser", "user_permissions")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "usable_password", "password1", "password2")}),)
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()  # two lists side by side don't fit on a telephone

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description=_("Groups"))
    def groups_column(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all()) or gettext("none")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not console.is_limited(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = super().has_change_permission(request, obj) and not console.is_limited(request.user)
        return may and (obj is None or at_most(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # approvals and events name people: an account is closed by making it inactive

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        found = super().get_fieldsets(request, obj)
        return found if request.user.is_superuser else [f for f in found if f[0] != FOR_SUPERUSERS]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs["queryset"] = grantable(request.user)
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        return super().formfield_for_manytomany(db_field, request, **kwargs)


@admin.register(Group)
class PeopleAdmin(DjangoGroupAdmin, console.ListAdmin):
    filter_horizontal = ()  # two lists side by side don't fit on a telephone

    def formfield_for_manytomany(
        self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any
    ) -> Any:
        kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # plans name groups


# --- API keys ---------------------------------------------------------------------------------------


class KeyForm(forms.Form):
    name = forms.CharField(
        max_length=80, widget=UnfoldAdminTextInputWidget(), help_text=_("Which program uses it, and where.")
    )
    scopes = forms.MultipleChoiceField(widget=UnfoldAdminCheckboxSelectMultipleWidget())
    owner = forms.ChoiceField(
        widget=UnfoldAdminSelectWidget(),
        help_text=_(
            "Its owner's permissions bound what the key may do, and its deeds bear the owner's name."
        ),
    )
    days = forms.TypedChoiceField(
        label=_("Valid for"),
        coerce=int,
        initial=365,
        choices=[(30, _("30 days")), (90, _("90 days")), (365, _("a year")), (0, _("until it is revoked"))],
        widget=UnfoldAdminSelectWidget(),
    )

    rate = forms.IntegerField(
        label=_("Calls a minute"),
        required=False,
        min_value=1,
        max_value=1_000_000,
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    networks = forms.CharField(
        label=_("Only from these networks"),
        required=False,
        max_length=2_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=_("One a line, such as 203.0.113.0/24 or 2001:db8::/32. Empty: from anywhere."),
    )
    departments = forms.MultipleChoiceField(
        label=_("Only for these departments"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text=_("None: all that its owner may see."),
    )
    sandbox = forms.ChoiceField(
        label=_("What it works on"),
        required=False,
        widget=UnfoldAdminSelectWidget(),
        help_text=_(
            "A sandbox key sees only its sandbox; what it makes is marked, and sends nothing outside."
        ),
    )
    oauth = forms.BooleanField(
        label=_("An OAuth 2 client too, with an id and a secret"),
        required=False,
        widget=UnfoldBooleanWidget(),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        usual = settings.RATE_LIMIT_KEY or gettext("no limit")
        self.fields["rate"].help_text = gettext("Empty: %(usual)s.") % {"usual": usual}
        mine = [s for s in scopes.known().values() if user.has_perms(s.permissions)]
        owners = [(MYSELF, gettext("me (%(name)s)") % {"name": user.get_username()})]
        if not console.is_limited(user):  # a service account sees the whole city
            owners.insert(0, (SERVICE, gettext("a service account, made for this name")))
        choices = {
            "scopes": [(s.name, f"{s.name}: {translated(s.description)}") for s in mine],
            "owner": owners,
            "departments": [(code, code) for code in sorted(reach.departments_of(user))],
            "sandbox": [
                ("", gettext("what is real")),
                (NEW_SANDBOX, gettext("a new sandbox")),
                *_sandboxes_of(user),
            ],
        }
        for name, offered in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101 (for the type checker)
            field.choices = offered

    def clean_networks(self) -> list[str]:
        given: list[str] = self.cleaned_data["networks"].split()
        for text in given:
            try:
                parse_network(text)
            except ValueError as error:
                raise forms.ValidationError(str(error)) from error
        return given


def _sandboxes_of(user: Any) -> list[tuple[str, str]]:
    """Those of the user's own, for another key of theirs."""
    rows = Sandbox.objects.filter(owner=user).prefetch_related("api_keys")
    words = gettext("the sandbox of %(keys)s")
    return [
        (str(row.pk), words % {"keys": ", ".join(key.name for key in row.api_keys.all())}) for row in rows
    ]


class RotateForm(forms.Form):
    overlap = forms.TypedChoiceField(
        label=_("The old one works for"),
        coerce=int,
        initial=int(OVERLAP.total_seconds()),
        choices=[
            (0, _("not a moment longer")),
            (3_600, _("an hour")),
            (86_400, _("a day")),
            (604_800, _("a week")),
        ],
        widget=UnfoldAdminSelectWidget(),
    )


@admin.register(ApiKey)
class ApiKeyAdmin(console.RoomAdmin):
    page_template = "admin/console/apikey.html"
    list_display = ("name", "prefix", "owner", "scopes_column", "state", "created_at", "last_used_at")
    list_filter = ("created_at", "last_used_at")
    real_first = False  # a key itself is always real
    list_select_related = ("owner",)
    search_fields = ("name", "prefix", "owner__username")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("mudda.add_apikey"))

    def get_urls(self) -> list[URLPattern]:
        views = {
            "revoke": self.revoke_view,
            "rotate": self.rotate_view,
            "secret": self.secret_view,
            "wipe": self.wipe_view,
        }
        ours = [
            path(f"<int:key_id>/{word}/", self.admin_site.admin_view(view), name=f"mudda_apikey_{word}")
            for word, view in views.items()
        ]
        return [*ours, *super().get_urls()]

    @admin.display(description=_("Scopes"))
    def scopes_column(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description=_("State"))
    def state(self, key: ApiKey) -> SafeString:
        return format_html("{} {}", self._validity(key), console.sandbox_badge(key))

    def _validity(self, key: ApiKey) -> SafeString:
        if key.revoked_at is not None:
            return console.badge("failed", gettext("Revoked"))
        if key.expires_at is not None and key.expires_at <= timezone.now():
            return console.badge("pending", gettext("Expired"))
        return console.badge("completed", gettext("Valid"))

    def page_parts(self, request: HttpRequest, key: ApiKey) -> list[console.Part]:
        secret = gettext("New OAuth secret") if key.oauth_application_id else gettext("Make an OAuth client")
        offered = [
            (gettext("Rotate"), "rotate", "primary", may_rotate),
            (secret, "secret", "", may_rotate),
            (gettext("Revoke"), "revoke", "danger", may_revoke),
        ]
        if key.revoked_at is not None:
            offered = []
        if key.sandbox_id is not None:
            offered.append((gettext("Wipe the sandbox"), "wipe", "danger", may_revoke))
        return [
            console.Button(label, reverse(f"admin:mudda_apikey_{word}", args=[key.pk]), tone)
            for label, word, tone, may in offered
            if may(request.user, key)
        ]

    def page_context(self, request: HttpRequest, key: ApiKey) -> dict[str, Any]:
        return {
            "title": key.name,
            "state": self.state(key),
            "rate": settings.RATE_LIMIT_KEY if key.rate is None else key.rate,
            "overlaps": _lies_ahead(key.previous_until),
            "secrets_overlap": _lies_ahead(key.previous_client_secret_until),
        }

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = KeyForm(request.POST or None, user=request.user)
        if request.method == "POST" and form.is_valid():
            made = console.carry_out(
                request, lambda: _make_key(request.user, form.cleaned_data), gettext("The key is made.")
            )
            if made is not None:
                row, key = made
                self.log_addition(request, row, [{"added": {}}])
                client = make_client(row) if form.cleaned_data["oauth"] else None
                return self._show_once(request, row, key, client)
        context = {
            "title": gettext("Make an API key"),
            "intro": gettext(
                "The key is shown once, on the next page. Whoever has it may do what its scopes say."
            ),
            "form": form,
            "submit": gettext("Make the key"),
            "cancel_url": reverse("admin:mudda_apikey_changelist"),
        }
        return self.ask(request, None, "admin/console/form.html", context, 422 if form.errors else 200)

    def _show_once(
        self, request: HttpRequest, row: ApiKey, key: str = "", client: tuple[str, str] | None = None
    ) -> HttpResponse:
        title = gettext("Copy the key now") if key else gettext("Copy the secret now")
        context = {
            "title": title,
            "key": key,
            "row": row,
            "client": client,
            "cancel_url": console.page_of(row),
        }
        response = self.ask(request, row, "admin/console/key_once.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def rotate_view(self, request: HttpRequest, key_id: int) -> HttpResponse:
        key = self.find_or_deny(request, key_id)
        if key is None:
            return self.gone(request, key_id)
        if not may_rotate(request.user, key):
            raise PermissionDenied
        form = RotateForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            overlap = timedelta(seconds=form.cleaned_data["overlap"])
            made = console.carry_out(
                request, lambda: rotate_api_key(key, overlap=overlap), gettext("The key has another text.")
            )
            if made is None:
                return redirect(console.page_of(key))
            self.log_change(request, key, _changed("key"))
            return self._show_once(request, *made)
        context = {
            "title": gettext("Rotate the key %(name)s?") % {"name": key.name},
            "intro": gettext(
                "The new key is shown once, on the next page. Scopes, limits and webhooks stay as they are."
            ),
            "form": form,
            "submit": gettext("Rotate"),
            "cancel_url": console.page_of(key),
        }
        return self.ask(request, key, "admin/console/form.html", context, 422 if form.errors else 200)

    def secret_view(self, request: HttpRequest, key_id: int) -> HttpResponse:
        key = self.find_or_deny(request, key_id)
        if key is None:
            return self.gone(request, key_id)
        if not may_rotate(request.user, key):
            raise PermissionDenied
        had_one = key.oauth_application_id is not None
        form = RotateForm(request.POST or None) if had_one else forms.Form(request.POST)
        if request.method == "POST" and form.is_valid():
            overlap = timedelta(seconds=form.cleaned_data.get("overlap", 0))
            made = console.carry_out(
                request, lambda: make_client(key, overlap=overlap), gettext("The client has a secret.")
            )
            if made is None:
                return redirect(console.page_of(key))
            self.log_change(request, key, _changed("OAuth secret"))
            return self._show_once(request, key, client=made)
        once = gettext("It is shown once, on the next page.")
        lives_on = gettext("Tokens that are out live on until they expire.")
        context = {
            "title": gettext("An OAuth secret for %(name)s?") % {"name": key.name},
            "intro": f"{once} {lives_on}" if had_one else once,
            "form": form,
            "submit": gettext("Make a secret"),
            "cancel_url": console.page_of(key),
        }
        return self.ask(request, key, "admin/console/form.html", context, 422 if form.errors else 200)

    def revoke_view(self, request: HttpRequest, key_id: int) -> HttpResponse:
        key = self.find_or_deny(request, key_id)
        if key is None:
            return self.gone(request, key_id)
        if not may_revoke(request.user, key):
            raise PermissionDenied
        if request.method == "POST":
            ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
            self.log_change(request, key, _changed("revoked at"))
            messages.success(request, gettext("Revoked. From now on the key opens nothing."))
            return redirect(console.page_of(key))
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET", "POST"])
        context = {
            "title": gettext("Revoke the key %(name)s?") % {"name": key.name},
            "intro": gettext("Programs that use it are refused from now on. This cannot be taken back."),
            "form": forms.Form(),
            "submit": gettext("Revoke"),
            "cancel_url": console.page_of(key),
        }
        return self.ask(request, key, "admin/console/form.html", context)

    def wipe_view(self, request: HttpRequest, key_id: int) -> HttpResponse:
        """Ask, and then remove what the keys of this one's sandbox have made."""
        key = self.find_or_deny(request, key_id)
        if key is None or key.sandbox_id is None:
            return self.gone(request, key_id)
        if not may_revoke(request.user, key):
            raise PermissionDenied
        if request.method == "POST":
            console.carry_out(
                request,
                lambda: sandboxes.wipe(key.sandbox_id),
                gettext("The sandbox is wiped. Its keys stay."),
            )
            return redirect(console.page_of(key))
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET", "POST"])
        found = sandboxes.contents_of(key.sandbox_id)
        context = {
            "title": gettext("Wipe the sandbox of %(name)s?") % {"name": key.name},
            "sandbox": key.sandbox,
            "keys": key.sandbox.api_keys.order_by("name"),
            "found": [(console.in_words(kind), count) for kind, count in found.items()],
            "cancel_url": console.page_of(key),
        }
        return self.ask(request, key, "admin/console/wipe.html", context)


def _changed(field: str) -> list[dict[str, dict[str, list[str]]]]:
    """What the admin's own pages write into a row's history."""
    return [{"changed": {"fields": [field]}}]


def _lies_ahead(moment: datetime | None) -> bool:
    return moment is not None and moment > timezone.now()


def may_revoke(user: Any, key: ApiKey) -> bool:
    """One's own key always; anybody's for those who look after keys for the whole city."""
    return user.has_perm("mudda.change_apikey") and (key.owner_id == user.pk or not console.is_limited(user))


def may_rotate(user: Any, key: ApiKey) -> bool:
    """Whoever rotates a key gets to read it, and may then do what it may: one's own, or one of somebody no mightier."""
    return may_revoke(user, key) and (key.owner_id == user.pk or at_most(user, key.owner))


def _make_key(user: Any, given: dict[str, Any]) -> tuple[ApiKey, str]:
    days = given["days"]
    return create_api_key(
        name=given["name"],
        scopes=given["scopes"],
        owner=user if given["owner"] == MYSELF else None,
        expires_at=timezone.now() + timedelta(days=days) if days else None,
        rate=given["rate"],
        networks=given["networks"],
        departments=given["departments"],
        sandbox=given["sandbox"] or None,
    )


# --- events -----------------------------------------------------------------------------------------


class EventPaginator(LongPaginator):
    """No index has the types: the fewer are counted, the sooner enough are found."""

    counted = 10_000


@admin.register(Event)
class EventAdmin(console.RoomAdmin):
    paginator = EventPaginator
    page_template = "admin/console/event.html"
    list_display = ("at", "words", "stream", "seq", "actor")
    list_display_links = ("words",)
    list_filter = ("at",)
    list_select_related = ("actor",)
    search_fields = ("stream", "type")
    search_help_text = _("A stream such as plan:<id>, or a type such as plan.approved.")
    ordering = ("-at", "-pk")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Types by a part of their names, else a stream by its name or by what it is of: both without reading all."""
        text = search_term.strip()
        if not text:
            return queryset, False
        if types := [name for name in event_types.known() if text.lower() in name]:
            return queryset.filter(type__in=types), False
        families = {kind.family for kind in event_types.known().values()}
        return queryset.filter(stream__in=[text, *(f"{family}:{text}" for family in families)]), False

    @admin.display(description=_("What"), ordering="type")
    def words(self, event: Event) -> str:
        return console.in_words(event.type)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Events of the whole city, for people who aren't limited to a part of it."""
        return super().has_view_permission(request, obj) and not console.is_limited(request.user)
