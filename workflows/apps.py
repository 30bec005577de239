from django.apps import AppConfig

from mudda import scopes


class WorkflowsConfig(AppConfig):
    name = "workflows"
    verbose_name = "Plans"

    def ready(self) -> None:
        from workflows import checks  # noqa: F401

        plan = "workflows.{}_workflowplan".format
        scopes.register("plans:read", plan("view"), description="Read plans.")
        scopes.register("plans:write", plan("view"), plan("add"), plan("change"), description="Draft and edit plans.")
        scopes.register("plans:approve", plan("view"), plan("approve"), description="Approve and reject plans.")
