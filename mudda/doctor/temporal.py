"""Temporal: whether it is reached and lets us in, its certificates, the namespace, and its search attributes."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from mudda import temporal
from mudda.doctor import tls
from mudda.doctor.registry import Finding, error, fine, left_out, register, warning

CONNECT_SECONDS: Final = 6.0

UNREACHED: Final = (RuntimeError, RPCError, TimeoutError, OSError, ValueError)
"""What ends an attempt to connect: the SDK's word for that is RuntimeError; certificates give the last two."""

UNREACHABLE = error(
    "temporal_unreachable",
    "Compare TEMPORAL_HOST (host:port) with the namespace's gRPC endpoint; try it from here; look at the network "
    "policy and Temporal's status page, or its pods where you host it. docs/runbooks/temporal-away.md.",
)
REFUSED = error(
    "temporal_refused",
    "The port answers and Temporal does not let us in: the certificate has to be of an authority that the namespace "
    "knows, TEMPORAL_API_KEY one of its keys; or the one side speaks TLS and the other does not. "
    "docs/runbooks/certificate-expires.md.",
)
NO_NAMESPACE = error(
    "temporal_namespace_missing",
    "Compare TEMPORAL_NAMESPACE with the server's (`temporal operator namespace list`); in Temporal Cloud it ends in "
    "the account's id.",
)
PLAIN = warning(
    "temporal_plain",
    "Set TEMPORAL_TLS_CERT and TEMPORAL_TLS_KEY, TEMPORAL_API_KEY, or TEMPORAL_TLS=true.",
)
NO_ATTRIBUTE = error(
    "search_attribute_missing",
    "Runs cannot be started with it: `temporal operator search-attribute create --name ... --type ...`, or in Temporal "
    "Cloud's console.",
)

_wanted: dict[str, IndexedValueType.ValueType] = {}


def want_search_attribute(name: str, kind: IndexedValueType.ValueType) -> None:
    """Register a search attribute that runs are started with, so that it is looked for in the namespace."""
    _wanted[name] = kind


Ask = Callable[[Client], Awaitable[Iterable[Finding]]]


def with_client(ask: Ask) -> list[Finding]:
    """What ``ask`` finds over a connection of its own; left out, where there is no connection."""
    return list(asyncio.run(_with_client(ask)))


async def _with_client(ask: Ask) -> Iterable[Finding]:
    try:
        client = await asyncio.wait_for(temporal.connect(), CONNECT_SECONDS)
        await client.workflow_service.describe_namespace(_namespace(), timeout=temporal.DEADLINE)
    except UNREACHED:
        return [left_out("Temporal cannot be asked: see the check temporal.")]
    try:
        return await ask(client)
    except RPCError as problem:
        return [
            REFUSED.found(
                f"Temporal does not answer this: {problem.status.name}.", status=problem.status.name
            )
        ]


def look() -> Iterator[Finding]:
    """The way to the server first, then the server."""
    yield from _client_certificate()
    host, _, port = settings.TEMPORAL_HOST.rpartition(":")
    try:
        connected = socket.create_connection((host.strip("[]"), int(port or 7233)), timeout=5)
    except (OSError, ValueError) as problem:
        yield UNREACHABLE.found(
            f"Nobody answers at {settings.TEMPORAL_HOST}: {problem}.", host=settings.TEMPORAL_HOST
        )
        return
    found = list(_encryption(connected, host.strip("[]")))
    yield from found
    if not any(finding.code == REFUSED.code for finding in found):
        yield from asyncio.run(_server())


def _client_certificate() -> Iterator[Finding]:
    asked = settings.TEMPORAL_CLIENT.tls
    if asked is not None and asked.client_cert and asked.client_private_key:
        yield from tls.pair(asked.client_cert, asked.client_private_key, name="TEMPORAL_TLS_CERT")


def _encryption(connected: socket.socket, host: str) -> Iterator[Finding]:
    """What the server's own certificate says. Whether it is believed is seen by connecting."""
    asked = settings.TEMPORAL_CLIENT.tls
    if not _is_secured():
        connected.close()
        if not tls.is_here(host):
            yield PLAIN.found(f"What is said to {host} goes over the network in the clear.", host=host)
        return
    certificate, key = (asked.client_cert, asked.client_private_key) if asked else (None, None)
    client = (certificate, key) if isinstance(certificate, Path) and isinstance(key, Path) else None
    try:
        shown = tls.shown_by(connected, host, client=client, protocols=("h2",))
    except OSError as problem:
        if certificate and not client:
            return  # ours is no file, and OpenSSL shows only files: nothing is known from this
        yield REFUSED.found(
            f"{settings.TEMPORAL_HOST} speaks no TLS with us: {problem}.", host=settings.TEMPORAL_HOST
        )
        return
    if shown is not None:
        yield tls.dated(shown, name="Temporal's certificate")


def _is_secured() -> bool:
    """As the SDK has it: TLS where something is said of it, or where there is an API key."""
    given = settings.TEMPORAL_CLIENT
    return not given.tls.disabled if given.tls is not None else given.api_key is not None


async def _server() -> list[Finding]:
    where = f"{settings.TEMPORAL_HOST}, namespace {settings.TEMPORAL_NAMESPACE}"
    try:
        client = await asyncio.wait_for(temporal.connect(), CONNECT_SECONDS)
        told = await client.workflow_service.describe_namespace(_namespace(), timeout=temporal.DEADLINE)
    except RPCError as problem:
        if problem.status == RPCStatusCode.NOT_FOUND:
            says = f"{settings.TEMPORAL_HOST} knows no namespace {settings.TEMPORAL_NAMESPACE}."
            return [NO_NAMESPACE.found(says, namespace=settings.TEMPORAL_NAMESPACE)]
        return [REFUSED.found(f"{where}: {problem.status.name}.", status=problem.status.name)]
    except UNREACHED as problem:
        says = " ".join(str(problem).split()) or "no answer in time"
        return [REFUSED.found(f"{where}: {says}", host=settings.TEMPORAL_HOST)]
    kept = told.config.workflow_execution_retention_ttl.ToTimedelta() / timedelta(days=1)
    found = [fine(f"Temporal at {where}, keeps what is over for {kept:g} days.", retention_days=kept)]
    return found + await _search_attributes(client)


async def _search_attributes(client: Client) -> list[Finding]:
    if not _wanted:
        return []
    request = ListSearchAttributesRequest(namespace=settings.TEMPORAL_NAMESPACE)
    try:
        told = await client.operator_service.list_search_attributes(request, timeout=temporal.DEADLINE)
    except RPCError as problem:  # Temporal Cloud doesn't tell everybody
        return [left_out(f"The namespace does not tell its search attributes: {problem.status.name}.")]
    known = {**told.custom_attributes, **told.system_attributes}
    missing = [name for name, kind in _wanted.items() if known.get(name) != kind]
    if missing:
        return [NO_ATTRIBUTE.found(f"The namespace lacks {', '.join(missing)}.", missing=missing)]
    return [fine(f"The namespace knows {', '.join(_wanted)}.", search_attributes=sorted(_wanted))]


def _namespace() -> DescribeNamespaceRequest:
    return DescribeNamespaceRequest(namespace=settings.TEMPORAL_NAMESPACE)


register(
    "temporal", look, words="Temporal: reach, TLS and its dates, namespace, search attributes", seconds=20.0
)
