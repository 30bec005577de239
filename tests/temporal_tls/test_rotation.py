"""Certificates and keys for Temporal are replaced under a running site, which goes on working."""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.envconfig import ClientConfigProfile, ClientConfigTLS

from mudda import connecting
from tests.faults.city import City, letter, note, until
from tests.faults.mail import PostOffice
from tests.temporal_tls.front import Authority, TlsFront

REPLACED = "were replaced: connected anew"
REFUSED = "nobody can connect with what is there now"
ASK = {"requires_approval": {"group": "supervisor", "reason": "It costs money."}}


class Files:
    """The certificate and the key that a site is given, replaced one after the other, as by hand."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "client.pem", folder / "client-key.pem"

    def hold(self, certificate: bytes, key: bytes) -> None:
        self.certificate.write_bytes(certificate)
        self.key.write_bytes(key)


@pytest.fixture
def first():
    return Authority("first")


@pytest.fixture
def second():
    return Authority("second")


@pytest.fixture
def front(first, tmp_path):
    (tmp_path / "ca.pem").write_bytes(first.pem)
    with TlsFront(first, tmp_path) as front:
        yield front


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


@pytest.fixture
def city(front, files, first, second, tmp_path):
    """A site that reaches its Temporal through the front only, with a certificate of the first authority."""
    files.hold(*first.issue("site")[:2])
    office = PostOffice()
    office.start()
    home = Path(tempfile.mkdtemp(prefix=f"mudda-tests-{os.getpid()}-tls-"))
    city = City(
        home,
        office,
        TEMPORAL_HOST=front.address,
        TEMPORAL_TLS_CERT=str(files.certificate),
        TEMPORAL_TLS_KEY=str(files.key),
        TEMPORAL_TLS_SERVER_CA=str(tmp_path / "ca.pem"),
    )
    front.open(city.site.temporal.address, first, second)
    try:
        city.start()
        yield city
    finally:
        city.stop()
        office.stop()
        shutil.rmtree(home, ignore_errors=True)


def said(city, text, times=1):
    """Wait until both processes have said it so often. The web server's client is made by its first call."""
    for child in (city.site.web, city.site.worker):
        until(lambda child=child: child.log.read_text().count(text) >= times, 60, child.log.read_text)


def carried_out(city):
    city.ends(city.launch(note("a"), letter("b")), deadline=120)


def processes(city):
    return city.site.web.pid, city.site.worker.pid


def test_a_certificate_of_a_new_authority_takes_over_while_a_run_waits_and_the_old_one_is_refused(
    city, front, files, first, second
):
    carried_out(city)
    execution, before = city.launch(letter(**ASK), note("after")), processes(city)
    task = city.task(execution)

    certificate, key, serial = second.issue("site")
    files.hold(certificate, key)
    said(city, REPLACED)
    front.open(city.site.temporal.address, second)  # connections are cut, and the old certificate is refused
    begun = len(front.shown)
    city.decide(task, "approve")
    city.ends(execution, deadline=120)
    carried_out(city)
    assert set(front.shown[begun:]) == {serial}, "nobody came with the old one"
    assert front.shown[begun:], "and somebody came"
    assert processes(city) == before, "and nothing was restarted"


def test_a_wrong_certificate_is_refused_and_work_goes_on_until_it_is_put_right(city, front, files, first):
    carried_out(city)
    before = processes(city)
    files.hold(*Authority("stranger").issue("site")[:2])
    said(city, REFUSED)
    carried_out(city)
    right, key, serial = first.issue("site")
    files.hold(right, key)
    said(city, REPLACED)
    carried_out(city)
    assert serial in front.shown
    assert processes(city) == before


def profile(front, files, tmp_path):
    ours = {"client_cert": files.certificate, "client_private_key": files.key} if files.key.exists() else {}
    tls = ClientConfigTLS(server_root_ca_cert=tmp_path / "ca.pem", **ours)
    return ClientConfigProfile(address=front.address, namespace="default", tls=tls)


@pytest.fixture
def site(front, files, settings, tmp_path, temporal_server):
    """This process, set to reach Temporal through the front; to be called once there are certificates."""

    def set_up(*trusted):
        front.open(temporal_server.address, *trusted)
        settings.TEMPORAL_HOST = front.address
        settings.TEMPORAL_CLIENT = profile(front, files, tmp_path)

    return set_up


def test_with_a_strangers_certificate_or_none_nobody_connects(site, files, first):
    site(first)
    with pytest.raises(RuntimeError):
        asyncio.run(connecting.connect())
    files.hold(*Authority("stranger").issue("site")[:2])
    site(first)
    with pytest.raises(RuntimeError):
        asyncio.run(connecting.connect())
    files.hold(*first.issue("site")[:2])
    assert isinstance(asyncio.run(connecting.connect()), Client)


def test_a_server_of_another_authority_is_not_believed(site, files, first, second, tmp_path):
    files.hold(*first.issue("site")[:2])
    (tmp_path / "ca.pem").write_bytes(second.pem)
    site(first)
    with pytest.raises(RuntimeError):
        asyncio.run(connecting.connect())


def test_a_file_that_is_gone_is_said_without_its_name(site, files, first):
    files.hold(*first.issue("site")[:2])
    site(first)
    files.key.unlink()
    with pytest.raises(RuntimeError, match="FileNotFoundError") as told:
        asyncio.run(connecting.connect())
    assert str(files.key) not in str(told.value)


def test_an_api_key_is_followed_as_its_file_changes(site, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(connecting, "LOOK_EVERY", 0.05)
    settings.TEMPORAL_API_KEY_FILE = tmp_path / "api-key"
    settings.TEMPORAL_API_KEY_FILE.write_text("old\n")
    site()

    async def rotate():
        known, clients = connecting.made_with(), asyncio.Queue()
        before = await connecting.connect()
        following = asyncio.create_task(connecting.follow_files(known, clients.put_nowait))
        settings.TEMPORAL_API_KEY_FILE.write_text("new\n")
        after = await asyncio.wait_for(clients.get(), 60)
        following.cancel()
        return before.api_key, after.api_key

    assert asyncio.run(rotate()) == ("old", "new")


def test_without_files_there_is_nothing_to_follow(settings):
    settings.TEMPORAL_CLIENT, settings.TEMPORAL_API_KEY_FILE = ClientConfigProfile(tls=None), None
    assert connecting.made_with() == ()
    asyncio.run(asyncio.wait_for(connecting.follow_files((), pytest.fail), 60))
