"""Text messages: against moto's SNS, and against a server that answers as SNS does when it goes wrong."""

import contextlib
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from moto.server import ThreadedMotoServer

from executions.adapters.errors import AdapterError
from executions.adapters.sms.transport import TextMessage, send_text, sendable_number

KEY = "0b0c5c8e-6a0e-4b39-9a52-6f1c2a7f3f10:warn:text-0"
NUMBER = "+12025550143"


def text(words="Water is off until five.", to=NUMBER):
    return TextMessage(to=to, text=words, key=KEY)


@pytest.fixture
def amazon(settings, monkeypatch):
    """Settings of a city at Amazon; the function says where its SNS is."""
    settings.SMS_URL = "sns://eu-west-1"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    return lambda url: monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", url)


@pytest.fixture
def sns(amazon):
    """A server that speaks SNS."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    amazon(f"http://{host}:{port}")
    yield server
    server.stop()


@pytest.fixture
def rude(amazon):
    """An SNS that answers with ``rude.status`` and ``rude.code``, or after ``rude.delay`` seconds."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            rude.asked += 1
            time.sleep(rude.delay)
            body = (
                '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>'
                f"<Code>{rude.code}</Code><Message>{rude.words}</Message></Error></ErrorResponse>"
            ).encode()
            self.send_response(rude.status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError):  # whoever asked did not wait
                self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    rude = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    rude.status, rude.code, rude.words, rude.delay, rude.asked = 400, "InvalidParameter", "no", 0, 0
    threading.Thread(target=rude.serve_forever, daemon=True).start()
    amazon(f"http://127.0.0.1:{rude.server_port}")
    yield rude
    rude.shutdown()
    rude.server_close()


def test_a_message_goes_to_its_number_through_sns(sns):
    receipt = send_text(text("Wasser läuft wieder. 水"))
    assert receipt.transport == "sns" and receipt.message_id


def test_what_is_no_number_is_refused_for_good(sns):
    with pytest.raises(AdapterError) as refused:
        send_text(text(to="not a number"))
    assert refused.value.permanent
    assert "not a number" not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "code", "expected", "permanent"),
    [
        (429, "Throttled", "unavailable", False),
        (400, "ThrottlingException", "unavailable", False),
        (403, "AuthorizationError", "unavailable", False),
        (403, "InvalidClientTokenId", "unavailable", False),
        (503, "ServiceUnavailable", "unavailable", False),
        (500, "InternalError", "outcome_unknown", True),
        (400, "InvalidParameter", "refused", True),
        (400, "OptedOut", "recipient_refused", True),
    ],
)
def test_what_sns_answers_says_whether_to_try_again(rude, status, code, expected, permanent):
    rude.status, rude.code = status, code
    with pytest.raises(AdapterError) as failed:
        send_text(text())
    assert (failed.value.code, failed.value.permanent) == (expected, permanent)
    assert rude.asked == 1, "trying again is Temporal's"


def test_the_services_own_words_are_kept_to_itself(rude):
    rude.words = f"Invalid parameter: PhoneNumber {NUMBER} is not valid"
    with pytest.raises(AdapterError) as refused:
        send_text(text())
    assert refused.value.code == "recipient_refused"
    assert NUMBER not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_service_that_does_not_answer_in_time_may_have_taken_the_message(rude, settings):
    settings.SMS_TIMEOUT, rude.delay = 1, 3
    with pytest.raises(AdapterError) as lost:
        send_text(text())
    assert (lost.value.code, lost.value.permanent) == ("outcome_unknown", True)


def test_a_service_that_is_away_is_asked_again_later(amazon):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        amazon(f"http://127.0.0.1:{nobody.getsockname()[1]}")
        with pytest.raises(AdapterError) as away:
            send_text(text())
    assert (away.value.code, away.value.permanent) == ("unavailable", False)


def test_a_message_that_sns_would_not_take_whole_is_refused_before_it_is_sent(rude):
    with pytest.raises(AdapterError) as refused:
        send_text(text("x" * 1_601))
    assert (refused.value.code, rude.asked) == ("too_long", 0)


def test_in_development_each_message_is_a_file(settings, tmp_path):
    settings.SMS_URL, settings.SMS_FILE_PATH = "file:", str(tmp_path / "sms")
    assert send_text(text()).transport == "file"
    (file,) = (tmp_path / "sms").iterdir()
    assert json.loads(file.read_text()) == {"to": NUMBER, "text": "Water is off until five.", "key": KEY}


@pytest.mark.parametrize("url", ["", "carrier-pigeon://loft"])
def test_without_a_service_nothing_is_sent(settings, url):
    settings.SMS_URL = url
    with pytest.raises(AdapterError) as refused:
        send_text(text())
    assert (refused.value.code, refused.value.permanent) == ("not_configured", True)


@pytest.mark.parametrize(
    ("written", "region", "number"),
    [
        ("+1 202-555-0143", "", "+12025550143"),
        ("(202) 555-0143", "US", "+12025550143"),
        ("020 624 1111", "NL", "+31206241111"),
        ("(202) 555-0143", "", ""),
        ("555", "US", ""),
        ("call the office", "US", ""),
        ("", "US", ""),
        ("\x00", "US", ""),
    ],
)
def test_a_number_is_one_that_can_be_sent_to_or_none(settings, written, region, number):
    settings.CITY_REGION = region
    assert sendable_number(written) == number
