"""Secrets that are stored sealed."""

import pytest

from mudda.sealing import CannotUnseal, seal, unseal


def test_what_was_sealed_is_read_again_and_cannot_be_read_where_it_is_stored():
    sealed = seal("whsec_1", purpose="webhooks")
    assert "whsec_1" not in sealed
    assert unseal(sealed, purpose="webhooks") == "whsec_1"
    assert seal("whsec_1", purpose="webhooks") != sealed


def test_a_secret_key_that_became_a_fallback_still_opens_what_it_sealed(settings):
    sealed = seal("whsec_1", purpose="webhooks")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 10, [settings.SECRET_KEY]
    assert unseal(sealed, purpose="webhooks") == "whsec_1"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(CannotUnseal):
        unseal(sealed, purpose="webhooks")


def test_what_was_sealed_for_one_purpose_is_not_opened_for_another():
    with pytest.raises(CannotUnseal):
        unseal(seal("x", purpose="webhooks"), purpose="answers")
