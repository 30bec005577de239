"""Which sandbox a plan and a policy belong to, and that wiping it gets through to their revisions and versions."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from mudda.migration_tools import refuse_changes_but_wiping


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
        migrations.AddField(
            model_name='policydocument',
            name='sandbox',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='The sandbox that it belongs to; empty: it is real.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='mudda.sandbox'),
        ),
        migrations.AddField(
            model_name='workflowplan',
            name='sandbox',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='The sandbox that it belongs to; empty: it is real.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='mudda.sandbox'),
        ),
        migrations.AddIndex(
            model_name='policydocument',
            index=models.Index(condition=models.Q(('sandbox__isnull', False)), fields=['sandbox', '-created_at'], name='policy_sandbox_age'),
        ),
        migrations.AddIndex(
            model_name='workflowplan',
            index=models.Index(condition=models.Q(('sandbox__isnull', False)), fields=['sandbox', '-created_at'], name='plan_sandbox_age'),
        ),
        *refuse_changes_but_wiping('workflow.plan_revisions', OF_PLAN),
        *refuse_changes_but_wiping('workflow.plan_approvals', OF_REVISION),
        *refuse_changes_but_wiping('workflow.planner_runs', OF_PLAN, once='ended_at IS NOT NULL'),
        *refuse_changes_but_wiping('workflow.policy_versions', OF_POLICY),
        *refuse_changes_but_wiping('workflow.policy_passages', OF_VERSION),
    ]
