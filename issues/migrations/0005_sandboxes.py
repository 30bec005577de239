"""Which sandbox an issue belongs to."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('issues', '0004_list_indexes'),
        ('mudda', '0006_sandboxes'),
    ]

    operations = [
        migrations.AddField(
            model_name='issue',
            name='sandbox',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='The sandbox that it belongs to; empty: it is real.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='mudda.sandbox'),
        ),
        migrations.AddIndex(
            model_name='issue',
            index=models.Index(condition=models.Q(('sandbox__isnull', False)), fields=['sandbox', '-reported_at'], name='issue_sandbox_age'),
        ),
    ]
