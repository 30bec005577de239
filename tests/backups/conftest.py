"""Keys and places for back-ups. Imported before Django is set up."""

import secrets

import pytest
from moto.server import ThreadedMotoServer


@pytest.fixture
def backup_key(settings) -> str:
    """The key of the settings."""
    settings.BACKUP_KEY = secrets.token_urlsafe(50)
    settings.BACKUP_KEY_FALLBACKS = []
    return settings.BACKUP_KEY


@pytest.fixture
def folder(tmp_path, settings, backup_key):
    """A place of the test's own, which BACKUP_TO names."""
    from mudda.backups.places import Folder

    settings.BACKUP_TO = str(tmp_path / "kept")
    return Folder(tmp_path / "kept")


@pytest.fixture
def bucket(monkeypatch):
    """The address of a bucket of a server that speaks S3."""
    import boto3

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
    name = f"city-{secrets.token_hex(4)}"  # the server's buckets are the process's, and stay
    boto3.client("s3").create_bucket(Bucket=name)
    yield f"s3://{name}/mudda"
    server.stop()


@pytest.fixture
def media(tmp_path, settings):
    """A storage of the test's own."""
    settings.MEDIA_ROOT = str(tmp_path / "media")
    return tmp_path / "media"


@pytest.fixture
def city(db):
    from tests import factories

    factories.load_city()
