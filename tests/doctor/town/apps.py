"""A city's own app, as CITY_APPS names it: it starts runs with a search attribute, and has a check with a defect."""

from django.apps import AppConfig
from temporalio.api.enums.v1 import IndexedValueType


class TownConfig(AppConfig):
    name = "tests.doctor.town"
    label = "town"

    def ready(self):
        from mudda.doctor import registry, temporal

        temporal.want_search_attribute("TownDistrict", IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD)
        registry.register("defect", look, words="has a defect")


def look():
    raise ZeroDivisionError("of a check")
    yield
