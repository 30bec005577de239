"""Which sandbox a plan and a policy belong to, and that wiping it gets through to their revisions and versions."""

from django.conf import settings
from django.db import migrations

from mudda.migration_tools import add_sandbox, index_sandbox, refuse_changes_but_wiping


OF_PLAN = 'SELECT sandbox_id FROM workflow.workflow_plans WHERE id = ($1).plan_id'
OF_REVISION = (
    'SELECT plan.sandbox_id FROM workflow.plan_revisions revision '
    'JOIN workflow.workflow_plans plan ON plan.id = revision.plan_id WHERE revision.id = ($1).revision_id'
)
OF_POLICY = 'SELECT sandbox_id FROM workflow.policy_documents WHERE id = ($1).document_id'
OF_VERSION = (
    'SELECT document.sandbox_id FROM workflow.policy_versions version '
    'JOIN workflow.policy_documents document ON document.id = version.document_id WHERE version.id = ($1).version_id'
)


class Migration(migrations.Migration):

    dependencies = [
        ('issues', '0005_sandboxes'),
        ('mudda', '0006_sandboxes'),
        ('workflows', '0004_list_indexes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        add_sandbox('policydocument'),
        add_sandbox('workflowplan'),
        index_sandbox('policydocument', '-created_at', 'policy_sandbox_age'),
        index_sandbox('workflowplan', '-created_at', 'plan_sandbox_age'),
        *refuse_changes_but_wiping('workflow.plan_revisions', OF_PLAN),
        *refuse_changes_but_wiping('workflow.plan_approvals', OF_REVISION),
        *refuse_changes_but_wiping('workflow.planner_runs', OF_PLAN, once='ended_at IS NOT NULL'),
        *refuse_changes_but_wiping('workflow.policy_versions', OF_POLICY),
        *refuse_changes_but_wiping('workflow.policy_passages', OF_VERSION),
    ]
