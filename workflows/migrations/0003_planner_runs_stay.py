import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from mudda.migration_tools import refuse_changes


class Migration(migrations.Migration):

    dependencies = [
        ('workflows', '0002_policies_and_planner_runs'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # Of an account that is gone the number stays, as with revisions: a run that is over is never changed.
        migrations.AlterField(
            model_name='plannerrun',
            name='asked_by',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        refuse_changes('workflow.planner_runs', once='ended_at IS NOT NULL'),
    ]
