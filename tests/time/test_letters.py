"""Letters about tasks, at a real mail server: to whom, once, and however long the server was away."""

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from executions.assigning import claim_task, hold_task, reassign_task
from executions.deadlines import sweep_deadlines
from executions.deciding import decide_task
from executions.links import find_link, issue_link, revoke_links
from executions.models import Effect, EffectStatus, HumanTask
from executions.reminders import addressees
from mudda import outbox
from mudda.models import OutboxMessage
from tests import factories
from tests.faults.mail import PostOffice
from tests.time.runs import crew, make_late, make_task

pytestmark = pytest.mark.django_db

SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture(scope="module")
def one_office():
    office = PostOffice()
    office.start()
    yield office
    office.stop()


@pytest.fixture
def office(one_office):
    one_office.forget()
    with override_settings(EMAIL_BACKEND=SMTP, EMAIL_HOST="127.0.0.1", EMAIL_PORT=one_office.port):
        yield one_office


def remind(task: HumanTask) -> HumanTask:
    make_late(task)
    assert sweep_deadlines() == 1
    return task


def come_round():
    """The next attempt of what is in the outbox is due, and so is the end of every lease."""
    OutboxMessage.objects.filter(delivered_at=None).update(due_at=timezone.now())
    Effect.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_member_of_the_group_gets_the_question_and_where_to_answer_it(office):
    factories.make_user("dispatcher", email="dora@city.example.org")
    task = remind(make_task())
    outbox.deliver_due()
    [mail] = office.about(str(task.execution_id))
    assert mail.to == "dora@city.example.org"
    assert mail.subject == f"Reminder: {task.execution.plan.issue.reference}: Is it done?"
    assert "Is the street open again?" in mail.text
    assert f"/admin/executions/humantask/{task.pk}/" in mail.text


def test_a_department_gets_a_new_signed_link_to_its_crews_task(office):
    task = remind(make_task(crew(due="PT4H")))
    outbox.deliver_due()
    [mail] = office.mails
    token = mail.text.partition("/t/")[2].split()[0]
    assert mail.to == "water@city.example.org"
    assert find_link(token).task_id == task.pk


def test_a_reporter_who_was_asked_is_reminded_in_words_for_a_reporter(office):
    task = make_task(crew(due="PT4H"))
    reporter = factories.make_plan(reporter={"name": "Ann", "email": "ann@example.org"}).issue.reporter
    issue = task.execution.plan.issue
    issue.reporter = reporter
    issue.save()
    issue_link(task, "issue.reporter")
    remind(task)
    outbox.deliver_due()
    [mail] = office.mails
    assert (mail.to, mail.subject) == ("ann@example.org", f"Reminder: a question about {issue.reference}")
    assert "Repair the main" not in mail.text
    assert "/t/" in mail.text


def test_a_letter_waits_for_the_mail_server_and_is_sent_once(office):
    factories.make_user("dispatcher", email="dora@city.example.org")
    task = remind(make_task())
    office.plan("451 Come back later")
    assert outbox.deliver_due() == 0
    assert office.mails == []
    come_round()
    assert outbox.deliver_due() == 1
    come_round()
    outbox.deliver_due()
    assert len(office.about(str(task.execution_id))) == 1


def test_while_the_mail_server_is_away_the_other_letters_do_not_even_try(office):
    for _ in range(3):
        remind(make_task(crew(due="PT4H")))
    office.plan("451 Come back later")
    outbox.deliver_due()
    outbox.deliver_due()
    assert office.offered == 1
    assert not OutboxMessage.objects.filter(kind="task_letter", due_at__lte=timezone.now()).exists()


def test_a_letter_that_may_have_been_sent_is_not_sent_again_and_nobody_is_asked(office):
    remind(make_task(crew(due="PT4H")))
    message = OutboxMessage.objects.get(kind="task_letter")
    office.plan("451 Come back later")
    outbox.deliver_due()
    # As a worker leaves it that dies between the letter and the note of it.
    Effect.objects.update(status=EffectStatus.STARTED, ended_at=None)
    come_round()
    assert outbox.deliver_due() == 1
    message.refresh_from_db()
    assert message.delivered_at is not None
    assert office.mails == []
    assert Effect.objects.get().status == EffectStatus.UNCERTAIN
    assert HumanTask.objects.count() == 1


def test_nobody_is_reminded_of_what_has_been_done_or_put_off_meanwhile(office):
    boss = factories.make_user("dispatcher", "supervisor", email="sam@city.example.org")
    done, held = remind(make_task()), remind(make_task())
    decide_task(task_id=done.pk, outcome="done", answer={"confirmed": True}, by=boss)
    hold_task(task_id=held.pk, reason="Waiting.", by=boss)
    OutboxMessage.objects.exclude(kind="task_letter").delete()
    assert outbox.deliver_due() == 2
    assert office.mails == []


def test_an_address_is_looked_up_when_the_letter_is_sent_and_stands_in_no_message(office):
    person = factories.make_user("dispatcher", email="old@city.example.org")
    remind(make_task())
    assert "@" not in str(OutboxMessage.objects.get(kind="task_letter").payload)
    person.email = "new@city.example.org"
    person.save()
    outbox.deliver_due()
    assert [mail.to for mail in office.mails] == ["new@city.example.org"]


def test_whose_link_was_withdrawn_is_not_sent_a_new_one(office):
    task = make_task(crew(due="PT4H"))
    issue_link(task, "issue.reporter")
    assert addressees(task) == ["issue.reporter"]
    revoke_links(task)
    assert addressees(task) == ["department:water"]


def test_who_is_given_a_task_is_written_to_but_not_by_oneself(office):
    ann = factories.make_user("dispatcher", email="ann@city.example.org")
    bob = factories.make_user("dispatcher", email="bob@city.example.org")
    task = make_task()
    claim_task(task_id=task.pk, by=ann)
    reassign_task(task_id=task.pk, user=ann.get_username(), reason="Still mine.", by=ann)
    reassign_task(task_id=task.pk, user=bob.get_username(), reason="Yours.", by=ann)
    outbox.deliver_due()
    assert [(mail.to, mail.subject.partition(":")[0]) for mail in office.mails] == [
        ("bob@city.example.org", "For you")
    ]


def test_a_title_with_line_breaks_stays_one_subject(office):
    factories.make_user("dispatcher", email="dora@city.example.org")
    task = make_task()
    HumanTask.objects.update(title="Is it\r\nBcc: everybody@example.org done?")
    remind(task)
    outbox.deliver_due()
    assert office.mails[0].subject.endswith("Is it Bcc: everybody@example.org done?")
