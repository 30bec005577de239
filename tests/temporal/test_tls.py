"""TLS to Temporal, by the deployment guide's TEMPORAL_TLS_CERT and TEMPORAL_TLS_KEY."""

import asyncio
import contextlib
import ssl
import threading

import pytest
import trustme

from mudda.devstack.surroundings import free_port


class TlsFront:
    """Ends TLS in front of a plain Temporal server, and lets in only who shows a certificate of our authority."""

    def __init__(self, authority: trustme.CA, behind: str) -> None:
        self.port = free_port()
        self.behind = behind.rpartition(":")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self.context)
        authority.configure_trust(self.context)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.set_alpn_protocols(["h2"])
        self.passed = 0
        self.loop = asyncio.new_event_loop()

    def __enter__(self) -> "TlsFront":
        ready = threading.Event()
        self.thread = threading.Thread(target=self._serve, args=(ready,))
        self.thread.start()
        assert ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    def _serve(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(
            asyncio.start_server(self._pass, "127.0.0.1", self.port, ssl=self.context)
        )
        ready.set()
        self.loop.run_forever()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))

    async def _pass(self, reader, writer) -> None:
        self.passed += 1
        inside_reader, inside_writer = await asyncio.open_connection(self.behind[0], int(self.behind[2]))
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await asyncio.gather(_copy(reader, inside_writer), _copy(inside_reader, writer))


async def _copy(reader, writer) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.fixture
def authority(tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    client = authority.issue_cert("worker.city.example.org")
    client.cert_chain_pems[0].write_to_path(str(tmp_path / "client.pem"))
    client.private_key_pem.write_to_path(str(tmp_path / "client-key.pem"))
    return authority


def readiness(url):
    import httpx

    return httpx.get(f"{url}/readyz", trust_env=False, timeout=20).json()["checks"]["temporal"]["ok"]


def test_with_certificate_and_key_the_web_server_and_the_worker_reach_a_server_that_asks_for_them(
    authority, temporal_server, start_web, start_worker, tmp_path
):
    with TlsFront(authority, str(temporal_server)) as front:
        given = {
            "TEMPORAL_HOST": f"127.0.0.1:{front.port}",
            "TEMPORAL_TLS_CERT": str(tmp_path / "client.pem"),
            "TEMPORAL_TLS_KEY": str(tmp_path / "client-key.pem"),
            "TEMPORAL_TLS_SERVER_CA": str(tmp_path / "ca.pem"),
        }
        worker = start_worker(**given)
        worker.wait_until_said("worker started")
        assert readiness(start_web(**given).url)
        assert front.passed >= 2
        worker.stop()


def test_without_a_certificate_nothing_gets_through_and_the_site_is_not_ready(
    authority, temporal_server, start_web, tmp_path
):
    with TlsFront(authority, str(temporal_server)) as front:
        given = {
            "TEMPORAL_HOST": f"127.0.0.1:{front.port}",
            "TEMPORAL_TLS_SERVER_CA": str(tmp_path / "ca.pem"),
        }
        assert not readiness(start_web(**given).url)
