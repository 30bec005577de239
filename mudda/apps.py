from django.apps import AppConfig


class MuddaConfig(AppConfig):
    name = "mudda"
    verbose_name = "The ground"
