"""Requests under ASGI: which threads answer them."""

import asyncio
import threading

import pytest
from asgiref.testing import ApplicationCommunicator
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from mudda.handler import Handler

gate, entered = threading.Event(), threading.Event()
thread = threading.local()


def count(request):
    """How many requests this thread has answered, this one included."""
    thread.answered = getattr(thread, "answered", 0) + 1
    return HttpResponse(str(thread.answered))


def wait(request):
    entered.set()
    assert gate.wait(10)
    return count(request)


urlpatterns = [path("count", count), path("wait", wait)]


@pytest.fixture(autouse=True)
def these_views(db):
    gate.clear()
    entered.clear()
    with override_settings(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"]):
        yield
    gate.set()


def ask(handler, target):
    headers = [(b"host", b"localhost")]
    scope = {"type": "http", "method": "GET", "path": target, "headers": headers, "query_string": b""}
    return ApplicationCommunicator(handler, scope)


async def answer(caller):
    await caller.send_input({"type": "http.request"})
    start = await caller.receive_output(10)
    body = await caller.receive_output(10)
    await caller.wait(10)
    assert start["status"] == 200, body
    return body["body"].decode()


def test_requests_one_after_the_other_are_answered_by_one_thread():
    async def ask_three():
        handler = Handler()
        return [await answer(ask(handler, "/count")) for _ in range(3)]

    assert asyncio.run(ask_three()) == ["1", "2", "3"]


def test_a_request_that_waits_holds_up_no_other():
    async def ask_two():
        handler = Handler()
        slow = asyncio.create_task(answer(ask(handler, "/wait")))
        assert await asyncio.to_thread(entered.wait, 10)
        quick = await answer(ask(handler, "/count"))
        gate.set()
        return quick, await slow

    assert asyncio.run(ask_two()) == ("1", "1")


def test_a_thread_whose_caller_has_hung_up_is_used_again_only_once_its_view_has_ended():
    async def hang_up():
        handler = Handler()
        slow = ask(handler, "/wait")
        await slow.send_input({"type": "http.request"})
        assert await asyncio.to_thread(entered.wait, 10)
        await slow.send_input({"type": "http.disconnect"})
        quick = await answer(ask(handler, "/count"))
        waiting = len(handler._waiting)
        gate.set()
        await slow.wait(10)
        return quick, waiting, [lane.is_idle for lane in handler._waiting]

    assert asyncio.run(hang_up()) == ("1", 1, [True, True])
