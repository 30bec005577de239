"""Which sandbox a run and a task belong to, and effects that are withheld in one."""

from django.conf import settings
from django.db import migrations, models

from mudda.migration_tools import add_sandbox, index_sandbox


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
        add_sandbox('humantask', 'As of its run.'),
        add_sandbox('workflowexecution'),
        migrations.AlterField(
            model_name='effect',
            name='status',
            field=models.CharField(choices=[('started', 'Started'), ('done', 'Done'), ('failed', 'Failed'), ('uncertain', 'Uncertain'), ('withheld', 'Withheld')], default='started', max_length=10),
        ),
        index_sandbox('humantask', '-opened_at', 'task_sandbox_age'),
        index_sandbox('workflowexecution', '-created_at', 'execution_sandbox_age'),
        migrations.AddConstraint(
            model_name='effect',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['started', 'done', 'failed', 'uncertain', 'withheld'])), name='effect_status_known'),
        ),
    ]
