"""Webhooks in the admin: who subscribes to what, what wasn't delivered, and which internal hosts may be reached."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from mudda import console
from mudda.models import DeliveryStatus, WebhookAllowedHost, WebhookDelivery, WebhookSubscription
from mudda.webhooks.services import replay_delivery, switch_subscription

CHANGE = "mudda.change_webhooksubscription"
SHOWN = 20
"""Deliveries on a webhook's page; the list has all of them."""
TONES = {"pending": "pending", "delivered": "completed", "parked": "failed", "withheld": "pending"}
"""The statuses that the colours are borrowed from."""


class WholeCityAdmin(console.RoomAdmin):
    """For people who aren't limited to a part of the city: what is sent may be about any of it."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and not console.is_limited(request.user)


@admin.register(WebhookSubscription)
class WebhookAdmin(WholeCityAdmin):
    page_template = "admin/console/webhook.html"
    list_display = ("url", "owner", "types_column", "state", "failing_since", "created_at")
    list_filter = ("active", "created_at")
    list_select_related = ("owner",)
    search_fields = ("url", "owner__username")

    def get_urls(self) -> list[URLPattern]:
        views = {"enable": self.enable_view, "disable": self.disable_view}
        ours = [
            path(
                f"<uuid:webhook_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"mudda_webhooksubscription_{name}",
            )
            for name, view in views.items()
        ]
        return [*ours, *super().get_urls()]

    @admin.display(description=_("Types"))
    def types_column(self, webhook: WebhookSubscription) -> str:
        return ", ".join(webhook.types)

    @admin.display(description=_("State"))
    def state(self, webhook: WebhookSubscription) -> SafeString:
        if not webhook.active:
            return console.badge(
                "failed",
                gettext("Disabled: %(why)s") % {"why": console.in_words(webhook.disabled_reason).lower()},
            )
        return (
            console.badge("waiting", gettext("Failing"))
            if webhook.failing_since
            else console.badge("completed", gettext("Active"))
        )

    def page_parts(self, request: HttpRequest, webhook: WebhookSubscription) -> list[console.Part]:
        if not request.user.has_perm(CHANGE):
            return []
        if webhook.active:
            return [console.Button(gettext("Disable"), _address("disable", webhook), "danger", post=True)]
        return [console.Button(gettext("Enable"), _address("enable", webhook), "primary", post=True)]

    def page_context(self, request: HttpRequest, webhook: WebhookSubscription) -> dict[str, Any]:
        rows = WebhookDelivery.objects.filter(subscription=webhook).select_related("event")
        changelist = reverse("admin:mudda_webhookdelivery_changelist")
        return {
            "state": self.state(webhook),
            "deliveries": [(row, console.page_of(row), _badge(row)) for row in rows[:SHOWN]],
            "parked": rows.filter(status=DeliveryStatus.PARKED).count(),
            "all_url": f"{changelist}?subscription__id__exact={webhook.pk}",
            "history": console.history_of(webhook),
        }

    def enable_view(self, request: HttpRequest, webhook_id: UUID) -> HttpResponse:
        return self._switch(
            request, webhook_id, active=True, done=gettext("Enabled. What was waiting is sent now.")
        )

    def disable_view(self, request: HttpRequest, webhook_id: UUID) -> HttpResponse:
        return self._switch(
            request, webhook_id, active=False, done=gettext("Disabled. Nothing more is sent to it.")
        )

    def _switch(self, request: HttpRequest, webhook_id: UUID, *, active: bool, done: str) -> HttpResponse:
        webhook = self.find_or_deny(request, webhook_id, CHANGE)
        if webhook is None:
            return self.gone(request, webhook_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        by = console.person(request)
        console.carry_out(
            request, lambda: switch_subscription(subscription_id=webhook.pk, active=active, by=by), done
        )
        return redirect(console.page_of(webhook))


class OfSandboxes(console.SandboxFilter):
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "too" or "subscription__id__exact" in request.GET:
            return queryset
        return queryset.filter(subscription__sandbox__isnull=self.value() != "only")


@admin.register(WebhookDelivery)
class DeliveryAdmin(WholeCityAdmin):
    page_template = "admin/console/delivery.html"
    list_display = ("what", "subscription", "badge", "attempts", "last_error", "created_at")
    list_filter = (OfSandboxes, "status", "created_at")
    list_select_related = ("subscription", "event")
    search_fields = ("stream", "subscription__url")
    search_help_text = _("A stream such as execution:<id>, or an address.")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup == "subscription__id__exact" or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("subscription", "event")

    def get_urls(self) -> list[URLPattern]:
        replay = self.admin_site.admin_view(self.replay_view)
        name = "mudda_webhookdelivery_replay"
        return [path("<int:delivery_id>/replay/", replay, name=name), *super().get_urls()]

    @admin.display(description=_("Event"), ordering="stream")
    def what(self, delivery: WebhookDelivery) -> str:
        return f"{console.in_words(delivery.event.type)} ({delivery})"

    @admin.display(description=_("Status"), ordering="status")
    def badge(self, delivery: WebhookDelivery) -> SafeString:
        return _badge(delivery)

    def page_parts(self, request: HttpRequest, delivery: WebhookDelivery) -> list[console.Part]:
        waits = delivery.status == DeliveryStatus.PENDING
        if waits or not request.user.has_perm(CHANGE) or not delivery.subscription.active:
            return []
        address = reverse("admin:mudda_webhookdelivery_replay", args=[delivery.pk])
        return [console.Button(gettext("Send again"), address, "primary", post=True)]

    def page_context(self, request: HttpRequest, delivery: WebhookDelivery) -> dict[str, Any]:
        return {
            "title": self.what(delivery),
            "status": _badge(delivery),
            "webhook_url": console.page_of(delivery.subscription),
            "event_url": console.page_of(delivery.event),
        }

    def replay_view(self, request: HttpRequest, delivery_id: int) -> HttpResponse:
        delivery = self.find_or_deny(request, delivery_id, CHANGE)
        if delivery is None:
            return self.gone(request, delivery_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        by = console.person(request)
        console.carry_out(
            request, lambda: replay_delivery(delivery=delivery, by=by), gettext("It is sent again.")
        )
        return redirect(console.page_of(delivery))


@admin.register(WebhookAllowedHost)
class AllowedHostAdmin(console.ListAdmin):
    list_display = ("host", "added_by", "added_at")
    list_select_related = ("added_by",)
    search_fields = ("host",)
    fields = ("host",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and not console.is_limited(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not console.is_limited(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # another host is another entry, with who has added it

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not console.is_limited(request.user)

    def save_model(self, request: HttpRequest, obj: WebhookAllowedHost, form: Any, change: bool) -> None:
        obj.added_by = console.person(request)
        super().save_model(request, obj, form, change)


def _badge(delivery: WebhookDelivery) -> SafeString:
    return console.badge(TONES[delivery.status], console.in_words(delivery.status))


def _address(view: str, webhook: WebhookSubscription) -> str:
    return reverse(f"admin:mudda_webhooksubscription_{view}", args=[webhook.pk])
