from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    name = "workflows"
    verbose_name = "Plans"

    def ready(self) -> None:
        from mudda import languages

        languages.name_in_any_language(self)
        from issues.targets import worded_by
        from mudda import dispatcher, outbox, sandboxes, scopes
        from mudda.webhooks import subjects
        from workflows import asking, checks, doctor, drafting, event_types, figures, revising  # noqa: F401
        from workflows.plan.durations import working_in_words
        from workflows.sandboxes import CONTENTS
        from workflows.subjects import describe_plan, describe_policy
        from workflows.temporal import starting

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
        asking.register(revising.REVISE, asking.Work(revising.carry_out_revision, revising.give_up_revision))
        outbox.register(asking.ASK_PLANNER, starting.deliver_asking)
        worded_by(working_in_words)
        sandboxes.register(CONTENTS)
        dispatcher.register("notice drafting ended from outside", starting.reconcile_ended, every=20)
        dispatcher.register("start overdue drafting again", starting.start_overdue, every=60)
        subjects.register("plan", describe_plan, scope="plans:read", families=["plan"])
        subjects.register("policy", describe_policy, scope="policies:read", families=["policy"])
