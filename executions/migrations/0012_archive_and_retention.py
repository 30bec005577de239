"""Runs whose contents are archived or erased, and somebody's word that an old one may begin."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('executions', '0011_task_lists'),
    ]

    operations = [
        migrations.AddField(
            model_name='workflowexecution',
            name='archive',
            field=models.CharField(blank=True, db_default='', default='', editable=False, help_text='What its sealed contents are called in the place for back-ups, as long as they are kept there.', max_length=200),
        ),
        migrations.AddField(
            model_name='workflowexecution',
            name='archived_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='When its contents were moved out of the database.', null=True),
        ),
        migrations.AddField(
            model_name='workflowexecution',
            name='erased_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='When its personal data was removed.', null=True),
        ),
        migrations.AddField(
            model_name='workflowexecution',
            name='start_agreed_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='When somebody agreed that it begins although Temporal may have forgotten that it did.', null=True),
        ),
    ]
