"""What happens to subscriptions: their owner's log and the test-fire. Nobody subscribes to these."""

from mudda.event_types import register_type

register_type("webhook.created", "It was made.", {"types": "what it subscribes to"}, offered=False)
register_type(
    "webhook.changed",
    "Somebody changed, enabled or disabled it.",
    {"fields": "the names of what"},
    offered=False,
)
register_type(
    "webhook.secret_rotated",
    "It has another secret.",
    {"overlap_hours": "how long the one before is good too"},
    offered=False,
)
register_type(
    "webhook.disabled",
    "Nothing more is sent to it.",
    {"reason": "`gone`, `failing`, `key_unusable` or `owner_inactive`"},
    offered=False,
)
register_type(
    "webhook.tested", "Somebody wanted to see a message arrive: it is sent to this one only.", offered=False
)
register_type(
    "webhook.replayed", "Events of a time were asked for again.", {"events": "how many"}, offered=False
)
