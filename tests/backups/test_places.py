"""A folder, and a bucket on a real server that speaks S3: both keep, give, list and remove alike."""

import stat

import pytest

from mudda.backups.places import place_of
from mudda.devstack.surroundings import free_port
from mudda.errors import AdapterError


@pytest.fixture(params=["folder", "bucket"])
def place(request, tmp_path):
    if request.param == "bucket":
        return place_of(request.getfixturevalue("bucket"))
    return place_of(str(tmp_path / "kept"))


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"words")
    return file


def test_what_is_kept_is_given_back_and_named(place, file, tmp_path):
    assert place.names() == []
    place.put("b/manifest.json", file)
    place.put("a/database.sealed", file)
    assert place.names() == ["a/database.sealed", "b/manifest.json"]
    place.fetch("a/database.sealed", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"words"


def test_what_is_kept_again_takes_the_place_of_what_was(place, file, tmp_path):
    place.put("a", file)
    file.write_bytes(b"other words")
    place.put("a", file)
    place.fetch("a", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"other words"


def test_what_is_removed_is_gone_and_may_be_removed_again(place, file):
    place.put("a", file)
    place.remove("a")
    place.remove("a")
    assert place.names() == []


def test_what_is_not_there_is_said_to_be_not_there(place, tmp_path):
    with pytest.raises(AdapterError) as told:
        place.fetch("a", tmp_path / "back")
    assert (told.value.code, told.value.permanent) == ("not_found", True)


def test_nobody_else_reads_what_a_folder_keeps(tmp_path, file):
    place_of(str(tmp_path / "kept")).put("a/b", file)
    assert stat.S_IMODE((tmp_path / "kept/a/b").stat().st_mode) == 0o600


def test_a_bucket_that_is_away_or_is_not_there_can_be_tried_again(bucket, file, monkeypatch):
    with pytest.raises(AdapterError) as told:
        place_of("s3://nowhere").put("a", file)
    assert not told.value.permanent
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(AdapterError) as told:
        place_of(bucket).names()
    assert (told.value.code, told.value.permanent) == ("unavailable", False)
