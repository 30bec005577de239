"""Where webhooks may go: to public addresses by https, and to hosts that an administrator has allowed.

A name is resolved once for each attempt, every answer is looked at, and the connection is made to one of those very
answers: what the name means a moment later doesn't matter (DNS rebinding).
"""

import ipaddress
import socket
import threading
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from mudda.errors import InvalidRequest
from mudda.webhooks.models import LONGEST_URL, WebhookAllowedHost

RESOLVE_SECONDS = 5.0

REFUSED = [
    ipaddress.ip_network(text)
    for text in (
        "100.64.0.0/10",  # between providers and their customers
        "192.88.99.0/24",  # relays of 6to4
        "::/96",  # IPv4 inside IPv6, each of the following too
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
        "fec0::/10",
    )
]
"""What Python's ``is_global`` lets through, in this version or another, and leads inside."""


class WebhookAddressRefused(InvalidRequest):
    """``reason`` says which rule: also what a failed delivery shows."""

    code = "webhook_address_refused"
    title = "Nothing is sent to this address."

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(words, errors=[{"pointer": "/url", "code": reason, "message": words}])
        self.reason = reason


@dataclass(frozen=True)
class Target:
    """An address that was looked at: what to ask for, and the IP addresses to ask it of."""

    secure: bool
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]


def is_allowed(url: str) -> bool:
    """Whether an administrator allows the host of ``url``, with every port or with this one.

    Raises:
        WebhookAddressRefused: ``bad_url``.
    """
    parts, port = _split(url)
    host = str(parts.hostname)
    names = [host, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
    return WebhookAllowedHost.objects.filter(host__in=names).exists()


def look_up(url: str, *, allowed: bool) -> Target:
    """Resolve ``url``, and make sure that something may be sent there. Asks the resolver, not the database.

    Args:
        allowed: what ``is_allowed`` says.

    Raises:
        WebhookAddressRefused: ``bad_url``, ``https_needed``, ``host_unknown`` or ``address_refused``.
    """
    parts, port = ensure_secure(url, allowed=allowed)
    host, secure = str(parts.hostname), parts.scheme == "https"
    addresses = _resolve(host, port)
    if not allowed and not all(map(is_public, addresses)):
        words = (
            "It leads inside: to a loopback, private, link-local, metadata or otherwise not public address."
        )
        raise WebhookAddressRefused("address_refused", words)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure, host, port, path, addresses)


def ensure_secure(url: str, *, allowed: bool) -> tuple[SplitResult, int]:
    """The parts of ``url`` and its port, if it is written as it has to be. Asks nobody.

    Raises:
        WebhookAddressRefused: ``bad_url`` or ``https_needed``.
    """
    parts, port = _split(url)
    if parts.scheme != "https" and not allowed:
        words = "It has to begin with https://, unless an administrator allows the host."
        raise WebhookAddressRefused("https_needed", words)
    return parts, port


def is_public(address: str) -> bool:
    """Whether an IP address is one that anybody on the internet could reach, and nothing but itself."""
    found = ipaddress.ip_address(address)
    if not found.is_global or found.is_multicast or found.is_reserved:
        return False
    return not any(found.version == net.version and found in net for net in REFUSED)


def _split(url: str) -> tuple[SplitResult, int]:
    words = "Not an address such as https://example.org/hook, without a user, a password or a fragment."
    refused = WebhookAddressRefused("bad_url", words)
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or {" ", "\\", "#"} & set(url):
        raise refused
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise refused from error
    if parts.scheme not in {"https", "http"} or not parts.hostname or "@" in parts.netloc or port == 0:
        raise refused
    return parts, port or (443 if parts.scheme == "https" else 80)


def _resolve(host: str, port: int) -> tuple[str, ...]:
    """Every address that ``host`` has now. On a thread of its own: the system's resolver knows no deadline."""
    answers: list[str] = []

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        answers.extend(dict.fromkeys(str(row[4][0]) for row in found))

    thread = threading.Thread(target=ask, name="webhook-resolver", daemon=True)
    thread.start()
    thread.join(RESOLVE_SECONDS)
    addresses = tuple(answers)
    if not addresses:
        raise WebhookAddressRefused("host_unknown", "Its host has no address.")
    return addresses
