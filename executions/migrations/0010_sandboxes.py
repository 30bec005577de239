"""Which sandbox a run and a task belong to, and effects that are withheld in one."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('executions', '0009_task_due_order'),
        ('issues', '0005_sandboxes'),
        ('mudda', '0006_sandboxes'),
        ('workflows', '0005_sandboxes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='effect',
            name='effect_status_known',
        ),
        migrations.AddField(
            model_name='humantask',
            name='sandbox',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='As of its run.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='mudda.sandbox'),
        ),
        migrations.AddField(
            model_name='workflowexecution',
            name='sandbox',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='The sandbox that it belongs to; empty: it is real.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='mudda.sandbox'),
        ),
        migrations.AlterField(
            model_name='effect',
            name='status',
            field=models.CharField(choices=[('started', 'Started'), ('done', 'Done'), ('failed', 'Failed'), ('uncertain', 'Uncertain'), ('withheld', 'Withheld')], default='started', max_length=10),
        ),
        migrations.AddIndex(
            model_name='humantask',
            index=models.Index(condition=models.Q(('sandbox__isnull', False)), fields=['sandbox', '-opened_at'], name='task_sandbox_age'),
        ),
        migrations.AddIndex(
            model_name='workflowexecution',
            index=models.Index(condition=models.Q(('sandbox__isnull', False)), fields=['sandbox', '-created_at'], name='execution_sandbox_age'),
        ),
        migrations.AddConstraint(
            model_name='effect',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['started', 'done', 'failed', 'uncertain', 'withheld'])), name='effect_status_known'),
        ),
    ]
