"""What somebody is among the staff, found out once for a page with many tasks."""

from dataclasses import dataclass

from django.contrib.auth.models import User

from executions.assigning import DECIDE, LEADERS
from executions.models import HumanTask, TaskStatus


@dataclass(frozen=True)
class Standing:
    """A person, and what the services ask of them (``ensure_may_decide``, ``ensure_not_taken``, ``leads``).

    Attributes:
        decides: Whether they may decide tasks at all.
        leads: Whether they may arrange other people's tasks.
    """

    by: User
    decides: bool
    leads: bool
    groups: frozenset[str]

    def may_decide(self, task: HumanTask) -> bool:
        """Whether the task is theirs to decide; where four eyes are asked for, the service knows."""
        of_group = not task.group or self.by.is_superuser or task.group in self.groups
        return self.decides and of_group and task.assignee_id in {None, self.by.pk}

    def may_hand_on(self, task: HumanTask) -> bool:
        """Whether they may give the task to somebody else."""
        still_open = task.status in {TaskStatus.OPEN, TaskStatus.ON_HOLD}
        return self.decides and still_open and (self.leads or (self.may_decide(task) and not task.four_eyes))


def standing_of(by: User) -> Standing:
    """In one query, besides those for a user's permissions."""
    groups = frozenset(by.groups.values_list("name", flat=True))
    return Standing(by, by.has_perm(DECIDE), by.is_superuser or bool(groups.intersection(LEADERS)), groups)
