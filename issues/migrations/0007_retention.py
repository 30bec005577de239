"""When the personal data of an issue was removed, after its term."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('issues', '0006_console'),
    ]

    operations = [
        migrations.AddField(
            model_name='issue',
            name='erased_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='When its personal data was removed.', null=True),
        ),
    ]
