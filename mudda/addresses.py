"""Where a request comes from: the peer's address or, behind proxies that are ours, what they say of it."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

SITE_BITS = 64
"""What one subscriber gets of IPv6: whoever has a /64 has all addresses in it."""


def client_address(request: HttpRequest) -> Address | None:
    """The address of whoever calls; None where there is none, as on a Unix socket.

    ``X-Forwarded-For`` is believed from the right, and only as far as ``TRUSTED_PROXIES`` have written it: the first
    address that is not one of them is the caller's. All that stands to its left may be the caller's invention.
    """
    return address_in(request.META)


def address_in(variables: Mapping[str, str]) -> Address | None:
    """The same from a request's variables as CGI names them."""
    found = _address(variables.get("REMOTE_ADDR", ""))
    proxies = _networks(tuple(settings.TRUSTED_PROXIES))
    told = variables.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while found is not None and told and _within(found, proxies):
        said = _address(told.pop())
        if said is None:
            break
        found = said
    return found


def is_within(address: Address | None, networks: Iterable[str]) -> bool:
    """Whether ``address`` lies in one of ``networks`` (CIDR). An unknown address lies in none."""
    return address is not None and _within(address, _networks(tuple(networks)))


def parse_network(text: str) -> Network:
    """A network in CIDR, or one address.

    Raises:
        ValueError: it is neither, or has bits of a host (10.0.0.1/8).
    """
    return ip_network(text.strip())


def site_of(address: Address | None) -> str:
    """Who is counted as one: an IPv4 address, or an IPv6 network of 64 bits."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, SITE_BITS), strict=False))
    return str(address or "unknown")


@lru_cache(maxsize=1024)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(parse_network(text) for text in texts)


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _address(text: str) -> Address | None:
    """An address as proxies write it: with or without a port, IPv4 within IPv6 as IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
