"""Whether traces are wanted. Apart from ``tracing``, because the settings ask before they are read."""

from collections.abc import Mapping
from typing import Final

VARIABLES: Final = (
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_SDK_DISABLED",
)
"""OpenTelemetry's own variables that an operator needs most; its SDK reads all that its specification has."""


def is_wanted(given: Mapping[str, str]) -> bool:
    """Whether the standard variables in ``given`` ask for traces."""
    if given.get("OTEL_SDK_DISABLED", "").lower() == "true" or given.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return given.get("OTEL_TRACES_EXPORTER") == "otlp" or any(given.get(name) for name in endpoints)
