"""The city's own words for what playbooks tell people."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from mudda.migration_tools import move_to_schema


class Migration(migrations.Migration):

    dependencies = [
        ('workflows', '0005_sandboxes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='PlaybookWording',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('playbook', models.CharField(help_text='Its kind.', max_length=63)),
                ('step_id', models.CharField(max_length=63)),
                ('subject', models.CharField(blank=True, max_length=300)),
                ('message', models.TextField()),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('author', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'playbook_wordings',
                'ordering': ['playbook', 'step_id'],
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('playbook', 'step_id'), name='wording_once')],
            },
        ),
        *move_to_schema('workflow', 'playbook_wordings'),
    ]
