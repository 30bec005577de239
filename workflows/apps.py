from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    name = "workflows"
    verbose_name = "Plans"

    def ready(self) -> None:
        from mudda import scopes
        from workflows import checks  # noqa: F401

        plan = "workflows.{}_workflowplan".format
        scopes.register("plans:read", plan("view"), description="Read plans.")
        scopes.register(
            "plans:write", plan("view"), plan("add"), plan("change"), description="Draft and edit plans."
        )
        scopes.register(
            "plans:approve", plan("view"), plan("approve"), description="Approve and reject plans."
        )
