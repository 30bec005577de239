"""Where back-ups and archives are kept: a folder, or a bucket that speaks S3."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from mudda.errors import AdapterError


class Place(Protocol):
    """Keeps files under names with slashes. Every method raises AdapterError where the place is away or refuses."""

    def put(self, name: str, file: Path) -> None:
        """Keep a copy of ``file``; it is there whole, or not at all."""

    def fetch(self, name: str, file: Path) -> None:
        """Write what is kept to ``file``. Raises a permanent AdapterError ``not_found`` for what isn't there."""

    def names(self) -> list[str]:
        """All that is kept, in order."""

    def remove(self, name: str) -> None:
        """Remove what is kept; what isn't there is removed already."""


def place_of(address: str) -> Place:
    """The place that ``s3://bucket/prefix``, or a folder's path, names."""
    parts = urlsplit(address)
    if parts.scheme == "s3":
        return Bucket(parts.netloc, parts.path.strip("/"))
    return Folder(Path(address))


def usual_place() -> Place:
    """What ``BACKUP_TO`` names."""
    return place_of(settings.BACKUP_TO)


class Folder:
    """A folder of this machine, or one that is mounted. Nobody but its owner reads what is in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, file: Path) -> None:
        target = self._folder / name
        part = target.with_name(f"{target.name}.part")
        with _told():
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with file.open("rb") as source, part.open("wb") as copy:
                os.fchmod(copy.fileno(), 0o600)
                shutil.copyfileobj(source, copy)
                copy.flush()
                os.fsync(copy.fileno())
            part.replace(target)

    def fetch(self, name: str, file: Path) -> None:
        with _told():
            shutil.copyfile(self._folder / name, file)

    def names(self) -> list[str]:
        found = (path for path in self._folder.rglob("*") if path.is_file() and path.suffix != ".part")
        with _told():
            return sorted(path.relative_to(self._folder).as_posix() for path in found)

    def remove(self, name: str) -> None:
        with _told():
            (self._folder / name).unlink(missing_ok=True)


class Bucket:
    """A bucket of Amazon S3, or of what speaks its protocol: boto3's own variables say with which keys, which region
    and, for others than Amazon, at which address (``AWS_ENDPOINT_URL_S3``)."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        patient = Config(
            connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 5}
        )
        self._client: Any = boto3.client("s3", config=patient)

    def put(self, name: str, file: Path) -> None:
        with _told():
            self._client.upload_file(str(file), self._bucket, self._prefix + name)

    def fetch(self, name: str, file: Path) -> None:
        with _told():
            self._client.download_file(self._bucket, self._prefix + name, str(file))

    def names(self) -> list[str]:
        with _told():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            )
            keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
        return sorted(key.removeprefix(self._prefix) for key in keys)

    def remove(self, name: str) -> None:
        with _told():
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)


@contextmanager
def _told() -> Iterator[None]:
    """Say of each place's own errors whether it is only away. Their words may name keys: they aren't repeated."""
    try:
        yield
    except FileNotFoundError as error:
        raise _not_found() from error
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in {"404", "NoSuchKey"}:
            raise _not_found() from error
        raise _unavailable(f"it answers {code}") from error
    except (Boto3Error, BotoCoreError, OSError) as error:
        raise _unavailable(type(error).__name__) from error


def _not_found() -> AdapterError:
    return AdapterError("It is not kept there.", code="not_found", permanent=True)


def _unavailable(why: str) -> AdapterError:
    return AdapterError(
        f"The place for back-ups cannot be used ({why}).", code="unavailable", permanent=False
    )
