import threading

import pytest

from tests.webhooks.receiver import Receiver


@pytest.fixture
def receiver():
    """An HTTP server that webhooks may not reach, unless ``allowed`` is there too."""
    receiver = Receiver()
    receiver.start()
    yield receiver
    receiver.stop()


@pytest.fixture
def allowed(db, receiver):
    """The receiver, as a host that an administrator has allowed."""
    from mudda.models import WebhookAllowedHost

    WebhookAllowedHost.objects.create(host=f"127.0.0.1:{receiver.port}")
    return receiver


@pytest.fixture
def owner(db):
    from tests import factories

    return factories.make_user("administrator")


@pytest.fixture
def subscribe(allowed, owner):
    """Subscribe the receiver: ``subscribe("plan.*", by=..., auth=..., department="water")``."""
    from mudda.webhooks.services import create_subscription

    def make(*types, by=None, auth=None, path="", **filters):
        url = allowed.url + path
        return create_subscription(url=url, types=types, filters=filters, by=by or owner, auth=auth)

    return make


@pytest.fixture
def start_sender(transactional_db, monkeypatch):
    """Start the worker's sending loop in this process; attempts follow one another fast."""
    from mudda.webhooks import queue, sender

    monkeypatch.setattr(queue, "STEPS", (0.05,))
    stop, threads = threading.Event(), []

    def start():
        thread = threading.Thread(target=sender.run, args=(stop,))
        thread.start()
        threads.append(thread)

    yield start
    stop.set()
    for thread in threads:
        thread.join()


@pytest.fixture
def sender(start_sender):
    start_sender()
