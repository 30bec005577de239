import hashlib
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from executions.adapters.errors import AdapterError
from mudda.files.storage import open_document, store_document

KEY = "0b0c5c8e-6a0e-4b39-9a52-6f1c2a7f3f10:report:1"


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    return tmp_path


def store(content=b"%PDF-1.7 one", key=KEY, suffix=".pdf"):
    return store_document(content, key=key, suffix=suffix, content_type="application/pdf")


def files(media):
    return [path for path in Path(media).rglob("*") if path.is_file()]


def test_a_document_comes_back_as_it_was():
    stored = store()
    assert (stored.size, stored.sha256) == (12, hashlib.sha256(b"%PDF-1.7 one").hexdigest())
    with open_document(stored.name) as file:
        assert file.read() == b"%PDF-1.7 one"


def test_a_retry_leaves_one_file_under_the_same_name(media):
    assert store() == store()
    assert len(files(media)) == 1


def test_a_retry_that_saw_other_facts_replaces_the_file(media):
    first, second = store(b"one"), store(b"two, longer")
    assert first.name == second.name
    assert [path.read_bytes() for path in files(media)] == [b"two, longer"]


def test_a_file_cut_short_by_a_crash_is_replaced(media):
    stored = store()
    (media / stored.name).write_bytes(b"%PDF")
    store()
    assert (media / stored.name).read_bytes() == b"%PDF-1.7 one"


def test_each_key_has_its_own_name_which_shows_nothing_and_hangs_on_the_secret(settings):
    first, other = store(), store(key=KEY[:-1] + "2")
    settings.SECRET_KEY = "another secret"
    assert len({first.name, other.name, store().name}) == 3
    assert "report" not in first.name and KEY[:8] not in first.name


@pytest.mark.parametrize("suffix", ["", "pdf", ".p/../df", ".PDF", "./..", ".pdf\n"])
def test_a_suffix_cannot_lead_elsewhere(suffix):
    with pytest.raises(AdapterError, match="suffix"):
        store(suffix=suffix)


@pytest.mark.parametrize(
    "name", ["", "../settings.py", "/etc/passwd", "documents/../../x.pdf", "documents/aa/" + "a" * 64]
)
def test_only_names_that_we_gave_are_opened(name):
    with pytest.raises(AdapterError) as refused:
        open_document(name)
    assert (refused.value.code, refused.value.permanent) == ("not_found", True)


def test_a_document_that_is_gone_is_not_found():
    stored = store()
    default_storage.delete(stored.name)
    with pytest.raises(AdapterError) as refused:
        open_document(stored.name)
    assert refused.value.code == "not_found"


def test_a_storage_that_cannot_be_written_is_worth_another_try(media, settings):
    (media / "file").write_text("in the way")
    settings.MEDIA_ROOT = str(media / "file")
    with pytest.raises(AdapterError) as refused:
        store()
    assert (refused.value.code, refused.value.permanent) == ("unavailable", False)
