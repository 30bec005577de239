"""Certificates: whether they can be read, belong to their key, and how long they are good for."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate, load_der_x509_certificate, load_pem_x509_certificate

from mudda.doctor.registry import Finding, error, fine, warning

SOON = timedelta(days=14)
"""As the alert MuddaCertificateExpires has it."""

EXPIRES = warning("certificate_expires", "Replace it now: docs/runbooks/certificate-expires.md.")
EXPIRED = error("certificate_expired", "Replace it: docs/runbooks/certificate-expires.md.")
UNREADABLE = error(
    "certificate_unreadable",
    "Mount the certificate and its key, both as PEM, where the TEMPORAL_TLS_... variables say, readable for this user.",
)
NOT_ITS_KEY = error(
    "certificate_key_mismatch",
    "The key is another certificate's: replace both together, from the same place.",
)

Source = Path | str | bytes
"""A file, or the PEM itself."""


def pair(certificate: Source, key: Source, *, name: str) -> Iterator[Finding]:
    """Look at a client certificate and its key."""
    try:
        read = load_pem_x509_certificate(_content(certificate))
        private = load_pem_private_key(_content(key), None)
    except (OSError, ValueError, TypeError) as problem:  # TypeError: the key has a password
        yield UNREADABLE.found(f"{name} cannot be read: {problem}.", name=name)
        return
    if read.public_key() != private.public_key():
        yield NOT_ITS_KEY.found(f"{name} and its key do not belong together.", name=name)
    yield dated(read, name=name)


def dated(certificate: Certificate, *, name: str) -> Finding:
    """Say until when a certificate is good."""
    until = certificate.not_valid_after_utc
    left = until - datetime.now(UTC)
    facts = {"name": name, "until": until.isoformat(), "days_left": round(left / timedelta(days=1), 1)}
    if left <= timedelta(0):
        return EXPIRED.found(f"{name} has expired on {until:%Y-%m-%d %H:%M} UTC.", **facts)
    says = f"{name} is good until {until:%Y-%m-%d %H:%M} UTC."
    return EXPIRES.found(says, **facts) if left < SOON else fine(says, **facts)


def shown_by(
    connected: socket.socket,
    host: str,
    *,
    client: tuple[Path, Path] | None = None,
    protocols: tuple[str, ...] = (),
) -> Certificate | None:
    """The certificate that a server shows; it is looked at, not believed. Closes the connection.

    Raises:
        OSError: there is no TLS to be had (ssl.SSLError is one).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if client:
        context.load_cert_chain(*client)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    with connected, context.wrap_socket(connected, server_hostname=host) as secured:
        shown = secured.getpeercert(binary_form=True)
    return load_der_x509_certificate(shown) if shown else None


def is_here(host: str) -> bool:
    """Whether what is sent to ``host`` stays on this machine: a Unix socket's folder, or its own name."""
    return host.startswith("/") or host in {"", "localhost", "127.0.0.1", "::1"}


def _content(source: Source) -> bytes:
    if isinstance(source, Path):
        return source.read_bytes()
    return source.encode() if isinstance(source, str) else source
