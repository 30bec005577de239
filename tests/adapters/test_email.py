import socket
import threading
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from executions.adapters.email.letters import write_letter
from executions.adapters.email.transport import Letter, message_id, send_letter
from executions.adapters.errors import AdapterError

KEY = "0b0c5c8e-6a0e-4b39-9a52-6f1c2a7f3f10:warn:1"


class Receiver:
    """Counts what it takes; answers RCPT and the end of DATA as told; ``drop`` cuts the line there."""

    def __init__(self):
        self.mails, self.tries, self.answer_rcpt, self.answer_data, self.drop = [], 0, None, "250 OK", False

    async def handle_RCPT(self, server, session, envelope, address, options):
        self.tries += 1
        if self.answer_rcpt:
            return self.answer_rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.answer_data.startswith("250"):
            self.mails.append(
                (envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default))
            )
        if self.drop:
            server.transport.abort()
        return self.answer_data


@pytest.fixture
def receiver(settings):
    handler = Receiver()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.factory = lambda: SMTP(handler, enable_SMTPUTF8=True)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 2
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.DEFAULT_FROM_EMAIL = "Our City <no-reply@city.example.org>"
    yield handler
    controller.stop()


def letter(**changes):
    fields = {"to": "asha@example.org", "subject": "Water is off", "text": "पानी बंद है", "key": KEY}
    return Letter(**fields | changes)


def refusal(wanted):
    with pytest.raises(AdapterError) as refused:
        send_letter(wanted)
    return refused.value.code, refused.value.permanent


def test_a_letter_arrives_whole_with_text_and_html_and_its_own_id(receiver):
    receipt = send_letter(
        letter(html="<p>पानी</p>", reply_to="water@city.example.org", headers={"List-Id": "x"})
    )
    ((recipients, mail),) = receiver.mails
    assert recipients == ["asha@example.org"]
    assert mail["Message-ID"] == receipt.message_id
    assert (mail["Subject"], mail["From"]) == ("Water is off", "Our City <no-reply@city.example.org>")
    assert (mail["Reply-To"], mail["List-Id"]) == ("water@city.example.org", "x")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_body(("plain",)).get_content().strip() == "पानी बंद है"
    assert mail.get_body(("html",)).get_content().strip() == "<p>पानी</p>"
    assert receipt.transport == "smtp"


def test_the_same_key_gives_the_same_message_id_and_another_key_another(receiver):
    first, again, other = (
        send_letter(letter()),
        send_letter(letter()),
        send_letter(letter(key=KEY[:-1] + "2")),
    )
    assert first.message_id == again.message_id != other.message_id
    assert first.message_id == "<0b0c5c8e-6a0e-4b39-9a52-6f1c2a7f3f10.warn.1@city.example.org>"


def test_a_key_of_any_characters_makes_a_well_formed_message_id():
    assert message_id("a b>\r\nBcc: x@y\x00") == "<a.b...Bcc..x.y@city.example.org>"


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Hello\r\nBcc: victim@example.org"},
        {"subject": "Hello\nX: y"},
        {"subject": "Hello\x00"},
        {"subject": "Hello\u2028Bcc: x"},
        {"to": "a@example.org\nBcc: victim@example.org"},
        {"reply_to": "a@example.org\r\nX: y"},
        {"headers": {"X-A": "b\r\nBcc: victim@example.org"}},
        {"headers": {"X-A\r\nBcc": "victim@example.org"}},
        {"headers": {"X A:": "b"}},
        {"headers": {"Bcc": "victim@example.org"}},
        {"headers": {"message-id": "<x@y>"}},
        {"headers": {"Content-Type": "text/html"}},
    ],
)
def test_a_header_cannot_be_smuggled_in(receiver, changes):
    assert refusal(letter(**changes)) == ("bad_header", True)
    assert receiver.tries == 0


@pytest.mark.parametrize(
    "to", ["", "asha", "a@b@c", "a@example.org, b@example.org", "Asha <a@example.org>", "<a@b.de>"]
)
def test_only_one_plain_address_is_written_to(receiver, to):
    assert refusal(letter(to=to)) == ("bad_address", True)
    assert receiver.tries == 0


def test_an_unknown_recipient_is_refused_for_good(receiver):
    receiver.answer_rcpt = "550 5.1.1 No such mailbox"
    assert refusal(letter()) == ("recipient_refused", True)


def test_a_full_mailbox_is_worth_another_try(receiver):
    receiver.answer_rcpt = "452 4.2.2 Mailbox full"
    assert refusal(letter()) == ("unavailable", False)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("554 5.7.1 Looks like spam", ("refused", True)),
        ("451 4.3.0 Come back later", ("unavailable", False)),
    ],
)
def test_what_the_server_says_after_the_letter_counts(receiver, answer, expected):
    receiver.answer_data = answer
    assert refusal(letter()) == expected
    assert receiver.mails == []


