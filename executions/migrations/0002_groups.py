"""The six groups of city staff and what each may do. A city may change them afterwards in the admin."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

ROOMS = ("mudda", "issues", "workflows", "executions")

READ = [
    "issues.view_issue",
    "issues.view_issuenote",
    "issues.view_attachment",
    "issues.view_category",
    "issues.view_department",
    "workflows.view_workflowplan",
    "workflows.view_planrevision",
    "workflows.view_planapproval",
    "workflows.view_policydocument",
    "executions.view_workflowexecution",
    "executions.view_steprun",
    "executions.view_humantask",
    "executions.view_document",
]
WORK = [*READ, "issues.add_issue", "issues.change_issue", "issues.view_reporter", "executions.decide_humantask"]
PLAN = [*WORK, "workflows.add_workflowplan", "workflows.change_workflowplan"]
APPROVE = [*WORK, "workflows.approve_workflowplan", "executions.add_workflowexecution"]
SUPERVISE = [
    *PLAN,
    *APPROVE,
    "executions.change_workflowexecution",
    "executions.view_effect",
    "workflows.add_policydocument",
    "workflows.change_policydocument",
]
ADMINISTER = [
    *SUPERVISE,
    "issues.add_category", "issues.change_category", "issues.add_department", "issues.change_department",
    "mudda.view_apikey", "mudda.add_apikey", "mudda.change_apikey", "mudda.view_event",
    "auth.view_user", "auth.add_user", "auth.change_user", "auth.view_group",
]  # fmt: skip

GROUPS = {
    "viewer": READ,
    "dispatcher": WORK,
    "planner": PLAN,
    "approver": APPROVE,
    "supervisor": SUPERVISE,
    "administrator": ADMINISTER,
}


def make_groups(apps, schema_editor):
    make_permissions(apps)
    group_model = apps.get_model("auth", "Group")
    permission_model = apps.get_model("auth", "Permission")
    for name, wanted in GROUPS.items():
        group, _ = group_model.objects.get_or_create(name=name)
        for permission in set(wanted):
            app, codename = permission.split(".")
            group.permissions.add(
                permission_model.objects.get(content_type__app_label=app, codename=codename)
            )


def make_permissions(apps):
    """Django makes permissions after all migrations have run; the groups need them now."""
    for label in ("auth", *ROOMS):
        config = apps.get_app_config(label)
        before = getattr(config, "models_module", None)
        config.models_module = before or True
        create_permissions(config, apps=apps, verbosity=0)
        config.models_module = before  # tests call this with the living apps, which need theirs


def remove_groups(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name__in=GROUPS).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("executions", "0001_initial"),
        ("workflows", "0002_policies_and_planner_runs"),
        ("issues", "0001_initial"),
        ("mudda", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_groups, remove_groups)]
