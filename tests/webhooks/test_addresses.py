"""Where webhooks go, and never go: when somebody subscribes, and again at every attempt."""

import socket
import ssl
import threading
import time

import pytest
import trustme
from django.db import transaction

from mudda.models import WebhookAllowedHost, WebhookDelivery
from mudda.webhooks import addresses, posting, queue, sending, services
from mudda.webhooks.addresses import Target, WebhookAddressRefused, is_public, look_up
from mudda.webhooks.posting import NotPosted, post
from tests import factories
from tests.webhooks.receiver import Receiver

INSIDE = [
    "127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.1.1",
    "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1",
    "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808",
    "64:ff9b:1::1", "2002:7f00:1::", "2002:808:808::1", "2001::1", "2001:db8::1", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fec0::1", "ff02::1", "100::1",
]  # fmt: skip
OUTSIDE = ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:82a::200e"]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_leads_inside_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_that_anybody_reaches_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize("address", INSIDE)
def test_nobody_subscribes_an_address_that_leads_inside(address):
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(WebhookAddressRefused) as refused:
        look_up(f"https://{host}/hook", allowed=False)
    assert refused.value.reason == "address_refused"


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "127.1", "localhost", "LOCALHOST"],
)
def test_other_ways_to_write_loopback_are_no_way_in(host):
    with pytest.raises(WebhookAddressRefused) as refused:
        look_up(f"https://{host}/", allowed=False)
    assert refused.value.reason == "address_refused"


