"""Which trace a launch or a message belongs to, and an index for the messages that were given up."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mudda', '0008_saved_filters'),
    ]

    operations = [
        migrations.CreateModel(
            name='TraceContext',
            fields=[
                ('key', models.CharField(help_text='execution:<id> or message:<id>', max_length=100, primary_key=True, serialize=False)),
                ('traceparent', models.CharField(help_text='As the W3C has it: ids, and whether it is told.', max_length=55)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'indexes': [models.Index(fields=['created_at'], name='trace_context_age')],
            },
        ),
        migrations.AddIndex(
            model_name='outboxmessage',
            index=models.Index(condition=models.Q(('gave_up_at__isnull', False)), fields=['gave_up_at'], name='outbox_given_up'),
        ),
    ]