def test_a_server_that_is_away_is_worth_another_try(receiver, settings):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings.EMAIL_PORT = closed.getsockname()[1]
    assert refusal(letter()) == ("unavailable", False)


def test_a_line_cut_after_the_letter_leaves_the_outcome_unknown(receiver):
    receiver.drop = True
    assert refusal(letter()) == ("outcome_unknown", True)
    assert len(receiver.mails) == 1


@pytest.mark.parametrize(
    ("lines_read", "expected"), [(0, ("unavailable", False)), (3, ("unavailable", False))]
)
def test_a_line_cut_before_the_letter_is_worth_another_try(settings, receiver, lines_read, expected):
    with cutting_server(lines_read) as port:
        settings.EMAIL_PORT = port
        assert refusal(letter()) == expected


def test_a_server_that_never_answers_the_letter_is_waited_for_only_so_long(settings, receiver):
    settings.EMAIL_TIMEOUT = 1
    with cutting_server(lines_read=5, then="silence") as port:
        settings.EMAIL_PORT = port
        assert refusal(letter()) == ("outcome_unknown", True)


def test_errors_name_no_person(receiver):
    receiver.answer_rcpt = "550 5.1.1 <asha@example.org> unknown"
    with pytest.raises(AdapterError) as refused:
        send_letter(letter())
    assert "asha" not in str(refused.value)


def test_in_development_each_letter_is_one_file_that_mail_readers_open(settings, tmp_path):
    settings.EMAIL_BACKEND = "executions.adapters.email.backends.FilePerMail"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    receipts = [send_letter(letter(key=f"../../{KEY}:{at}", html="<p>x</p>")) for at in range(3)]
    files = sorted(Path(settings.EMAIL_FILE_PATH).iterdir())
    mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
    assert [mail["Message-ID"].strip() for mail in mails] == [receipt.message_id for receipt in receipts]
    assert all(file.suffix == ".eml" for file in files)
    assert mails[0].get_body(("plain",)).get_content().strip() == "पानी बंद है"
    assert receipts[0].transport == "FilePerMail"


def test_a_lone_surrogate_in_a_letter_is_not_fatal(receiver):
    send_letter(letter(text="a\ud800b", subject="s\udfff"))
    ((_, mail),) = receiver.mails
    assert mail.get_body(("plain",)).get_content().strip() == "a?b"


def test_words_of_a_letter_are_never_read_as_markup():
    hostile = "<script>alert(1)</script> {{ city_name }} {% now %} & more"
    text, html = write_letter(
        "notification", {"message": hostile, "subject": hostile, "reference": "ISSUE-000001"}
    )
    assert hostile in text
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ city_name }} {% now %} &amp; more" in html


def test_a_dispatch_says_where_what_and_how_urgent_in_both_forms():
    values = {
        "subject": "s",
        "title": "Repair the main",
        "reference": "ISSUE-000123",
        "department": "Water",
        "address": "123 Main St",
        "urgency": "high",
        "instructions": "Find it.\n\nFix it.",
        "link": "https://city.example.org/tasks/1",
    }
    for form in write_letter("dispatch", values):
        for value in (
            "Repair the main",
            "ISSUE-000123",
            "Water",
            "123 Main St",
            "high",
            "Find it.",
            "Fix it.",
        ):
            assert value in form
        assert values["link"] in form
    text, html = write_letter("dispatch", values | {"link": ""})
    assert "http" not in text and "href" not in html


class cutting_server:
    """An SMTP server that reads so many commands (the letter is one), then cuts the line or falls silent."""

    ANSWERS = {b"DATA": b"354 Go on\r\n"}

    def __init__(self, lines_read, then="cut"):
        self.lines_read, self.then, self.done = lines_read, then, threading.Event()

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()
        return self.listener.getsockname()[1]

    def __exit__(self, *_):
        self.done.set()
        self.listener.close()

    def serve(self):
        line, _ = self.listener.accept()
        with line, line.makefile("rb") as reader:
            line.sendall(b"220 hello\r\n")
            in_letter = False
            for _ in range(self.lines_read):
                command = reader.readline()
                while in_letter and command not in (b".\r\n", b""):
                    command = reader.readline()
                if in_letter:
                    break
                in_letter = command.strip().upper() == b"DATA"
                line.sendall(self.ANSWERS.get(command.strip().upper(), b"250 OK\r\n"))
            if self.then == "silence":
                self.done.wait(10)
