"""What can be done with a policy document: write it, write it anew, put it in force, withdraw it.

Every version is kept as it was, since plans cite it. Publishing names the version that was read: a newer one that
somebody is still writing is not put in force by accident, and one that is in force stays so until then.
"""

import unicodedata
from uuid import UUID, uuid4

from django.contrib.auth.models import AbstractBaseUser
from django.contrib.postgres.search import SearchVector
from django.db import transaction
from django.db.models import Value

from issues.models import Department, is_limited, within_departments
from mudda import events
from mudda.errors import NotFound, NotInSandbox
from mudda.etags import Expected, ensure_current
from mudda.events import Actor
from mudda.reach import sandbox_of
from workflows.policies.cutting import cut
from workflows.policies.errors import (
    LanguageInForce,
    NotYourPolicy,
    PolicyEmpty,
    PolicyNotPublished,
    PolicyTooLong,
    UnknownVersion,
)
from workflows.policies.models import (
    PolicyDocument,
    PolicyLanguage,
    PolicyPassage,
    PolicyStatus,
    PolicyVersion,
)

LONGEST_TEXT = 300_000
"""Characters: about 45,000 words, more than a city's whole street code. A request has room for it."""
LONGEST_HEADING = 200
LONGEST_SOURCE = 200


@transaction.atomic
def create_policy(
    *,
    heading: str,
    text: str,
    department: Department | None = None,
    language: str = PolicyLanguage.ENGLISH,
    source: str = "",
    policy_id: UUID | None = None,
    by: Actor = None,
) -> PolicyDocument:
    """Store a new document as a DRAFT with its first version, cut into passages that can be found.

    Args:
        department: whose rule it is; None for the whole city's.
        language: one of ``PolicyLanguage``: how its words are reduced to their stems.
        source: the name of the file that it came from.
        policy_id: an id of the caller's choice, for documents that ship.

    Raises:
        PolicyEmpty, PolicyTooLong: of the heading or the text.
        NotYourPolicy: ``by`` is limited to departments and this is for another one, or for the whole city.
    """
    ensure_may_write(department, by)
    document = PolicyDocument.objects.create(
        id=policy_id or uuid4(),
        department=department,
        language=PolicyLanguage(language),
        heading="",
        sandbox_id=sandbox_of(by),
    )
    version = _add_version(document, heading, text, source, by)
    _make_current(document, version)
    events.append(document, "policy.created", {"version": version.number}, actor=by)
    return document


@transaction.atomic
def revise_policy(
    *,
    policy_id: UUID,
    heading: str,
    text: str,
    expected_version: Expected,
    language: str | None = None,
    source: str = "",
    by: AbstractBaseUser,
) -> PolicyDocument:
    """Store another text as a new version. A document in force stays as it is until that one is published.

    The same heading and text once more make no new version.

    Args:
        expected_version: the tag or the newest version that the writer has read (``If-Match``), or None to write in
            any case.
        language: another language, only while nothing was ever published; None keeps it.

    Raises:
        NotFound, NotYourPolicy, PolicyEmpty, PolicyTooLong.
        PreconditionFailed: somebody else wrote a version meanwhile; carries its number.
        LanguageInForce: the document was published in its language.
    """
    document = locked_policy(policy_id, by)
    ensure_may_write(document.department, by)
    newest = newest_version(document)
    _ensure_current(document, expected_version)
    speaks = PolicyLanguage(language or document.language)
    if speaks == document.language and (newest.heading, newest.text) == _readable(heading, text):
        return document
    if speaks != document.language and document.status != PolicyStatus.DRAFT:
        raise LanguageInForce
    document.language = speaks
    version = _add_version(document, heading, text, source, by)
    if document.status == PolicyStatus.DRAFT:
        _make_current(document, version)
    else:
        document.save(update_fields=["updated_at"])
    events.append(document, "policy.revised", {"version": version.number}, actor=by)
    return document


@transaction.atomic
def publish_policy(*, policy_id: UUID, version: int, by: Actor, expected: Expected = None) -> PolicyDocument:
    """Put exactly the version that ``by`` has read in force. The same once more changes nothing.

    Args:
        expected: as ``expected_version`` for ``revise_policy``.

    Raises:
        NotFound, NotYourPolicy, PreconditionFailed.
        UnknownVersion: the document has no such version.
    """
    document = locked_policy(policy_id, by)
    ensure_may_write(document.department, by)
    _ensure_current(document, expected)
    chosen = document.versions.filter(number=version).first()
    if chosen is None:
        raise UnknownVersion(errors=[{"pointer": "/version", "code": "unknown_version", "message": "None."}])
    if document.status == PolicyStatus.PUBLISHED and document.current_id == chosen.pk:
        return document
    document.status = PolicyStatus.PUBLISHED
    _make_current(document, chosen)
    events.append(document, "policy.published", {"version": chosen.number}, actor=by)
    return document


