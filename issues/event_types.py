"""What happens to issues."""

from mudda.event_types import register_type

register_type("issue.reported", "It was reported.", {"reference": "the issue's reference"})
register_type(
    "issue.status_changed", "Its status is another.", {"from": "the status before", "to": "the status now"}
)
register_type(
    "issue.note_added",
    "Somebody, or a step of a run, left a note.",
    {"note": "the note's id", "visible": "whether the reporter may read it"},
)
register_type(
    "issue.facts_recorded",
    "A planner read facts out of the statement.",
    {"facts": "the names of those that are new", "source": "the planner"},
)
register_type(
    "issue.facts_corrected", "Staff said what is true.", {"facts": "the names of those that are new"}
)
register_type(
    "issue.updated", "Somebody changed what is known of it.", {"changed": "the names of the fields"}
)
register_type("issue.file_added", "A file was attached.", {"attachment": "the attachment's id"})
register_type("issue.file_removed", "An attached file was removed.", {"attachment": "the attachment's id"})
register_type(
    "reporter.read",
    "Somebody of the staff was shown who reported, and how they can be reached.",
    {"issue": "the reference of the issue that it was shown with"},
    offered=False,
)
