"""Each request: counted and timed by its route, traced, named in every line that is logged meanwhile, and logged."""

import logging
from time import perf_counter
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from mudda.middleware import GetResponse
from mudda.monitoring import metrics, tracing
from mudda.monitoring.about import about_request, ids, route_of

if TYPE_CHECKING:
    from opentelemetry.trace import Span

logger = logging.getLogger("mudda.requests")

PROBES = frozenset({"healthz", "readyz"})
"""Routes that are asked every few seconds: counted, and neither traced nor logged."""


class Observed:
    """The outermost of the middlewares but for the one that names the request: it sees what they all have done."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = perf_counter()
        with metrics.requests_in_progress.track_inprogress(), about_request(request):
            response = self._answer(request)
            seconds = perf_counter() - begun
            route = route_of(request) or metrics.UNMATCHED
            metrics.count_request(request.method or "", route, response.status_code, seconds)
            if settings.JSON_LOGS and route not in PROBES:
                _log(request, route, response.status_code, seconds)
            return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.path.lstrip("/") in PROBES:
            return self.get_response(request)
        method = request.method or ""
        with tracing.serving(method, request.headers.get("traceparent", "")) as span:
            response = self.get_response(request)
            if span is not None:
                _describe(span, request, response.status_code)
            return response


def _describe(span: "Span", request: HttpRequest, status: int) -> None:
    from opentelemetry.trace import Status, StatusCode

    route = route_of(request)
    span.update_name(f"{request.method} {route}" if route else f"{request.method}")
    span.set_attributes({"http.request.method": request.method or "", "http.response.status_code": status})
    if route:
        span.set_attribute("http.route", route)
    span.set_attributes({f"mudda.{name}": value for name, value in ids().items()})
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))


def _log(request: HttpRequest, route: str, status: int, seconds: float) -> None:
    told = {"method": request.method, "route": route, "status": status, "seconds": round(seconds, 4)}
    logger.info("%s %s %d", request.method, route, status, extra=told)
