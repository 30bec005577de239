"""Sandboxes: whose an event, a key and a webhook is, and that what a sandbox holds may be deleted by a wipe."""

import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models

from mudda.migration_tools import add_sandbox, index_sandbox, let_wiping_through, refuse_changes_but_wiping


class Migration(migrations.Migration):

    dependencies = [
        ('mudda', '0005_parked_deliveries'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Sandbox',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('wiped_at', models.DateTimeField(blank=True, editable=False, help_text='The last time.', null=True)),
            ],
            options={
                'verbose_name_plural': 'sandboxes',
                'ordering': ['-created_at'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='webhookdelivery',
            name='delivery_status_known',
        ),
        migrations.AlterField(
            model_name='webhookdelivery',
            name='status',
            field=models.CharField(choices=[('pending', 'Pending'), ('delivered', 'Delivered'), ('parked', 'Parked'), ('withheld', 'Withheld')], default='pending', max_length=10),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['pending', 'delivered', 'parked', 'withheld'])), name='delivery_status_known'),
        ),
        migrations.AddField(
            model_name='sandbox',
            name='owner',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sandboxes', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='apikey',
            name='sandbox',
            field=models.ForeignKey(blank=True, editable=False, help_text='The only thing that it sees and changes; empty: what is real.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='api_keys', to='mudda.sandbox'),
        ),
        migrations.AddField(
            model_name='event',
            name='sandbox',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, editable=False, help_text="As of the stream's owner.", null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='mudda.sandbox'),
        ),
        add_sandbox('webhooksubscription'),
        index_sandbox('event', '-at', 'event_sandbox'),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('status', 'withheld')), fields=['subscription', '-created_at', '-id'], name='delivery_withheld'),
        ),
        let_wiping_through(),
        *refuse_changes_but_wiping('public.mudda_event', 'SELECT ($1).sandbox_id'),
    ]
