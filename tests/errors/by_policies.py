"""Errors about policies."""

import pymupdf

from tests import factories
from tests.api.client import Api
from tests.errors.provoking import provokes
from tests.policies.test_importing import TEXT, pdf
from workflows.policies import errors
from workflows.policies.importing import LARGEST_BYTES
from workflows.policies.services import LONGEST_TEXT

POLICY = {"heading": "Leaks", "text": "A crew looks at a leak within four hours."}


def written(scene):
    """The path of a draft."""
    return f"/policies/{scene.api.post('/policies', POLICY).json()['policy_id']}"


def sent(scene, content):
    return scene.attach("/policies/import", content, name="rules.pdf")


@provokes(errors.PolicyEmpty, "/text")
def a_policy_of_nothing(scene):
    return scene.api.post("/policies", {**POLICY, "text": "\u200b"})


@provokes(errors.PolicyTooLong, "/text")
def a_file_of_more_than_a_policy_may_have(scene):
    return sent(scene, b"word " * (LONGEST_TEXT // 4))


@provokes(errors.UnknownVersion, "/version")
def publishing_what_is_not_there(scene):
    return scene.api.post(f"{written(scene)}/publish", {"version": 9})


@provokes(errors.PolicyNotPublished)
def withdrawing_a_draft(scene):
    return scene.api.post(f"{written(scene)}/withdraw", {})


@provokes(errors.LanguageInForce)
def another_language_of_what_is_in_force(scene):
    path = written(scene)
    assert scene.api.post(f"{path}/publish", {"version": 1}).status_code == 200
    return scene.api.call("PUT", path, {**POLICY, "language": "german"})


@provokes(errors.NotYourPolicy)
def a_policy_of_another_department(scene):
    scene.needs("city")
    owner = factories.make_user("supervisor", departments=("parks",))
    return Api(factories.make_key(owner=owner)).post("/policies", {**POLICY, "department": "water"})


@provokes(errors.FileTooLarge)
def a_file_that_is_too_large(scene):
    return sent(scene, b"x" * (LARGEST_BYTES + 1))


@provokes(errors.FileNotText)
def a_file_of_bytes(scene):
    return sent(scene, b"\xff\x80\x81")


@provokes(errors.PdfLocked)
def a_locked_pdf(scene):
    return sent(scene, pdf(TEXT, encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="a", user_pw="b"))


@provokes(errors.PdfWithoutText)
def a_scan(scene):
    document = pymupdf.open()
    picture = pymupdf.Pixmap(pymupdf.csRGB, pymupdf.IRect(0, 0, 60, 60), False)
    document.new_page().insert_image(pymupdf.Rect(50, 50, 400, 400), pixmap=picture)
    return sent(scene, document.tobytes())


@provokes(errors.PdfDamaged)
def half_a_pdf(scene):
    return sent(scene, b"%PDF-1.7\n")
