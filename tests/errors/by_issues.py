"""Errors about issues, their files, and the city's categories and departments."""

from issues.facts import UnknownCategory
from issues.models import Attachment, Issue
from issues.services import EmptyStatement, UnknownDepartment
from mudda.errors import InvalidRequest
from mudda.files.checking import BadFile
from mudda.files.keeping import MOST_FILES, TooManyFiles
from tests.errors.provoking import provokes


@provokes(EmptyStatement, "/statement")
def a_statement_of_nothing(scene):
    return scene.api.post("/issues", {"statement": "\u200b"})


@provokes(UnknownDepartment, "/department")
def a_category_of_no_department(scene):
    return scene.api.call("PATCH", "/categories/water_leak", {"department": "wizards"})


@provokes(UnknownCategory, "/category")
def a_category_that_is_not_there(scene):
    return scene.api.post("/issues", {"statement": "Leak", "category": "dragons"})


@provokes(InvalidRequest, "/reporter/email")
def a_field_of_a_field(scene):
    return scene.api.post("/issues", {"statement": "Leak", "reporter": {"email": "nobody"}})


@provokes(BadFile, "/file")
def a_file_that_is_no_picture(scene):
    return scene.attach(f"{scene.issue}/attachments", b"just words")


@provokes(TooManyFiles)
def one_file_too_many(scene):
    path, issue = scene.issue, Issue.objects.get()
    for number in range(MOST_FILES):
        Attachment.objects.create(
            issue=issue, name=f"x{number}", title="x", content_type="x", size=1, sha256=f"{number}"
        )
    return scene.attach(f"{path}/attachments", b"x")
