"""The city's own words also by category and state of an issue."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('workflows', '0007_plan_words'),
    ]

    operations = [
        migrations.AddField(
            model_name='playbookwording',
            name='category',
            field=models.CharField(blank=True, db_default='', default='', help_text='Its code; empty at a state: every one.', max_length=40),
        ),
        migrations.AddField(
            model_name='playbookwording',
            name='state',
            field=models.CharField(blank=True, db_default='', default='', help_text="The issue's; empty: at a step.", max_length=12),
        ),
        migrations.AlterField(
            model_name='playbookwording',
            name='playbook',
            field=models.CharField(blank=True, help_text='Its kind; empty: at a state.', max_length=63),
        ),
        migrations.AlterField(
            model_name='playbookwording',
            name='step_id',
            field=models.CharField(help_text='Of a state: the state and the category.', max_length=63),
        ),
    ]