@transaction.atomic
def withdraw_policy(*, policy_id: UUID, by: AbstractBaseUser, expected: Expected = None) -> PolicyDocument:
    """Take a document out of force: it grounds no more plans. Those that cite it still can.

    Args:
        expected: as ``expected_version`` for ``revise_policy``.

    Raises:
        NotFound, NotYourPolicy, PreconditionFailed.
        PolicyNotPublished: it is a draft, or withdrawn already.
    """
    document = locked_policy(policy_id, by)
    ensure_may_write(document.department, by)
    _ensure_current(document, expected)
    if document.status != PolicyStatus.PUBLISHED:
        raise PolicyNotPublished(f"The policy is {document.status}.")
    document.status = PolicyStatus.WITHDRAWN
    document.save(update_fields=["status", "updated_at"])
    events.append(document, "policy.withdrawn", {"version": current_version(document).number}, actor=by)
    return document


# --- shared -----------------------------------------------------------------------------------------


def locked_policy(policy_id: UUID, by: Actor) -> PolicyDocument:
    """The document, locked until commit. None (the system) sees all.

    Raises:
        NotFound: ``by`` may not see it.
        NotInSandbox: it is real, and a sandbox key asks: that may only read what is in force.
    """
    rows = PolicyDocument.objects.all() if by is None else PolicyDocument.objects.visible_to(by)
    locked = PolicyDocument.objects.select_for_update(of=("self",)).filter(pk__in=rows.values("pk"))
    if locked.filter(pk=policy_id).values_list("pk").first() is None:
        raise NotFound("There is no such policy.")
    document = PolicyDocument.objects.select_related("department", "current").get(pk=policy_id)
    if by is not None and not PolicyDocument.objects.own(by).filter(pk=policy_id).exists():
        raise NotInSandbox
    return document


def may_write(department: Department | None, by: Actor) -> bool:
    """Whether ``by``, who may write policies at all, may write this department's (None: the whole city's)."""
    if by is None:
        return True
    mine = Department.objects.filter(within_departments(by, "pk"))
    if department is not None:
        return mine.filter(pk=department.pk).exists()
    return not is_limited(by)


def ensure_may_write(department: Department | None, by: Actor) -> None:
    if not may_write(department, by):
        raise NotYourPolicy


def newest_version(document: PolicyDocument) -> PolicyVersion:
    """The version that was written last. Every document has one."""
    newest = document.versions.order_by("-number").first()
    if newest is None:
        raise NotFound("This policy has no text.")
    return newest


def tag_of(document: PolicyDocument) -> str:
    """Names its newest text and what is in force: for its ``ETag``."""
    in_force = document.current.number if document.current else 0
    return f"{newest_version(document).number}-{document.status.lower()}-{in_force}"


def _ensure_current(document: PolicyDocument, expected: Expected) -> None:
    newest = newest_version(document).number
    ensure_current(expected, tag_of(document), newest, version=newest)


def current_version(document: PolicyDocument) -> PolicyVersion:
    """The version in force; while nothing was ever published, the newest."""
    if document.current is None:
        raise NotFound("This policy has no text.")
    return document.current


def _add_version(document: PolicyDocument, heading: str, text: str, source: str, by: Actor) -> PolicyVersion:
    heading, text = _readable(heading, text)
    last = document.versions.order_by("-number").first()
    version = PolicyVersion.objects.create(
        document=document,
        number=last.number + 1 if last else 1,
        heading=heading,
        text=text,
        source=source[:LONGEST_SOURCE],
        author_id=by.pk if by is not None and by.is_authenticated else None,
    )
    PolicyPassage.objects.bulk_create(
        PolicyPassage(
            version=version,
            position=position,
            heading=piece.heading,
            text=piece.text,
            search=_vector(piece.heading, "A", document.language)
            + _vector(piece.text, "D", document.language),
        )
        for position, piece in enumerate(cut(heading, text), 1)
    )
    return version


def _vector(text: str, weight: str, language: str) -> SearchVector:
    return SearchVector(Value(text), weight=weight, config=language)


def _make_current(document: PolicyDocument, version: PolicyVersion) -> None:
    document.current = version
    document.heading = version.heading
    document.save(update_fields=["current", "heading", "status", "language", "updated_at"])


def _readable(heading: str, text: str) -> tuple[str, str]:
    """Heading and text as they are kept: the heading on one line, both with something to read, neither too long."""
    heading, text = " ".join(heading.split()), text.replace("\r\n", "\n").strip()
    errors = [
        {"pointer": f"/{name}", "code": "blank", "message": "There is nothing to read in it."}
        for name, value in (("heading", heading), ("text", text))
        if not any(unicodedata.category(c)[0] in "LNPS" for c in value)
    ]
    if errors:
        raise PolicyEmpty(errors=errors)
    limits = (("heading", heading, LONGEST_HEADING), ("text", text, LONGEST_TEXT))
    errors = [
        {"pointer": f"/{name}", "code": "max_length", "message": f"At most {most:,} characters."}
        for name, value, most in limits
        if len(value) > most
    ]
    if errors:
        raise PolicyTooLong(errors=errors)
    return heading, text
