"""What every door of the API has in common."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Generic, Literal, TypeVar

from django.db.models import Model
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mudda import etags, idempotency
from mudda.openapi import Link
from mudda.paging import CURSOR, ORDERING, SIZE, ensure_known, ensure_said

M = TypeVar("M", bound=Model)


class Door(APIView):
    """Where a call comes in: every view of the API is one.

    ``scopes`` says what the caller needs for each method. ``once`` says how a POST with an ``Idempotency-Key`` is
    carried out once:

    - ``whole``: in one transaction with the answer that is kept;
    - ``sealed``: the same for an answer that shows a secret, which is encrypted where it is kept;
    - ``own``: by the view itself, because some of its work may not be done while a transaction is held.

    A GET whose answer has an ``ETag`` honours ``If-None-Match``, unless ``conditional`` is False: where the tag is
    not of the answer itself. ``query_parameters`` are those that a GET takes; None where it doesn't matter.

    The rest is for the OpenAPI document: ``tagged`` are the methods whose answer has an ``ETag`` (now and then only,
    unless ``always_tagged``), ``links`` what their answers lead on to, ``also_answers`` statuses of errors that few
    views have.
    """

    scopes: ClassVar[dict[str, str]]
    once: ClassVar[Literal["whole", "sealed", "own"]] = "whole"
    conditional: ClassVar[bool] = True
    query_parameters: ClassVar[tuple[str, ...] | None] = None
    tagged: ClassVar[tuple[str, ...]] = ()
    always_tagged: ClassVar[bool] = True
    links: ClassVar[Mapping[str, Sequence[Link]]] = {}
    also_answers: ClassVar[tuple[int, ...]] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Also put the claim of the key around ``post``: REST framework takes it from here after this."""
        super().initial(request, *args, **kwargs)
        known = self.known_parameters()
        if request.method == "GET" and known is not None:
            ensure_known(request, known)
        post = getattr(self, "post", None)
        if request.method == "POST" and post is not None and self.once != "own":
            vars(self)["post"] = partial(idempotency.answer_once, post, sealed=self.once == "sealed")

    def known_parameters(self) -> tuple[str, ...] | None:
        """The names of the query parameters that a GET takes; None where others do no harm."""
        return self.query_parameters

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        if self.conditional and isinstance(response, Response):
            response = etags.or_not_modified(request, response)
        return super().finalize_response(request, response, *args, **kwargs)


class ListDoor(Door, ListAPIView[M], Generic[M]):
    """A list, page by page: filtered by ``filterset_class``, ordered as one of ``orderings`` (see ``Pages``).

    ``shown`` shows the rows of a page, as ``serializer_class`` does unless a list has a faster way.
    """

    orderings: ClassVar[tuple[str, ...]] = ("-created_at", "created_at")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.shown(page or ()))

    def shown(self, rows: Sequence[M]) -> Any:
        return self.get_serializer(rows, many=True).data

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "GET":
            ensure_said(request)

    def known_parameters(self) -> tuple[str, ...]:
        filters = getattr(self, "filterset_class", None)
        return (CURSOR, SIZE, ORDERING, *(filters.base_filters if filters else ()))
