"""The whole site. The API's paths are the deployment guide's: no prefix, no trailing slash."""

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from mudda import codec_server, health, oauth, reports, sandbox_views

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", staff_member_required(SpectacularSwaggerSplitView.as_view(url_name="schema")), name="docs"),
    path("oauth/token", oauth.Token.as_view(), name="oauth_token"),
    path("oauth/revoke", oauth.Revoke.as_view(), name="oauth_revoke"),
    path("admin/language/", set_language, name="set_language"),
    path("admin/reports/", include(reports.urls())),
    # Below the console, whose sessions it knows. Temporal's own protocol, no part of the API.
    path("admin/temporal/codec/decode", codec_server.decode),
    path("admin/temporal/codec/encode", codec_server.encode),
    path("admin/", admin.site.urls),
    path("sandbox", sandbox_views.SandboxDoor.as_view()),
    path("", include("mudda.webhooks.urls")),
    path("", include("issues.urls")),
    # Before the plans: /workflows/executions and /workflows/tasks are more specific than /workflows/{id}.
    path("", include("executions.urls")),
    path("", include("workflows.urls")),
    path("", include("workflows.policies.urls")),
]

handler500 = "mudda.pages.server_error"
