"""The API's doors to policies: each parses, calls one service and renders."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from issues.models import Department
from issues.services import department_named
from mudda import etags, idempotency
from mudda.drf import caller, parse
from mudda.errors import InvalidRequest, NotFound
from mudda.etags import IF_MATCH
from mudda.event_views import EventsView, documented
from mudda.openapi import Link
from mudda.reach import reach_of
from mudda.views import Door, ListDoor
from workflows.filters import PolicyFilter
from workflows.policies.citing import citation
from workflows.policies.importing import ImportedPolicy, read_policy
from workflows.policies.models import PolicyDocument, PolicyQuerySet, PolicyVersion
from workflows.policies.search import MOST_PASSAGES, search_passages
from workflows.policies.serializers import (
    CreatePolicyInput,
    ImportPolicyInput,
    ImportVersionInput,
    PolicyOutput,
    PolicySummary,
    PublishInput,
    RevisePolicyInput,
    SearchOutput,
    VersionOutput,
    policy_output,
    version_output,
)
from workflows.policies.services import (
    create_policy,
    publish_policy,
    revise_policy,
    tag_of,
    withdraw_policy,
)

NAMED = {"policy_id": "policy_id"}
POLICY_LINKS = [
    Link("read_policy", NAMED),
    Link("revise_policy", NAMED),
    Link("publish_policy", NAMED, body={"version": "version"}),
    Link("withdraw_policy", NAMED),
    Link("read_policy_version", {**NAMED, "number": "version"}),
    Link("import_policy_version", NAMED),
    Link("follow_policy", NAMED),
]


class Policies(ListDoor[PolicyDocument]):
    """The policies that the caller may see: their departments' and the whole city's, newest first."""

    scopes = {"GET": "policies:read", "POST": "policies:write"}
    tagged = ("POST",)
    links = {"GET": [Link("read_policy", {"policy_id": "results/0/policy_id"})], "POST": POLICY_LINKS}
    serializer_class = PolicySummary
    filterset_class = PolicyFilter

    def get_queryset(self) -> PolicyQuerySet:
        if getattr(self, "swagger_fake_view", False):
            return PolicyDocument.objects.none()
        return _visible(self.request)

    @extend_schema(operation_id="list_policies", summary="List policies")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="create_policy",
        summary="Write a policy: a draft, until it is published",
        request=CreatePolicyInput,
        responses={201: PolicyOutput},
        filters=False,
    )
    def post(self, request: Request) -> Response:
        given = parse(CreatePolicyInput, request)
        department = _department(given.pop("department"))
        return _answer(create_policy(**given, department=department, by=caller(request)), status=201)


class PolicyDetail(Door):
    scopes = {"GET": "policies:read", "PUT": "policies:write"}
    tagged = ("GET", "PUT")
    links = {"GET": POLICY_LINKS, "PUT": POLICY_LINKS}

    @extend_schema(operation_id="read_policy", summary="Read a policy", responses=PolicyOutput)
    def get(self, request: Request, policy_id: UUID) -> Response:
        document = _found(request, policy_id)
        return _answer(document, in_force_only=not _owns(request, document))

    @extend_schema(
        operation_id="revise_policy",
        summary="Write a new version; the one in force stays so until the new one is published",
        request=RevisePolicyInput,
        responses=PolicyOutput,
        parameters=[IF_MATCH],
    )
    def put(self, request: Request, policy_id: UUID) -> Response:
        given = parse(RevisePolicyInput, request)
        expected = etags.if_match(request)
        return _answer(
            revise_policy(policy_id=policy_id, expected_version=expected, by=caller(request), **given)
        )


class PolicyEvents(EventsView):
    scopes = {"GET": "policies:read"}

    def owner_of(self, request: Request, **named: Any) -> PolicyDocument:
        document = _found(request, named["policy_id"])
        if not _owns(request, document):
            raise NotFound("There is no such policy.")
        return document

    @documented("follow_policy", "Follow what happens to a policy")
    def get(self, request: Request, policy_id: UUID) -> Response:
        return self.page(request, policy_id=policy_id)


class VersionDetail(Door):
    scopes = {"GET": "policies:read"}

    @extend_schema(
        operation_id="read_policy_version",
        summary="Read one version, as plans cite it",
        responses=VersionOutput,
    )
    def get(self, request: Request, policy_id: UUID, number: int) -> Response:
        versions = PolicyVersion.objects.filter(document__in=_visible(request), document=policy_id)
        version = versions.filter(number=min(number, 2**31 - 1)).select_related("author", "document").first()
        if version is None or not (
            _owns(request, version.document) or version.pk == version.document.current_id
        ):
            raise NotFound("There is no such version.")
        return Response(version_output(version))


class PublishPolicy(Door):
    scopes = {"POST": "policies:write"}
    tagged = ("POST",)
    links = {"POST": POLICY_LINKS}

    @extend_schema(
        operation_id="publish_policy",
        summary="Put the version that was read in force",
        request=PublishInput,
        responses=PolicyOutput,
        parameters=[IF_MATCH],
    )
    def post(self, request: Request, policy_id: UUID) -> Response:
        version, expected = parse(PublishInput, request)["version"], etags.if_match(request)
        return _answer(
            publish_policy(policy_id=policy_id, version=version, by=caller(request), expected=expected)
        )


class WithdrawPolicy(Door):
    scopes = {"POST": "policies:write"}
    tagged = ("POST",)

    @extend_schema(
        operation_id="withdraw_policy",
        summary="Take a policy out of force",
        request=None,
        responses=PolicyOutput,
        parameters=[IF_MATCH],
    )
    def post(self, request: Request, policy_id: UUID) -> Response:
        expected = etags.if_match(request)
        return _answer(withdraw_policy(policy_id=policy_id, by=caller(request), expected=expected))


class SearchPolicies(Door):
    scopes = {"GET": "policies:read"}
    query_parameters = ("q", "department", "limit")

    @extend_schema(
        operation_id="search_policies",
        summary="Find the passages in force that fit a citizen's words",
        parameters=[
            OpenApiParameter("q", str, description="Any words; nothing is found where there are none."),
            OpenApiParameter(
                "department", str, description="Its own policies and the whole city's, by its code."
            ),
            OpenApiParameter(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": MOST_PASSAGES},
                description=f"At most so many: 8, up to {MOST_PASSAGES}.",
            ),
        ],
        responses=SearchOutput,
    )
    def get(self, request: Request) -> Response:
        asked = request.query_params
        documents = _visible(request)
        if department := asked.get("department"):
            documents = documents.within(department)
        found = search_passages(asked.get("q", ""), documents, limit=_limit(asked.get("limit")))
        results = [
            {
                "policy_id": passage.document,
                "version": passage.version,
                "citation": citation(passage.document, passage.version),
                "heading": passage.heading,
                "text": passage.text,
            }
            for passage in found
        ]
        return Response({"results": results})


# --- files ------------------------------------------------------------------------------------------


class ImportPolicy(Door):
    """A file as ``multipart/form-data``; its kind is read from its content."""

    scopes = {"POST": "policies:write"}
    tagged = ("POST",)
    links = {"POST": POLICY_LINKS}
    once = "own"
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="import_policy",
        summary="Make a policy of a file: a draft, until it is published",
        request={"multipart/form-data": ImportPolicyInput},
        responses={201: PolicyOutput},
    )
    def post(self, request: Request) -> Response:
        given = parse(ImportPolicyInput, request)
        body = _fingerprint(given)
        if (answer := idempotency.find(request, body=body)) is not None:
            return answer
        file = _file(given)
        with idempotency.claim(request, body=body) as claim:
            if claim.answer is not None:
                return claim.answer
            document = create_policy(
                heading=given.get("heading") or file.heading,
                text=file.text,
                source=file.source,
                department=_department(given.get("department")),
                language=given["language"],
                by=caller(request),
            )
            return claim.keep(_answer(document, status=201))


class ImportVersion(Door):
    scopes = {"POST": "policies:write"}
    tagged = ("POST",)
    once = "own"
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="import_policy_version",
        summary="Write a new version from a file",
        request={"multipart/form-data": ImportVersionInput},
        responses=PolicyOutput,
        parameters=[IF_MATCH],
    )
    def post(self, request: Request, policy_id: UUID) -> Response:
        given = parse(ImportVersionInput, request)
        body = _fingerprint(given)
        if (answer := idempotency.find(request, body=body)) is not None:
            return answer
        _found(request, policy_id)  # before a file is read that belongs to nothing
        file = _file(given)
        with idempotency.claim(request, body=body) as claim:
            if claim.answer is not None:
                return claim.answer
            document = revise_policy(
                policy_id=policy_id,
                heading=given.get("heading") or file.heading,
                text=file.text,
                source=file.source,
                expected_version=etags.if_match(request),
                by=caller(request),
            )
            return claim.keep(_answer(document))


def _fingerprint(given: dict[str, Any]) -> bytes:
    """What stands for the whole request in its idempotency record."""
    return idempotency.fingerprint(given["file"], {k: v for k, v in given.items() if k != "file"})


def _file(given: dict[str, Any]) -> ImportedPolicy:
    """What the file says: read before anything is locked, since a long PDF takes seconds."""
    upload = given["file"]
    return read_policy(upload.read(), upload.name or "")


# --- shared -----------------------------------------------------------------------------------------


def _visible(request: Request) -> PolicyQuerySet:
    return PolicyDocument.objects.visible_to(request.user).select_related("department", "current")


def _found(request: Request, policy_id: UUID) -> PolicyDocument:
    document = _visible(request).filter(pk=policy_id).first()
    if document is None:
        raise NotFound("There is no such policy.")
    return document


def _owns(request: Request, document: PolicyDocument) -> bool:
    """False for a sandbox key and a real policy: of that it reads what is in force, and nothing else."""
    mine = reach_of(request.user).sandbox
    return mine is None or mine == document.sandbox_id


def _department(code: str | None) -> Department | None:
    return department_named(code) if code else None


def _limit(text: str | None) -> int:
    if text is None:
        return 8
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_PASSAGES):
        error = {"pointer": "/limit", "code": "bad_value", "message": f"A number from 1 to {MOST_PASSAGES}."}
        raise InvalidRequest("limit is not valid.", errors=[error])
    return int(text)


def _answer(document: PolicyDocument, *, status: int = 200, in_force_only: bool = False) -> Response:
    headers = {"ETag": etags.quoted(tag_of(document))}
    if status == 201:
        headers["Location"] = f"/policies/{document.pk}"
    data = policy_output(document, in_force_only=in_force_only)
    return Response(data, status=status, headers=headers)
