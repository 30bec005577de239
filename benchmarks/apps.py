"""The benchmarks as a city's app: one activity more, for ``CITY_APPS`` of the stack that is measured."""

from django.apps import AppConfig


class BenchmarksConfig(AppConfig):
    name = "benchmarks"

    def ready(self) -> None:
        from benchmarks import activities  # noqa: F401 (offers its own)
