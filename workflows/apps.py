from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    name = "workflows"
    verbose_name = "Plans"

    def ready(self) -> None:
        from mudda import scopes
        from workflows import asking, checks, drafting  # noqa: F401

        plan = "workflows.{}_workflowplan".format
        scopes.register("plans:read", plan("view"), description="Read plans.")
        scopes.register(
            "plans:write", plan("view"), plan("add"), plan("change"), description="Draft and edit plans."
        )
        scopes.register(
            "plans:approve", plan("view"), plan("approve"), description="Approve and reject plans."
        )
        policy = "workflows.{}_policydocument".format
        scopes.register("policies:read", policy("view"), description="Read and search policies.")
        scopes.register(
            "policies:write",
            policy("view"),
            policy("add"),
            policy("change"),
            description="Write, publish and withdraw policies.",
        )
        asking.register(drafting.DRAFT, asking.Work(drafting.carry_out_draft, drafting.give_up_draft))
