"""The secret that an OAuth client had before the last one. The database has the default, so that an older version which
still runs can go on making keys."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mudda', '0006_sandboxes'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='previous_client_secret',
            field=models.CharField(blank=True, db_default='', default='', editable=False, help_text='Hashed.', max_length=255),
        ),
        migrations.AddField(
            model_name='apikey',
            name='previous_client_secret_until',
            field=models.DateTimeField(editable=False, help_text="Until then the client's secret before the last one works too.", null=True),
        ),
    ]
