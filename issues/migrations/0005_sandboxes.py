"""Which sandbox an issue belongs to."""

from django.db import migrations

from mudda.migration_tools import add_sandbox, index_sandbox


class Migration(migrations.Migration):

    dependencies = [
        ('issues', '0004_list_indexes'),
        ('mudda', '0006_sandboxes'),
    ]

    operations = [
        add_sandbox('issue'),
        index_sandbox('issue', '-reported_at', 'issue_sandbox_age'),
    ]
