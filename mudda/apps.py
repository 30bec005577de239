import logging

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MuddaConfig(AppConfig):
    name = "mudda"
    verbose_name = "Setup"

    def ready(self) -> None:
        # Registered at import: the extension that describes our keys, the checks, the sweeping jobs.
        from mudda import (  # noqa: F401
            codec_server,
            dispatcher,
            idempotency,
            languages,
            middleware,
            oauth,
            openapi,
            outbox,
            ratelimits,
            sandboxes,
            scopes,
            signing_in,
        )
        from mudda.doctor import (  # noqa: F401 (each registers a check)
            clock,
            database,
            disk,
            keys,
            messages,
            storage,
            temporal,
        )
        from mudda.monitoring import ground, tracing  # noqa: F401 (ground registers its figures)
        from mudda.webhooks import event_types, queue, sender, services, subjects  # noqa: F401

        post_migrate.connect(codec_server.make_permission, sender=self)
        languages.name_in_any_language(self)
        languages.add_words(lambda: (scope.description for scope in scopes.known().values()))

        for name in ("uvicorn.access", "uvicorn.error", "gunicorn.access", "django.server"):
            logging.getLogger(name).addFilter(middleware.WithoutTokens())  # they have handlers of their own
        dispatcher.register("deliver messages", outbox.deliver_due, every=1)
        dispatcher.register("forget messages", outbox.forget_old, every=3600)
        dispatcher.register("forget idempotency keys", idempotency.forget_old, every=3600)
        dispatcher.register("forget counts of calls", ratelimits.forget_old, every=60)
        dispatcher.register("forget attempts to sign in", signing_in.forget_old, every=60)
        dispatcher.register("forget expired tokens", oauth.forget_expired, every=3600)
        dispatcher.register("forget traces", tracing.forget_old, every=3600)
        dispatcher.register("forget webhook deliveries", queue.forget_old, every=3600)
        dispatcher.register_loop("webhooks", sender.run)
        outbox.register(sandboxes.DELETE_FILES, sandboxes.deliver_file_removal)
        scopes.register("sandbox:write", description="Wipe the key's own sandbox.")
        webhook = "mudda.{}_webhooksubscription".format
        scopes.register(
            "webhooks:read", webhook("view"), description="Read webhooks and what was sent to them."
        )
        scopes.register(
            "webhooks:write",
            webhook("view"),
            webhook("add"),
            webhook("change"),
            webhook("delete"),
            description="Subscribe to events, change and test webhooks, have events sent again.",
        )
        subjects.register("webhook", services.describe_webhook, scope="webhooks:read", families=["webhook"])
