"""What single keys do on a page, as its list of them says. The elements that they press name the key themselves."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

_LIST = ("?", _("show or hide this list"))

RUN_KEYS = (
    ("t", _("open the first task that the run waits for")),
    ("p", _("pause the run, or let it go on")),
    _LIST,
)
TASK_KEYS = (
    ("e", _("go to the form")),
    ("Esc", _("leave a field")),
    ("c", _("claim the task")),
    ("b", _("give it back")),
    ("r", _("hand it on")),
    ("h", _("put it on hold, or let its clock go on")),
    ("n", _("go to the next task, once this one is over")),
    ("m", _("go to my tasks")),
    _LIST,
)
INBOX_KEYS = (
    ("j", pgettext_lazy("key", "next task")),
    ("k", pgettext_lazy("key", "previous task")),
    ("Enter", _("open the task")),
    ("c", _("claim the task that has the focus")),
    ("a", _("go to the list of all tasks")),
    _LIST,
)
