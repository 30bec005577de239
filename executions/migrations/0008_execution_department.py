"""Runs carry their issue's department, so that lists of one department's runs are read along an index.

Triggers keep it, whoever writes: a version that doesn't know the column yet goes on working beside this one. Not in one
transaction: what is there already is filled in by batches, and the indexes are built while others write.
"""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

BATCH = 5_000

AT_LAUNCH = """
CREATE FUNCTION workflow.mudda_execution_department() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Locked: whoever gives the issue to another department meanwhile has to see this run.
    SELECT issue.department_id INTO NEW.department_id
    FROM workflow.workflow_plans plan JOIN public.issues_issue issue ON issue.id = plan.issue_id
    WHERE plan.id = NEW.plan_id FOR SHARE OF issue;
    RETURN NEW;
END $$;
CREATE TRIGGER workflow_executions_department BEFORE INSERT ON workflow.workflow_executions
    FOR EACH ROW EXECUTE FUNCTION workflow.mudda_execution_department();
"""
NOT_AT_LAUNCH = """
DROP TRIGGER workflow_executions_department ON workflow.workflow_executions;
DROP FUNCTION workflow.mudda_execution_department();
"""
WITH_THE_ISSUE = """
CREATE FUNCTION workflow.mudda_issue_department() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE workflow.workflow_executions run SET department_id = NEW.department_id
    FROM workflow.workflow_plans plan WHERE plan.issue_id = NEW.id AND run.plan_id = plan.id;
    RETURN NULL;
END $$;
CREATE TRIGGER issues_issue_department AFTER UPDATE OF department_id ON public.issues_issue
    FOR EACH ROW WHEN (OLD.department_id IS DISTINCT FROM NEW.department_id)
    EXECUTE FUNCTION workflow.mudda_issue_department();
"""
NOT_WITH_THE_ISSUE = """
DROP TRIGGER issues_issue_department ON public.issues_issue;
DROP FUNCTION workflow.mudda_issue_department();
"""
FILL = """
WITH batch AS (
    SELECT run.id, issue.department_id FROM workflow.workflow_executions run
    JOIN workflow.workflow_plans plan ON plan.id = run.plan_id
    JOIN public.issues_issue issue ON issue.id = plan.issue_id
    WHERE run.id > %s ORDER BY run.id LIMIT %s FOR SHARE OF issue
),
filled AS (
    UPDATE workflow.workflow_executions run SET department_id = batch.department_id
    FROM batch WHERE run.id = batch.id AND run.department_id IS DISTINCT FROM batch.department_id
)
SELECT max(id::text) FROM batch
"""


def fill(apps, schema_editor):
    last = "00000000-0000-0000-0000-000000000000"
    with schema_editor.connection.cursor() as cursor:
        while last is not None:
            cursor.execute(FILL, [last, BATCH])
            [last] = cursor.fetchone()


NOT_OVER = ~models.Q(status__in=("completed", "failed", "cancelled"))


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("executions", "0007_list_indexes"),
        ("issues", "0004_list_indexes"),
        ("workflows", "0004_list_indexes"),
    ]

    operations = [
        migrations.AddField(
            model_name="workflowexecution",
            name="department",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                help_text="The issue's, kept the same by triggers: lists are read along an index of it.",
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="issues.department",
            ),
        ),
        migrations.RunSQL(AT_LAUNCH, NOT_AT_LAUNCH),
        migrations.RunSQL(WITH_THE_ISSUE, NOT_WITH_THE_ISSUE),
        migrations.RunPython(fill, migrations.RunPython.noop),
        AddIndexConcurrently(
            model_name="workflowexecution",
            index=models.Index(fields=["status", "created_at", "id"], name="execution_status_age_id"),
        ),
        AddIndexConcurrently(
            model_name="workflowexecution",
            index=models.Index(fields=["department", "created_at", "id"], name="execution_department_age"),
        ),
        AddIndexConcurrently(
            model_name="workflowexecution",
            index=models.Index(
                fields=["department", "status", "created_at", "id"], name="execution_dept_status_age"
            ),
        ),
        AddIndexConcurrently(
            model_name="workflowexecution",
            index=models.Index(
                condition=NOT_OVER, fields=["created_at", "id"], name="execution_not_over_age"
            ),
        ),
        AddIndexConcurrently(
            model_name="workflowexecution",
            index=models.Index(
                condition=NOT_OVER,
                fields=["department", "created_at", "id"],
                name="execution_dept_not_over_age",
            ),
        ),
        RemoveIndexConcurrently(model_name="workflowexecution", name="execution_status_age"),
    ]
