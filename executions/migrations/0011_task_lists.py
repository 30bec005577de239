"""The console's list of tasks in its own order, narrowed and found by words: along indexes, made beside whoever writes."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.expressions
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("executions", "0010_sandboxes"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="humantask",
            index=models.Index(
                models.Case(
                    models.When(status="open", then=models.Value(0)),
                    default=models.Value(1),
                    output_field=models.IntegerField(),
                ),
                django.db.models.expressions.OrderBy(models.F("opened_at"), descending=True),
                django.db.models.expressions.OrderBy(models.F("id"), descending=True),
                include=("status", "sandbox"),
                name="task_open_first",
            ),
        ),
        AddIndexConcurrently(
            model_name="humantask",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.search.SearchVector("title", "question", config="english"),
                name="task_words",
            ),
        ),
        AddIndexConcurrently(
            model_name="humantask",
            index=models.Index(fields=["kind", "sandbox"], name="task_kind"),
        ),
        AddIndexConcurrently(
            model_name="humantask",
            index=models.Index(fields=["group", "sandbox"], name="task_group"),
        ),
    ]