@pytest.mark.parametrize(
    "url",
    [
        "", "example.org", "ftp://example.org/", "file:///etc/passwd", "https://", "https:///x", "https://:443/",
        "https://user@example.org/", "https://8.8.8.8@127.0.0.1/", "https://example.org:0/",
        "https://example.org:99999/", "https://example.org:x/", "https://example.org/#part", "https://exa mple.org/",
        "https://example.org\\@127.0.0.1/", "https://example.org/\r\nX: y", "https://b\u00fccher.example/",
        "https://[::1/", "https://example.org/" + "x" * 500,
    ],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused(url):
    with pytest.raises(WebhookAddressRefused) as refused:
        look_up(url, allowed=True)
    assert refused.value.reason == "bad_url"


def test_http_is_refused_and_a_host_without_an_address_too():
    for url, reason in (("http://8.8.8.8/", "https_needed"), ("https://nowhere.invalid/", "host_unknown")):
        with pytest.raises(WebhookAddressRefused) as refused:
            look_up(url, allowed=False)
        assert (refused.value.code, refused.value.reason) == ("webhook_address_refused", reason)
        assert refused.value.errors[0]["pointer"] == "/url"


def test_one_answer_of_several_that_leads_inside_is_enough_to_refuse(monkeypatch):
    resolve(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(WebhookAddressRefused) as refused:
        look_up("https://example.org/", allowed=False)
    assert refused.value.reason == "address_refused"


def test_a_resolver_that_hangs_is_given_up(monkeypatch):
    go_on = threading.Event()
    monkeypatch.setattr(addresses, "RESOLVE_SECONDS", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: go_on.wait(10) and [])
    with pytest.raises(WebhookAddressRefused) as refused:
        look_up("https://example.org/", allowed=False)
    go_on.set()
    assert refused.value.reason == "host_unknown"


@pytest.mark.parametrize(
    ("entry", "url", "goes"),
    [
        ("127.0.0.1", "http://127.0.0.1:8123/", True),
        ("127.0.0.1:8123", "http://127.0.0.1:8123/x", True),
        ("127.0.0.1:8123", "http://127.0.0.1:8124/", False),
        ("localhost:443", "https://localhost/", True),
        ("localhost", "https://localhost.example.org/", False),
        ("[::1]:8123", "http://[::1]:8123/", True),
        ("inside.example.org", "http://INSIDE.example.org/", True),
    ],
)
def test_an_allowed_host_is_that_host_and_where_it_names_a_port_that_port(db, entry, url, goes):
    WebhookAllowedHost.objects.create(host=entry)
    assert addresses.is_allowed(url) is goes


# --- at every attempt -------------------------------------------------------------------------------


def resolve(monkeypatch, *answers):
    """Have the machine's resolver give these answers one after the other, the last one ever after."""
    left, asked = list(answers), []
    really = socket.getaddrinfo

    def getaddrinfo(host, port, *words, **more):
        if host != "example.org":
            return really(host, port, *words, **more)
        asked.append(host)
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def attempt():
    """Make the attempt that is due, as the senders do; what its delivery shows afterwards."""
    taken = queue.claim()
    letter = sending.prepare(taken)
    sending.record(taken, sending.send(letter))
    return WebhookDelivery.objects.get(pk=taken.delivery.pk)


@pytest.fixture
def append(db):
    plan = factories.make_plan()

    def append():
        with transaction.atomic():
            factories.append_event(plan, "plan.edited")

    return append


def test_a_name_that_is_rebound_after_the_subscription_leads_nowhere(monkeypatch, append, receiver, owner):
    resolve(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    url = f"https://example.org:{receiver.port}/hook"
    services.create_subscription(url=url, types=["plan.*"], filters={}, by=owner, auth=None)
    append()
    assert attempt().last_error == "address_refused"
    assert receiver.received == []


def test_an_attempt_resolves_once_and_connects_to_what_it_has_looked_at(monkeypatch, receiver):
    """A resolver whose second answer, right after the first, is the machine itself."""
    asked = resolve(monkeypatch, ["203.0.113.9"], ["127.0.0.1"])
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "203.0.113.9")
    monkeypatch.setattr(posting, "CONNECT_SECONDS", 0.3)
    target = look_up(f"https://example.org:{receiver.port}/", allowed=False)
    assert target.addresses == ("203.0.113.9",)
    with pytest.raises(NotPosted):
        post(target, b"{}", {})
    assert (asked, receiver.received) == (["example.org"], [])


def test_a_redirect_is_a_failure_and_is_not_followed(append, subscribe, allowed):
    inside = Receiver()
    inside.start()
    try:
        allowed.answer = lambda message: (307, {"Location": inside.url})
        subscribe("plan.*")
        append()
        delivery = attempt()
        assert (delivery.last_status, delivery.last_error) == (307, "redirected")
        assert len(allowed.received) == 1
        assert inside.received == []
    finally:
        inside.stop()


def test_a_host_that_is_allowed_no_more_gets_nothing_more(append, subscribe, allowed):
    subscribe("plan.*")
    WebhookAllowedHost.objects.all().delete()
    append()
    assert attempt().last_error == "https_needed"
    assert allowed.received == []


def test_proxies_of_the_environment_are_not_used(append, subscribe, allowed, receiver, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    subscribe("plan.*")
    append()
    assert attempt().status == "delivered"


# --- the request ------------------------------------------------------------------------------------


def test_tls_is_checked_for_the_name_though_the_connection_is_to_the_address(monkeypatch, tmp_path):
    authority = trustme.CA()
    secure = Receiver()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("example.org").configure_cert(context)
    names = []
    context.sni_callback = lambda sock, name, _: names.append(name)
    secure.server.socket = context.wrap_socket(secure.server.socket, server_side=True)
    secure.start()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    resolve(monkeypatch, ["127.0.0.1"])
    try:
        target = look_up(f"https://example.org:{secure.port}/hook?x=1", allowed=True)
        assert post(target, b"{}", {"Content-Type": "application/json"}) == 204
        assert names == ["example.org"]
        assert secure.received[0].headers["host"] == f"example.org:{secure.port}"
        assert secure.received[0].path == "/hook?x=1"
        with pytest.raises(NotPosted, match="certificate"):
            post(look_up(f"https://localhost:{secure.port}/", allowed=True), b"{}", {})
    finally:
        secure.stop()


def answering(chunks, pause=0.0):
    """The address of a peer that reads and then writes these bytes, with pauses; a list of how many it wrote."""
    listener, written = socket.create_server(("127.0.0.1", 0)), []

    def serve():
        peer, _ = listener.accept()
        with peer, listener:
            peer.recv(65_536)
            try:
                for chunk in chunks:
                    peer.sendall(chunk)
                    written.append(len(chunk))
                    time.sleep(pause)
            except OSError:
                return

    thread = threading.Thread(target=serve)
    thread.start()
    return Target(False, "127.0.0.1", listener.getsockname()[1], "/", ("127.0.0.1",)), thread, written


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"])
def test_a_receiver_that_dribbles_is_cut_off_at_the_deadline(monkeypatch, start):
    monkeypatch.setattr(posting, "DEADLINE_SECONDS", 1.0)
    target, thread, written = answering([start, *[b"x"] * 300], pause=0.05)
    with pytest.raises(NotPosted, match="timeout"):
        post(target, b"{}", {})
    thread.join()
    assert len(written) < 200, "it was let dribble on"


def test_no_more_than_64_kb_of_an_answer_are_read():
    chunk = b"y" * 65_536
    target, thread, written = answering(
        [b"HTTP/1.1 200 OK\r\nContent-Length: 655360000\r\n\r\n", *[chunk] * 10_000]
    )
    assert post(target, b"{}", {}) == 200
    thread.join()
    assert sum(written) < 100 * len(chunk)


@pytest.mark.parametrize(
    ("answer", "words"),
    [(b"", "connection_lost"), (b"hello\r\n\r\n", "not_http"), (b"HTTP/1.1 abc\r\n\r\n", "not_http")],
)
def test_what_is_no_answer_is_a_failure_in_a_word_of_ours(answer, words):
    target, thread, _ = answering([answer])
    with pytest.raises(NotPosted, match=words):
        post(target, b"{}", {})
    thread.join()


def test_nobody_there_is_a_failure():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(NotPosted, match="connection_refused"):
        post(Target(False, "127.0.0.1", port, "/", ("127.0.0.1",)), b"{}", {})
