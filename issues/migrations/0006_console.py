"""What the console needs: until when an issue should be over, since when it is, and who has read of its reporter.

When an issue ended a trigger keeps, whoever changes the status: a version that doesn't know the column goes on working
beside this one. For the issues that are there it is the last change of the status, or else of the issue.
"""

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

ENDED = """
CREATE FUNCTION public.mudda_issue_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status IN ('OPEN', 'IN_PROGRESS') THEN
        NEW.ended_at := NULL;
    ELSIF NEW.ended_at IS NULL THEN
        NEW.ended_at := now();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER issues_issue_ended BEFORE INSERT OR UPDATE OF status ON public.issues_issue
    FOR EACH ROW EXECUTE FUNCTION public.mudda_issue_ended();
"""
NOT_ENDED = """
DROP TRIGGER issues_issue_ended ON public.issues_issue;
DROP FUNCTION public.mudda_issue_ended();
"""
FILL = """
UPDATE public.issues_issue issue SET ended_at = COALESCE(
    (SELECT max(event.at) FROM public.mudda_event event
     WHERE event.stream = 'issue:' || issue.id AND event.type = 'issue.status_changed'),
    issue.updated_at
) WHERE status NOT IN ('OPEN', 'IN_PROGRESS')
"""
WHOSE = """
UPDATE public.issues_reporter reporter SET sandbox_id = issue.sandbox_id
FROM public.issues_issue issue WHERE issue.reporter_id = reporter.id AND issue.sandbox_id IS NOT NULL
"""
# A version that doesn't know the column yet leaves it out.
UNCOUNTED = "ALTER TABLE public.issues_reporter ALTER COLUMN event_seq SET DEFAULT 0"
COUNTED = "ALTER TABLE public.issues_reporter ALTER COLUMN event_seq DROP DEFAULT"

UNDER_WAY = models.Q(("status__in", ("OPEN", "IN_PROGRESS")))


class Migration(migrations.Migration):
    dependencies = [
        ("issues", "0005_sandboxes"),
        ("mudda", "0006_sandboxes"),
    ]

    operations = [
        migrations.AddField(
            model_name="issue",
            name="due_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="The category's target: when it should be over.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="issue",
            name="ended_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="When it was resolved, closed or rejected: kept by a trigger, whoever changes the status.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="reporter",
            name="event_seq",
            field=models.PositiveBigIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="reporter",
            name="sandbox",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                editable=False,
                help_text="The sandbox that it belongs to; empty: it is real.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="mudda.sandbox",
            ),
        ),
        migrations.RunSQL(UNCOUNTED, COUNTED),
        migrations.RunSQL(ENDED, NOT_ENDED),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(WHOSE, migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(condition=UNDER_WAY, fields=["due_at"], name="issue_due"),
        ),
        migrations.AddIndex(
            model_name="reporter",
            index=models.Index(
                django.db.models.functions.text.Upper("email"),
                condition=models.Q(("email", ""), _negated=True),
                name="reporter_email",
            ),
        ),
        migrations.AddIndex(
            model_name="reporter",
            index=models.Index(
                condition=models.Q(("phone", ""), _negated=True), fields=["phone"], name="reporter_phone"
            ),
        ),
    ]
