"""A record of who signed in and out, and of attempts that failed."""

import django.utils.timezone
from django.conf import settings
from django.db import migrations, models
from django.db.models.deletion import DO_NOTHING

from mudda.migration_tools import refuse_changes


class Migration(migrations.Migration):

    dependencies = [
        ('mudda', '0010_monitoring'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SignIn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('outcome', models.CharField(help_text='One of SignInOutcome.', max_length=20)),
                ('request_id', models.CharField(max_length=64)),
                ('user', models.ForeignKey(db_constraint=False, help_text='Whose account it is; empty: there is no such account.', null=True, on_delete=DO_NOTHING, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['at', 'pk'],
                'indexes': [models.Index(fields=['at', 'id'], name='sign_in_at')],
            },
        ),
        refuse_changes('public.mudda_signin'),
    ]
