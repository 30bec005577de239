"""What is sealed is read back to the byte, by nobody without the key, and not at all once any of it has changed."""

import io
import secrets

import pytest

from mudda.backups.errors import BackupDamaged, BackupKeyUnknown, NoBackupKey
from mudda.backups.sealing import CHUNK, HEADER, TAG, SealingWriter, sign, unsealed, verify

pytestmark = pytest.mark.usefixtures("backup_key")

SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5]


def seal(plain: bytes, name="a") -> bytes:
    target = io.BytesIO()
    writer = SealingWriter(target, name=name)
    writer.write(plain)
    writer.finish()
    return target.getvalue()


def unseal(sealed: bytes, name="a") -> bytes:
    return b"".join(unsealed(io.BytesIO(sealed), name=name))


@pytest.mark.parametrize("size", SIZES)
def test_what_is_sealed_is_read_back_to_the_byte(size):
    plain = secrets.token_bytes(size)
    assert unseal(seal(plain)) == plain


def test_it_does_not_matter_in_which_pieces_it_is_written():
    plain = secrets.token_bytes(CHUNK + 1000)
    target = io.BytesIO()
    writer = SealingWriter(target, name="a")
    for at in range(0, len(plain), 777):
        writer.write(plain[at : at + 777])
    writer.finish()
    assert unseal(target.getvalue()) == plain


def test_nothing_of_it_can_be_read_without_the_key_and_no_two_are_alike():
    plain = b"Ann lives at 123 Main St. " * 100
    one, other = seal(plain), seal(plain)
    assert b"Main St" not in one
    assert one[HEADER:] != other[HEADER:]


@pytest.mark.parametrize("size", SIZES)
def test_what_was_cut_off_is_noticed_wherever_it_was_cut(size):
    sealed = seal(secrets.token_bytes(size))
    borders = [HEADER + number * (CHUNK + TAG) for number in range(3)]
    cuts = {0, 5, HEADER, HEADER + 1, HEADER + TAG - 1, len(sealed) - 1, *borders}
    for cut in sorted(cut for cut in cuts if cut < len(sealed)):
        with pytest.raises(BackupDamaged):
            unseal(sealed[:cut])


def test_what_was_written_without_an_end_is_no_whole_file():
    target = io.BytesIO()
    SealingWriter(target, name="a").write(secrets.token_bytes(2 * CHUNK))
    with pytest.raises(BackupDamaged):
        unseal(target.getvalue())


def test_a_changed_bit_is_noticed_anywhere():
    sealed = seal(b"x" * 100)
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises((BackupDamaged, BackupKeyUnknown)):
            unseal(bytes(changed))


def test_chunks_cannot_be_put_in_another_order_or_left_out():
    sealed = seal(secrets.token_bytes(3 * CHUNK))
    size = CHUNK + TAG
    header, first, second, last = (
        sealed[:HEADER],
        sealed[HEADER : HEADER + size],
        sealed[HEADER + size : HEADER + 2 * size],
        sealed[HEADER + 2 * size :],
    )
    for wrong in (second + first + last, first + last, second + last, first + first + second + last):
        with pytest.raises(BackupDamaged):
            unseal(header + wrong)


def test_one_file_cannot_stand_in_for_another():
    with pytest.raises(BackupDamaged):
        unseal(seal(b"files", name="files"), name="database")


def test_an_older_key_opens_what_it_sealed_and_an_unknown_one_is_named(settings):
    sealed, signature = seal(b"words"), sign(b"manifest")
    settings.BACKUP_KEY, older = secrets.token_urlsafe(50), settings.BACKUP_KEY
    with pytest.raises(BackupKeyUnknown):
        unseal(sealed)
    with pytest.raises(BackupKeyUnknown):
        verify(b"manifest", signature)
    settings.BACKUP_KEY_FALLBACKS = [older]
    assert unseal(sealed) == b"words"
    verify(b"manifest", signature)


def test_a_signature_is_of_one_text():
    signature = sign(b"manifest")
    for text, given in ((b"another", signature), (b"manifest", signature[:-1] + "x"), (b"manifest", "zz:zz")):
        with pytest.raises(BackupDamaged):
            verify(text, given)


def test_without_a_key_nothing_is_sealed(settings):
    settings.BACKUP_KEY = ""
    target = io.BytesIO()
    with pytest.raises(NoBackupKey):
        SealingWriter(target, name="a")
    assert target.getvalue() == b""
