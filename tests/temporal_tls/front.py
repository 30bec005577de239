"""What ends TLS in front of a plain Temporal server, and can be set up anew on the same port, as proxies are."""

import asyncio
import contextlib
import ssl
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mudda.devstack.surroundings import free_port

ADDRESS = "127.0.0.1"


class Authority:
    """Signs certificates, and says so in its own."""

    def __init__(self, name: str) -> None:
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._signed(self.name, self.key.public_key(), x509.BasicConstraints(True, None))

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str) -> tuple[bytes, bytes, int]:
        """A certificate for ``name`` (and for 127.0.0.1), its key, both as PEM, and its serial number."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signed = self._signed(subject, key.public_key(), x509.BasicConstraints(False, None))
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return signed.public_bytes(serialization.Encoding.PEM), secret, signed.serial_number

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, basic: x509.BasicConstraints
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(ADDRESS))])
        return (
            x509.CertificateBuilder(self.name, subject, key, x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(basic, critical=True)
            .add_extension(names, critical=False)
            .sign(self.key, hashes.SHA256())
        )


class TlsFront:
    """Lets in who shows a certificate of an authority that it trusts, or anybody where it trusts none.

    ``shown`` are the serial numbers of the certificates that were shown, in the order of the connections.

    Args:
        own: signs the front's own certificate.
        folder: for the files that Python's ssl reads.
    """

    def __init__(self, own: Authority, folder: Path) -> None:
        self.port = free_port()
        self.behind = ""
        self.shown: list[int] = []
        certificate, key, _ = own.issue("front")
        self._files = folder / "front.pem", folder / "front-key.pem"
        for file, text in zip(self._files, (certificate, key), strict=True):
            file.write_bytes(text)
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def address(self) -> str:
        return f"{ADDRESS}:{self.port}"

    def __enter__(self) -> "TlsFront":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def open(self, behind: str, *trusted: Authority) -> None:
        """Stand in front of ``behind`` (host:port), anew: every connection there was is cut."""
        self.behind = behind
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._files)
        context.set_alpn_protocols(["h2"])
        for authority in trusted:
            context.load_verify_locations(cadata=authority.pem.decode())
        context.verify_mode = ssl.CERT_REQUIRED if trusted else ssl.CERT_NONE
        self._do(self._open(context))

    def _do(self, work) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _open(self, context: ssl.SSLContext) -> None:
        await self._close()
        self._server = await asyncio.start_server(self._pass, ADDRESS, self.port, ssl=context)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        if shown := writer.get_extra_info("peercert"):
            self.shown.append(int(shown["serialNumber"], 16))
        host, _, port = self.behind.rpartition(":")
        inside_reader, inside_writer = await asyncio.open_connection(host, int(port))
        try:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await asyncio.gather(_copy(reader, inside_writer), _copy(inside_reader, writer))
        finally:
            for end in (writer, inside_writer):
                end.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()
