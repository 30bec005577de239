"""What happens to plans and policies, and to an issue by its plan."""

from mudda.event_types import register_type

_RUN = {"run": "the planner run's id"}
_REVISION = {
    "revision": "its number",
    "digest": "what an approval is bound to",
    "planner": "who wrote it: playbooks, openai or staff",
}
_LAUNCHED = {"execution": "the run's id", "digest": "of what runs"}
_VERSION = {"version": "its number"}

register_type(
    "issue.plan_drafted",
    "A first plan for the issue was written.",
    {"plan": "the plan's id", "code": "why the playbooks had to write it, if they had to"},
    optional=("code",),
)

register_type("plan.asked", "A planner was asked for a draft.", _RUN)
register_type(
    "plan.category_found",
    "The planner knows what kind of issue it is.",
    {
        **_RUN,
        "planner": "who found it",
        "category": "the category's code, or null",
        "confidence": "0 to 1",
    },
)
register_type(
    "plan.policies_found",
    "The planner has the policies that fit.",
    {**_RUN, "planner": "who found them", "passages": "their ids"},
)
register_type(
    "plan.written",
    "The planner has written the steps.",
    {**_RUN, "planner": "who wrote them", "steps": "how many"},
)
register_type(
    "plan.validated",
    "What was written was checked.",
    {**_RUN, "planner": "who wrote it", "errors": "how many", "rounds": "how often it was written"},
)
register_type("plan.drafted", "The first revision is there.", _REVISION)
register_type("plan.edited", "There is another revision.", _REVISION)
register_type(
    "plan.revision_asked",
    "Somebody asked in words for a change.",
    {**_RUN, "revision": "the number of the one to be changed"},
)
register_type(
    "plan.revised",
    "The planner has answered.",
    {**_RUN, "revision": "the new one's number, or null where nothing is changed"},
)
register_type("plan.revision_failed", "The planner could not change it.", {**_RUN, "code": "why"})
register_type(
    "plan.approved", "A revision was approved.", {"approval": "its id", "digest": "of what was approved"}
)
register_type("plan.rejected", "The plan was rejected.", {"digest": "of what was rejected"})
register_type("plan.launched", "A run of the plan was launched.", _LAUNCHED)

register_type("policy.created", "A policy was written.", _VERSION)
register_type("policy.revised", "There is another version, not yet in force.", _VERSION)
register_type("policy.published", "A version is in force.", _VERSION)
register_type("policy.withdrawn", "The policy is in force no more.", _VERSION)
register_type("plan.archived", "The plan was put away for good.", {"digest": "of what was put away"})
