"""docs/webhooks.md: what it shows works."""

import re
import time
from pathlib import Path

import pytest
from django.db import transaction

from mudda import events
from mudda.webhooks import queue, sending
from tests import factories

PAGE = (Path(__file__).resolve().parents[2] / "docs/webhooks.md").read_text()


def test_the_snippet_that_verifies_takes_a_real_message_and_nothing_else(subscribe, allowed):
    found = {}
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(snippet, found)
    verify, (_, secret), plan = found["verify"], subscribe("plan.approved"), factories.make_plan()
    with transaction.atomic():
        events.append(plan, "plan.approved", {"approval": 1, "digest": "d"})
    attempt = queue.claim()
    assert sending.send(sending.prepare(attempt)).status == 204
    (message,) = allowed.received
    verify(secret, message.headers, message.body)
    old = {**message.headers, "webhook-timestamp": str(int(time.time()) - 301)}
    forged = {
        **message.headers,
        "webhook-signature": "v1,AAAA v2," + message.headers["webhook-signature"][3:],
    }
    for headers, body in (
        (message.headers, message.body + b" "),
        (old, message.body),
        (forged, message.body),
    ):
        with pytest.raises(ValueError, match="signed|old"):
            verify(secret, headers, body)
    with pytest.raises(ValueError, match="signed"):
        verify("whsec_" + "A" * 44, message.headers, message.body)


def test_the_page_has_the_schedule_and_the_reasons_of_the_code():
    units = {"s": 1, "min": 60, "h": 3_600}
    (row,) = re.findall(r"^\| after about \|(.*)\|$", PAGE, re.MULTILINE)
    said = [re.search(r"(\d+) (s|min|h)", cell).groups() for cell in row.split("|")]
    assert [int(number) * units[unit] for number, unit in said] == list(queue.STEPS)
    assert (queue.TRIED_FOR.days, queue.LEAST_ATTEMPTS, queue.KEPT.days) == (3, 5, 30)
