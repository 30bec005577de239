"""The API's doors to the city's categories and departments."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from issues.filters import CategoryFilter, DepartmentFilter
from issues.models import Category, Department, within_departments
from issues.reference import change_category, change_department, tag_of
from issues.serializers import CategoryInput, CategoryOutput, DepartmentInput, DepartmentOutput
from mudda import etags
from mudda.drf import caller, parse
from mudda.errors import NotFound
from mudda.etags import IF_MATCH
from mudda.models import ApiKey
from mudda.openapi import Link
from mudda.views import Door, ListDoor

BY_NAME = ("name", "-name", "code", "-code")

FIRST = {"code": "results/0/code"}


class Categories(ListDoor[Category]):
    """The categories of the caller's departments."""

    scopes = {"GET": "issues:read"}
    links = {"GET": [Link("read_category", FIRST), Link("change_category", FIRST)]}
    serializer_class = CategoryOutput
    filterset_class = CategoryFilter
    orderings = BY_NAME

    def get_queryset(self) -> QuerySet[Category]:
        if getattr(self, "swagger_fake_view", False):
            return Category.objects.none()
        return _categories(self.request)

    @extend_schema(operation_id="list_categories", summary="List categories")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class CategoryDetail(Door):
    scopes = {"GET": "issues:read", "PATCH": "issues:write"}
    tagged = ("GET", "PATCH")

    @extend_schema(operation_id="read_category", summary="Read a category", responses=CategoryOutput)
    def get(self, request: Request, code: str) -> Response:
        category = _categories(request).filter(code=code).first()
        if category is None:
            raise NotFound("There is no such category.")
        return _answer(category, CategoryOutput)

    @extend_schema(
        operation_id="change_category",
        summary="Change a category: its name, department or target",
        request=CategoryInput,
        responses=CategoryOutput,
        parameters=[IF_MATCH],
    )
    def patch(self, request: Request, code: str) -> Response:
        given, expected = parse(CategoryInput, request), etags.if_match(request)
        changed = change_category(code, given, by=caller(request), key=_key(request), expected=expected)
        return _answer(changed, CategoryOutput)


class Departments(ListDoor[Department]):
    """The caller's departments; all of them for whoever isn't limited to any."""

    scopes = {"GET": "issues:read"}
    links = {"GET": [Link("read_department", FIRST), Link("change_department", FIRST)]}
    serializer_class = DepartmentOutput
    filterset_class = DepartmentFilter
    orderings = BY_NAME

    def get_queryset(self) -> QuerySet[Department]:
        if getattr(self, "swagger_fake_view", False):
            return Department.objects.none()
        return _departments(self.request)

    @extend_schema(operation_id="list_departments", summary="List departments")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class DepartmentDetail(Door):
    scopes = {"GET": "issues:read", "PATCH": "issues:write"}
    tagged = ("GET", "PATCH")

    @extend_schema(operation_id="read_department", summary="Read a department", responses=DepartmentOutput)
    def get(self, request: Request, code: str) -> Response:
        department = _departments(request).filter(code=code).first()
        if department is None:
            raise NotFound("There is no such department.")
        return _answer(department, DepartmentOutput)

    @extend_schema(
        operation_id="change_department",
        summary="Change a department: its name, address or working hours",
        request=DepartmentInput,
        responses=DepartmentOutput,
        parameters=[IF_MATCH],
    )
    def patch(self, request: Request, code: str) -> Response:
        given, expected = parse(DepartmentInput, request), etags.if_match(request)
        changed = change_department(code, given, by=caller(request), key=_key(request), expected=expected)
        return _answer(changed, DepartmentOutput)


def _key(request: Request) -> ApiKey | None:
    return request.auth if isinstance(request.auth, ApiKey) else None


def _categories(request: Request) -> QuerySet[Category]:
    mine = within_departments(request.user, "department")
    return Category.objects.filter(mine).select_related("department")


def _departments(request: Request) -> QuerySet[Department]:
    return Department.objects.filter(within_departments(request.user, "pk"))


def _answer(row: Any, output: Any) -> Response:
    return Response(output(row).data, headers={"ETag": etags.quoted(tag_of(row))})
