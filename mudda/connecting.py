"""The connection to Temporal, made as the settings say, and made anew when its certificates or its key are replaced.

Certificates and the API key's file are replaced while we run: by cert-manager, by a Secret that is mounted, by hand.
A connection goes on with what it was made with until the other side ends it, so the files are looked at every few
seconds, by their contents: Kubernetes swaps a link, others write in place, and some write two files one after another.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from temporalio.client import Client

from mudda import encryption
from mudda.monitoring import process

logger = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds between looks at the files."""

MadeWith = tuple[bytes, ...]


async def connect(*, lazy: bool = False) -> Client:
    """Connect as the settings say: address, namespace, and an API key or TLS where they are given.

    Files are read each time, so that a new connection uses what is in them then.

    Raises:
        RuntimeError: the server cannot be reached, refuses us, or isn't who it should be, or a file cannot be read.
    """
    try:
        how = settings.TEMPORAL_CLIENT.to_client_connect_config()
        if settings.TEMPORAL_API_KEY_FILE is not None:
            how["api_key"] = settings.TEMPORAL_API_KEY_FILE.read_text().strip()
    except OSError as error:
        raise RuntimeError(
            f"A file that TEMPORAL_... names cannot be read: {type(error).__name__}."
        ) from error
    how["target_host"], how["namespace"] = settings.TEMPORAL_HOST, settings.TEMPORAL_NAMESPACE
    return await Client.connect(
        **how,
        lazy=lazy,
        runtime=process.temporal_runtime(),
        interceptors=process.temporal_interceptors(),
        data_converter=encryption.data_converter(settings.TEMPORAL_PAYLOAD_KEYS),
    )


def made_with() -> MadeWith:
    """What a connection made now would be made with: a digest of each file, empty for one that cannot be read."""
    return tuple(_digest(file) for file in _files())


def _files() -> list[Path]:
    tls = settings.TEMPORAL_CLIENT.tls
    named = (tls.client_cert, tls.client_private_key, tls.server_root_ca_cert) if tls is not None else ()
    return [file for file in (*named, settings.TEMPORAL_API_KEY_FILE) if isinstance(file, Path)]


def _digest(file: Path) -> bytes:
    try:
        return hashlib.sha256(file.read_bytes()).digest()
    except OSError:  # it is being replaced, or gone: connecting says so
        return b""


async def follow_files(known: MadeWith, replace: Callable[[Client], None]) -> None:
    """Connect anew whenever the files are others, and hand over the new client; for ever, where there are files.

    What cannot be connected with (the new certificate before its new key, or one that the server refuses) leaves the
    connection as it is, and is tried again until it can, or is replaced by something that can.

    Args:
        known: what the connection so far was made with, as ``made_with`` gave it before that.
        replace: given the new client, on this event loop.
    """
    refused: MadeWith | None = None
    while known:
        await asyncio.sleep(LOOK_EVERY)
        found = made_with()
        if found == known:
            refused = None
            continue
        try:
            client = await connect()
        except (RuntimeError, ValueError) as error:  # the SDK's words for a connection that could not be made
            if found != refused:
                logger.warning(
                    "Temporal's certificates or API key were replaced, and nobody can connect with what is there now; "
                    "the connection from before goes on: %s",
                    error,
                )
            refused = found
            continue
        replace(client)
        known, refused = found, None
        logger.info("Temporal's certificates or API key were replaced: connected anew")
