"""Keys, and what they encrypt: by itself, without a server."""

import asyncio
import base64

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter, WorkflowSerializationContext

from mudda.encryption import (
    KEY_ID,
    WORKFLOW_ID,
    Encryption,
    PayloadDamaged,
    UnknownPayloadKey,
    data_converter,
    payload_keys,
)
from mudda.environment import NamedProblem
from tests.encryption.keys import KEYS, ONE, TWO

PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"Ottoline Quokkason"')
OF_A_RUN = WorkflowSerializationContext(namespace="default", workflow_id="mudda-workflow-1")


def sealed():
    return Encryption(KEYS).with_context(OF_A_RUN).seal(PLAIN)


def test_what_is_sealed_says_nothing_and_is_opened_by_its_key():
    found = sealed()
    assert b"Ottoline" not in found.SerializeToString() and b"json/plain" not in found.SerializeToString()
    assert found.metadata["encoding"] == b"binary/encrypted"
    assert (found.metadata[KEY_ID], found.metadata[WORKFLOW_ID]) == (b"one", b"mudda-workflow-1")
    assert Encryption(KEYS).unseal(found) == PLAIN


def test_the_same_is_never_sealed_to_the_same():
    assert len({sealed().data for _ in range(50)}) == 50


def test_the_first_key_seals_and_every_key_opens():
    before, after = payload_keys(ONE), payload_keys(f"{TWO}\n{ONE}")
    old, new = Encryption(before).seal(PLAIN), Encryption(after).seal(PLAIN)
    assert (old.metadata[KEY_ID], new.metadata[KEY_ID]) == (b"one", b"two")
    assert Encryption(after).unseal(old) == Encryption(after).unseal(new) == PLAIN
    with pytest.raises(UnknownPayloadKey, match="'two'.*known: one"):
        Encryption(before).unseal(new)


def test_what_was_sent_before_there_were_keys_is_read_as_it_is():
    assert Encryption(KEYS).unseal(PLAIN) == PLAIN


def test_without_keys_nothing_is_sealed_and_what_was_is_refused():
    async def there_and_back():
        converter = data_converter(())
        sent = await converter.encode(["Ottoline"])
        assert sent == await DataConverter.default.encode(["Ottoline"])
        assert await converter.decode(sent) == ["Ottoline"]
        with pytest.raises(UnknownPayloadKey, match="'one'.*known: none"):
            await converter.decode([sealed()])

    asyncio.run(there_and_back())


@pytest.mark.parametrize(
    "change",
    [
        lambda payload: Payload(metadata=payload.metadata, data=payload.data[:-1] + b"\x00"),
        lambda payload: Payload(metadata=payload.metadata, data=b"\x00" + payload.data[1:]),
        lambda payload: Payload(metadata=payload.metadata, data=payload.data[:20]),
        lambda payload: Payload(metadata=payload.metadata, data=b""),
        lambda payload: Payload(metadata={**payload.metadata, WORKFLOW_ID: b"mudda-workflow-2"}, data=payload.data),
        lambda payload: Payload(metadata={**payload.metadata, KEY_ID: b"two"}, data=payload.data),
        lambda payload: Payload(
            metadata={name: value for name, value in payload.metadata.items() if name != WORKFLOW_ID},
            data=payload.data,
        ),
    ],
    ids=["its end", "its nonce", "cut off", "emptied", "another run's", "another key's", "no run's"],
)  # fmt: skip
def test_what_was_changed_on_the_way_is_not_opened(change):
    both = Encryption(payload_keys(f"{ONE} {TWO}"))
    with pytest.raises(PayloadDamaged):
        both.unseal(change(sealed()))


def test_a_key_whose_id_came_to_name_another_opens_nothing():
    other = payload_keys(ONE.split(":")[0] + ":" + TWO.split(":")[1])
    with pytest.raises(PayloadDamaged):
        Encryption(other).unseal(sealed())


@pytest.mark.parametrize(
    "text",
    [
        "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=",
        "one:",
        "one:c2hvcnQ=",
        "one:not base64 at all",
        "o/ne:" + ONE.partition(":")[2],
        f"{ONE} {ONE}",
        f"{ONE},again:{ONE.partition(':')[2]}",
        f"{ONE} one:{TWO.partition(':')[2]}",
        "x" * 65 + ":" + ONE.partition(":")[2],
    ],
)
def test_keys_that_cannot_be_are_refused_and_not_repeated(text):
    with pytest.raises(NamedProblem, match="mudda.E022") as told:
        payload_keys(text)
    assert ONE.partition(":")[2] not in str(told.value) and "c2hvcnQ" not in str(told.value)


def test_keys_are_written_with_blanks_commas_or_one_a_line_in_either_base64():
    safe = "two:" + base64.urlsafe_b64encode(b"\xfb" * 32).decode()
    for text in (f"{ONE} {safe}", f"{ONE},{safe}", f"{ONE}\n{safe}\n", f"  {ONE} ,\n {safe}"):
        assert [key.id for key in payload_keys(text)] == ["one", "two"]
    assert payload_keys(safe)[0].secret == b"\xfb" * 32
    assert payload_keys("") == payload_keys(" \n") == ()
    assert "\\xfb" not in repr(payload_keys(safe))


def test_values_and_the_texts_of_errors_are_sealed_and_read_again():
    from temporalio.api.failure.v1 import Failure
    from temporalio.exceptions import ApplicationError

    async def there_and_back():
        converter, failure = data_converter(KEYS), Failure()
        payloads = await converter.encode([{"name": "Ottoline"}])
        await converter.encode_failure(
            ApplicationError("Ottoline is away", {"why": "Quokkason"}, type="away"), failure
        )
        stored = payloads[0].SerializeToString() + failure.SerializeToString()
        [value] = await converter.decode(payloads)
        return stored, value, await converter.decode_failure(failure)

    stored, value, error = asyncio.run(there_and_back())
    assert b"Ottoline" not in stored and b"Quokkason" not in stored and b"away" in stored, (
        "its type is a code"
    )
    assert value == {"name": "Ottoline"}
    assert (error.message, error.type, error.details[0]["why"]) == ("Ottoline is away", "away", "Quokkason")
