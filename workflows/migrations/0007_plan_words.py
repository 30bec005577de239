"""Plans found by the words of their titles: along an index, made beside whoever writes."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("workflows", "0006_playbook_wordings"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="workflowplan",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.search.SearchVector("title", config="english"),
                name="plan_title_words",
            ),
        ),
    ]
