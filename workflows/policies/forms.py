"""Writing a policy in the admin: typed in, or read from a file."""

from typing import Any, cast

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from issues.models import Department, within_departments
from mudda import console
from mudda.errors import MuddaError
from mudda.languages import translated
from workflows.policies.errors import FileTooLarge
from workflows.policies.importing import LARGEST_BYTES, read_policy
from workflows.policies.models import PolicyLanguage
from workflows.policies.services import LONGEST_HEADING, LONGEST_TEXT


class TextForm(forms.Form):
    """Heading and text, or a file that has them. ``source`` is the file's name once the form is clean."""

    heading = forms.CharField(
        max_length=LONGEST_HEADING,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Left empty: the first line of the file."),
    )
    text = forms.CharField(
        max_length=LONGEST_TEXT,
        required=False,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 22}),
        help_text=_(
            "Markdown or plain text. It is cut into passages at its headings (lines that begin with #)."
        ),
    )
    file = forms.FileField(
        required=False,
        label=_("Or a file"),
        widget=forms.FileInput(attrs={"class": "md-file", "accept": ".md,.markdown,.txt,.pdf"}),
        help_text=_("Markdown, text or PDF, at most 5 MB. What it says takes the place of the text above."),
    )

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        given["source"] = ""
        if (upload := given.get("file")) is not None:
            self._read(upload)
        elif "file" not in self.errors:
            for name in ("heading", "text"):
                if not given.get(name, "").strip() and name not in self.errors:
                    self.add_error(name, gettext("Write it, or choose a file."))
        return given

    def _read(self, upload: Any) -> None:
        try:
            if upload.size > LARGEST_BYTES:
                raise FileTooLarge
            policy = read_policy(upload.read(), upload.name)
        except MuddaError as error:
            self.add_error("file", translated(error.detail))
            return
        given = self.cleaned_data
        given["heading"] = given.get("heading") or policy.heading
        given["text"], given["source"] = policy.text, policy.source


class NewPolicyForm(TextForm):
    department = forms.ModelChoiceField(
        Department.objects.none(),
        required=False,
        widget=UnfoldAdminSelectWidget(),
        empty_label=_("the whole city"),
        help_text=_("Whose policy it is."),
    )
    language = forms.ChoiceField(
        choices=PolicyLanguage.choices,
        initial=PolicyLanguage.ENGLISH,
        widget=UnfoldAdminSelectWidget(),
        help_text=_("So that a search finds other forms of a word. “Simple” serves every other language."),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        department = cast("forms.ModelChoiceField[Department]", self.fields["department"])
        department.queryset = Department.objects.filter(within_departments(user, "pk"), active=True)
        if console.is_limited(user):  # the whole city's policies are for others to write
            department.required, department.empty_label = True, None


class VersionForm(TextForm):
    """A new version, on top of the one that was ``seen``."""

    seen = forms.IntegerField(min_value=1, max_value=999_999_999, widget=forms.HiddenInput())


class PublishForm(forms.Form):
    version = forms.IntegerField(min_value=1, max_value=999_999_999, widget=forms.HiddenInput())


class SearchForm(forms.Form):
    q = forms.CharField(
        label=_("A citizen's words"),
        required=False,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )
    department = forms.ModelChoiceField(
        Department.objects.none(),
        required=False,
        to_field_name="code",
        widget=UnfoldAdminSelectWidget(),
        empty_label=_("all that you may see"),
        help_text=_("As a plan of this department is grounded: on its own policies and the whole city's."),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        department = cast("forms.ModelChoiceField[Department]", self.fields["department"])
        department.queryset = Department.objects.filter(within_departments(user, "pk"))
