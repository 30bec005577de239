"""Whoever opens a signed link of a sandbox reads that nothing of it is real, whatever has become of the link."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from executions.models import TaskLink
from tests.sandbox.worlds import good

NOON = "2026-01-05T12:00:00Z"
NOTICE = "This isn't real"


def opened(world):
    """A browser that has opened a link to the world's task, and the address that it has come to."""
    made = good(
        world.api.post(f"/workflows/tasks/{world.ids['task_id']}/links", {"role": "department:water"})
    )
    browser = Client()
    answer = browser.get(urlsplit(made["url"]).path, follow=True)
    return browser, answer.request["PATH_INFO"], answer


def says_so(answer):
    return NOTICE in answer.content.decode()


def test_a_page_of_a_sandbox_says_that_it_is_not_real(sandbox, real):
    assert [says_so(opened(world)[2]) for world in (sandbox, real)] == [True, False]


@pytest.mark.parametrize(
    "change", [{"revoked_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(1)}]
)
def test_so_does_one_whose_link_is_over(sandbox, real, change):
    for world, expected in ((sandbox, True), (real, False)):
        browser, path, _ = opened(world)
        TaskLink.objects.update(**change)
        answer = browser.get(path)
        assert (answer.status_code, says_so(answer)) == (410, expected)


def test_so_does_one_whose_task_was_answered(sandbox, real):
    for world, expected in ((sandbox, True), (real, False)):
        browser, path, _ = opened(world)
        task = f"/workflows/tasks/{world.ids['task_id']}"
        answer = {"crew": "Crew 7", "accepted_at": NOON, "completed_at": NOON, "photos": [], "notes": "Done."}
        good(world.api.post(f"{task}/decide", {"outcome": "done", "answer": answer}))
        answer = browser.get(path)
        assert "Thank you" in answer.content.decode()
        assert says_so(answer) is expected
