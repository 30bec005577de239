"""Errors about sandboxes."""

import threading

from django.db import connection
from django.db.models.signals import post_save

from mudda import sandboxes
from mudda.apikeys import NEW_SANDBOX, create_api_key
from mudda.errors import NotInSandbox, SandboxWiped
from mudda.scopes import known
from tests import factories
from tests.api.client import Api
from tests.errors.provoking import provokes
from workflows.models import WorkflowPlan
from workflows.revising import NoModelInSandbox


def sandbox_key(scene):
    """A sandbox key's row, and a client with it."""
    scene.needs("city")
    owner = factories.make_user("administrator")
    row, text = create_api_key(name="x", scopes=known(), owner=owner, sandbox=NEW_SANDBOX)
    return row, Api(text)


@provokes(sandboxes.NoSandbox)
def wiping_with_a_key_of_what_is_real(scene):
    return scene.api.call("DELETE", "/sandbox")


@provokes(NotInSandbox)
def changing_what_is_real_with_a_sandbox_key(scene):
    return sandbox_key(scene)[1].call("PATCH", "/categories/water_leak", {"name": "X"})


@provokes(NoModelInSandbox)
def changing_a_sandbox_plan_in_words(scene):
    _, api = sandbox_key(scene)
    plan = api.post("/workflows/generate", {"problem_statement": factories.STATEMENT}).json()
    return api.post(f"/workflows/{plan['workflow_id']}/revise", {"instruction": "Call first."})


@provokes(SandboxWiped, committed=True)
def wiping_what_a_call_is_about(scene):
    row, api = sandbox_key(scene)
    issue = api.post("/issues", {"statement": factories.STATEMENT}).json()["issue_id"]

    def wipe():
        sandboxes.wipe(row.sandbox_id)
        connection.close()

    def wipe_meanwhile(**_):
        wiping = threading.Thread(target=wipe)
        wiping.start()
        wiping.join()

    post_save.connect(wipe_meanwhile, sender=WorkflowPlan)
    try:
        about = {"problem_statement": factories.STATEMENT, "issue_id": issue}
        return api.post("/workflows/generate", about)
    finally:
        post_save.disconnect(wipe_meanwhile, sender=WorkflowPlan)
