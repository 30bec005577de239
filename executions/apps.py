from django.apps import AppConfig


class ExecutionsConfig(AppConfig):
    name = "executions"
    verbose_name = "Runs"

    def ready(self) -> None:
        from mudda import languages

        languages.name_in_any_language(self)
        from executions import (  # noqa: F401 (event_types and figures register theirs)
            calendars,
            deadlines,
            deciding,
            event_types,
            figures,
            payload_reads,
            reconciling,
            reminders,
            sandboxes,
            services,
            starting,
            steering,
            targets,
        )
        from executions.activities import (  # noqa: F401 (each offers its own)
            clock,
            contractors,
            fieldwork,
            issues,
            lanes,
            notify,
            reports,
        )
        from executions.doctor import email, runs, worker  # noqa: F401 (each registers a check)
        from executions.retention import KIND
        from executions.subjects import describe_execution
        from executions.temporal.contracts import STEER, TASK_DECIDED
        from issues.handing_over import followed_by
        from issues.targets import counted_by
        from mudda import codec_server, dispatcher, outbox, retention, scopes
        from mudda import sandboxes as all_sandboxes
        from mudda.webhooks import subjects
        from workflows.services import tell_executions_by

        run, task = "executions.{}_workflowexecution".format, "executions.{}_humantask".format
        scopes.register("executions:read", run("view"), description="Read runs.")
        scopes.register(
            "executions:write",
            run("view"),
            run("add"),
            description="Launch and steer runs.",
            also=(run("change"),),
        )
        scopes.register("tasks:read", task("view"), description="Read people's tasks.")
        scopes.register("tasks:write", task("view"), task("decide"), description="Decide people's tasks.")
        codec_server.on_reading(payload_reads.note_reading)
        followed_by(services.lock_runs)
        counted_by(calendars.due_by)
        tell_executions_by(services.live_execution)
        outbox.register(TASK_DECIDED, deciding.deliver_decision)
        outbox.register(reminders.TASK_LETTER, reminders.deliver_letter)
        outbox.register(STEER, steering.deliver_steering)
        outbox.register(steering.HURRY, steering.deliver_hurry)
        outbox.register(sandboxes.END_RUN, sandboxes.deliver_end)
        all_sandboxes.register(sandboxes.CONTENTS)
        retention.register(KIND)
        dispatcher.register("notice runs ended from outside", reconciling.reconcile_ended, every=20)
        dispatcher.register("start pending executions", starting.start_pending, every=2)
        dispatcher.register("sweep deadlines", deadlines.sweep_deadlines, every=2)
        dispatcher.register("note runs that are late", targets.sweep_targets, every=2)
        families = ["execution", "step", "task"]
        subjects.register("execution", describe_execution, scope="executions:read", families=families)
