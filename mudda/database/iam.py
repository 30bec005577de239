"""Passwords that AWS gives for one new connection to RDS each (IAM database authentication).

A token is signed here, without a call to AWS. It is good for 15 minutes, and only to begin a connection with: one that
is open stays. RDS takes it over TLS only.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings
from psycopg import OperationalError


def token_for(parameters: Mapping[str, Any]) -> str:
    """The password of a connection that begins now, for the ``host``, ``port`` and ``user`` of ``parameters``.

    Raises:
        OperationalError: the machine has no role and the environment no keys of AWS to sign with.
    """
    from botocore.exceptions import BotoCoreError

    try:
        token: str = _client(settings.DATABASE_IAM_REGION).generate_db_auth_token(
            DBHostname=parameters["host"],
            Port=int(parameters.get("port") or 5432),
            DBUsername=parameters["user"],
        )
    except BotoCoreError as error:
        raise OperationalError(f"no token for the database: {type(error).__name__}") from error
    return token


@cache
def _client(region: str) -> Any:
    from boto3.session import Session  # loaded only where it is used: it is large

    return Session().client("rds", region_name=region)
