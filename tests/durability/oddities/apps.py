from django.apps import AppConfig


class OdditiesConfig(AppConfig):
    name = "tests.durability.oddities"

    def ready(self):
        from tests.durability.oddities import activities  # noqa: F401
