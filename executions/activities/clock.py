"""``wait_until`` is a timer of the workflow itself: it is offered to plans and needs no function."""

from workflows.plan.catalogue import offer
from workflows.plan.core import WAIT_UNTIL

offer(WAIT_UNTIL)
