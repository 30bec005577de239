"""Restores, and whether they have been reconciled with Temporal: until then the dispatcher stays off."""

import uuid

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mudda', '0012_sign_ins'),
    ]

    operations = [
        migrations.CreateModel(
            name='Restoration',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('backup', models.CharField(help_text="The back-up's id.", max_length=60)),
                ('taken_at', models.DateTimeField(help_text='The moment whose data it has.')),
                ('restored_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('reconciled_at', models.DateTimeField(help_text='Empty: the dispatcher stays off.', null=True)),
            ],
            options={
                'ordering': ['restored_at'],
                'default_permissions': (),
            },
        ),
    ]
