"""Administrators look after webhooks, and say which internal hosts these may reach."""

from importlib import import_module

from django.db import migrations

WEBHOOKS = [
    "view_webhooksubscription",
    "add_webhooksubscription",
    "change_webhooksubscription",
    "delete_webhooksubscription",
    "view_webhookdelivery",
    "change_webhookdelivery",
    "view_webhookallowedhost",
    "add_webhookallowedhost",
    "delete_webhookallowedhost",
]


def give_permissions(apps, schema_editor):
    import_module("executions.migrations.0002_groups").make_permissions(apps)
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="mudda", codename__in=WEBHOOKS
    )
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name="administrator")
    group.permissions.add(*permissions)


def take_permissions(apps, schema_editor):
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="mudda", codename__in=WEBHOOKS
    )
    for group in apps.get_model("auth", "Group").objects.filter(name="administrator"):
        group.permissions.remove(*permissions)


class Migration(migrations.Migration):
    dependencies = [
        ("executions", "0005_last_looks"),
        ("mudda", "0003_webhooks"),
    ]

    operations = [migrations.RunPython(give_permissions, take_permissions)]
