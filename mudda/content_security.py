"""What pages may load, run and be framed by: one Content-Security-Policy for each kind of page.

Nothing comes from another host, and nothing that stands in a page runs, unless it bears the page's nonce. A response
that brings a stricter policy of its own, as files and the pages of signed links do, keeps it.
"""

from dataclasses import replace
from typing import Any

from csp.constants import NONCE, NONE, SELF, UNSAFE_EVAL
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest

from mudda.middleware import CONSOLE

Directives = dict[str, list[Any]]

NOTHING: Directives = {
    "default-src": [NONE],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [NONE],
}
"""For what is no page: documents of the API, redirects, errors."""

PAGE: Directives = {
    **NOTHING,
    "script-src": [SELF, NONCE],
    "style-src": [SELF, NONCE],
    "img-src": [SELF, "data:"],
    "font-src": [SELF],
    "connect-src": [SELF],
    "form-action": [SELF],
}

CONSOLE_PAGE: Directives = {**PAGE, "script-src": [SELF, NONCE, UNSAFE_EVAL]}
"""The theme's Alpine.js makes functions of the expressions in its templates: docs/pages.md."""

DOCS = "/docs"


class ContentSecurity(CSPMiddleware):
    def get_policy_parts(self, request: HttpRequest, response: Any, report_only: bool = False) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        return parts if report_only else replace(parts, config=_policy(request.path))


def _policy(path: str) -> Directives:
    if path.startswith(CONSOLE):
        return CONSOLE_PAGE
    return PAGE if path == DOCS else NOTHING
