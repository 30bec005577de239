"""OAuth 2 for programs: client credentials (RFC 6749, 4.4) get a token, and the token stands for an API key.

The key is the one thing that says what a program may do: its scopes, its owner, its departments, networks and rate. So
a key that is revoked or has expired takes its tokens along. django-oauth-toolkit makes, keeps and revokes the tokens.
"""

import hashlib
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from oauth2_provider.generators import generate_client_secret
from oauth2_provider.models import AccessToken, Application
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import BaseScopes
from oauth2_provider.views import RevokeTokenView, TokenView
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from mudda import ratelimits
from mudda import scopes as scope_registry
from mudda.addresses import address_in, is_within
from mudda.apikeys import OVERLAP, KeyRevoked, admit, credential_of, refusal, usable
from mudda.models import ApiKey

KEYWORD = "Bearer"


# --- clients ----------------------------------------------------------------------------------------


@transaction.atomic
def make_client(key: ApiKey, *, overlap: timedelta = OVERLAP) -> tuple[str, str]:
    """Make the OAuth client of a key, or give the one that it has another secret; return its id and its only readable
    secret. Tokens that were issued before live on until they expire.

    Args:
        overlap: how long the secret before gets tokens too; the one before that, if there is still one, ends now.

    Raises:
        KeyRevoked: the key opens nothing any more.
    """
    row = ApiKey.objects.select_for_update(of=("self",)).select_related("oauth_application").get(pk=key.pk)
    if row.revoked_at is not None:
        raise KeyRevoked
    if row.oauth_application is not None:
        row.previous_client_secret = row.oauth_application.client_secret
        row.previous_client_secret_until = timezone.now() + overlap
    client = row.oauth_application or Application(
        name=row.name,
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
    )
    client.client_secret = secret = generate_client_secret()  # hashed when it is saved
    client.save()
    row.oauth_application = key.oauth_application = client
    row.save(update_fields=["oauth_application", "previous_client_secret", "previous_client_secret_until"])
    return client.client_id, secret


def forget_expired() -> None:
    """Delete the tokens that have expired."""
    AccessToken.objects.filter(expires__lt=timezone.now()).delete()


# --- getting and giving back tokens -----------------------------------------------------------------


class Scopes(BaseScopes):
    """The API's scopes; a client may have those of its key, and gets all of them unless it asks for fewer."""

    def get_all_scopes(self) -> dict[str, str]:
        return {name: scope.description for name, scope in scope_registry.known().items()}

    def get_available_scopes(
        self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any
    ) -> list[str]:
        key = usable().filter(oauth_application=application).first()
        return key.scopes if key is not None else []

    get_default_scopes = get_available_scopes


class Validator(OAuth2Validator):
    """Knows a client by its secret, and by a key that may be used from where it calls."""

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        if not super().authenticate_client(request, *args, **kwargs):
            return False
        key = usable().filter(oauth_application=request.client).first()
        if key is None:
            return False
        return not key.networks or is_within(address_in(request.headers), key.networks)

    def _check_secret(self, provided_secret: str, stored_secret: str) -> bool:
        """Also the secret of before the last one, as long as it is good."""
        if super()._check_secret(provided_secret, stored_secret):
            return True
        overlapping = ApiKey.objects.filter(
            oauth_application__client_secret=stored_secret,  # salted: no other client has it
            previous_client_secret_until__gt=timezone.now(),
        ).exclude(previous_client_secret="")
        previous = overlapping.values_list("previous_client_secret", flat=True).first()
        return previous is not None and bool(super()._check_secret(provided_secret, previous))

    def _load_application(self, client_id: str | None, request: Any) -> Any:
        if client_id is None or "\x00" in client_id:  # PostgreSQL has no such text: no client is called so
            return None
        return super()._load_application(client_id, request)

    def _check_and_set_request_resource(self, request: Any) -> None:
        request.resource = []  # there is one resource, this API: RFC 8707's parameter is ignored


class Token(TokenView):
    """``POST /oauth/token``: RFC 6749's answers, also for errors."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        answer: HttpResponse = self.authorization_flow_token_response(
            request
        )  # no device asks for tokens here
        return answer


class Revoke(RevokeTokenView):
    """``POST /oauth/revoke``: RFC 7009."""


# --- using them -------------------------------------------------------------------------------------


class TokenAuthentication(BaseAuthentication):
    """Answers with the owner of the token's key as the user, and with the key, its scopes narrowed to the token's, as
    ``request.auth``."""

    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        text = credential_of(request, KEYWORD)
        if text is None:
            return None
        with ratelimits.turn(request._request, text):
            key = find_key(text)
            if key is None:
                raise refusal(request, "This token is unknown, revoked or expired.")
            return admit(request._request, key, text)

    def authenticate_header(self, request: Request) -> str:
        return KEYWORD


def find_key(token: str) -> ApiKey | None:
    """The usable key that ``token`` stands for, with no scopes but the token's; None where there is none."""
    checksum = hashlib.sha256(token.encode()).hexdigest()
    tokens = "oauth_application__accesstoken"
    issued = {f"{tokens}__token_checksum": checksum, f"{tokens}__expires__gt": timezone.now()}
    key = usable().filter(**issued).annotate(token_scope=F(f"{tokens}__scope")).first()
    if key is not None:
        granted = key.token_scope.split()
        key.scopes = [scope for scope in key.scopes if scope in granted]
    return key
