"""The catalogues say what the code says, and are translated where people need them daily."""

import re
from gettext import c2py

import pytest

from mudda import catalogues, languages

JOURNEY = (
    "templates/links/",
    "templates/error.html",
    "templates/unfold/",
    "mudda/navigation.py",
    "mudda/console.py",
    "executions/link_",
    "templates/admin/console/history.html",
    "templates/admin/console/playbook",
    "issues/admin.py",
    "issues/correcting.py",
    "issues/panels.py",
    "executions/console/answers.py",
    "executions/console/inbox.py",
    "executions/console/launching.py",
    "executions/console/task_form.py",
    "executions/crews.py",
    "templates/admin/console/account.html",
    "templates/admin/console/confirm.html",
    "templates/admin/console/drafting.html",
    "templates/admin/console/execution.html",
    "templates/admin/console/inbox.html",
    "templates/admin/console/panels/facts.html",
    "templates/admin/console/panels/runs.html",
    "templates/admin/console/plan.html",
    "templates/admin/console/revision_run.html",
    "templates/admin/console/simulate.html",
    "templates/admin/console/step",
    "templates/admin/console/task",
    "workflows/console/confirm.py",
    "workflows/console/differing.py",
    "workflows/console/inputs.py",
    "workflows/console/insight.py",
    "workflows/console/questions.py",
    "workflows/console/review.py",
    "workflows/console/step",
    "workflows/console/words.py",
    "workflows/launching.py",
)
"""Where everything has to be translated: the frame, a crew's page, errors, and the way from an issue over its plan
to the tasks of its run."""
PLACES = re.compile(r"%\(\w+\)[sd]|<[^>]+>")


@pytest.fixture(params=["hi", "nl"])
def language(request):
    return request.param


def test_the_shipped_languages_have_a_catalogue():
    assert catalogues.languages() == ["hi", "nl"]


def test_catalogues_are_in_step_with_the_code():
    """When this fails: run ``make messages``, and translate what is new."""
    assert catalogues.out_of_step() == []


def test_everything_on_the_daily_way_is_translated(language):
    assert catalogues.untranslated(language, JOURNEY) == []


def test_names_of_states_and_kinds_of_events_are_translated(language):
    assert catalogues.untranslated(language, ["vocabulary"]) == []


def test_translations_keep_what_is_filled_in_and_what_is_marked_up(language):
    for message in catalogues.read(language):
        if not message.id:
            continue
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        allowed = {found for one in ids for found in PLACES.findall(one)}
        for string in filter(None, strings):
            found = set(PLACES.findall(string))
            assert found <= allowed, (message.id, string)
            assert found >= set(PLACES.findall(ids[0])) & set(PLACES.findall(ids[-1])), (message.id, string)


def test_one_is_singular_and_two_are_plural(language):
    form = c2py(catalogues.read(language).plural_expr)
    assert (form(1), form(2), form(5)) == (0, 1, 1)


def test_the_vocabulary_has_names_states_events_and_scopes():
    words = languages.vocabulary(catalogues.ROOMS)
    assert {"issue", "In progress", "Plan approved", "Wipe the key's own sandbox."} <= set(words)


def test_templates_are_collected_with_their_plurals_contexts_and_constants(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        "{% load i18n %}{% translate 'One' %} {{ x|default:_('two') }}\n"
        "{% blocktranslate count n=n %}{{ n }} step{% plural %}{{ n }} steps{% endblocktranslate %}\n"
        "{% translate 'at' context 'a place' %}"
        "{% blocktranslate with who=x %}It's (by) {{ who }}\n{% endblocktranslate %}"
    )
    found = {(message, context) for _, message, context in catalogues._strings(page)}
    assert found == {
        ("One", None),
        ("two", None),
        (("%(n)s step", "%(n)s steps"), None),
        ("at", "a place"),
        ("It's (by) %(who)s\n", None),
    }


def test_titles_of_errors_and_fixed_details_are_collected(tmp_path):
    code = tmp_path / "code.py"
    code.write_text(
        'class Gone(NotFound):\n    title = "It is gone."\n\n\ndef f():\n'
        '    raise Gone("Nobody has it.")\n    raise Gone(f"{1} of them.")\n    raise NotPosted("timeout")\n'
    )
    assert {message for _, message, _ in catalogues._strings(code)} == {"It is gone.", "Nobody has it."}


def test_a_translation_outlives_its_string_and_comes_back_with_it(tmp_path, settings, monkeypatch):
    from babel.messages import Catalog

    place = tmp_path / "nl" / "LC_MESSAGES"
    place.mkdir(parents=True)
    (place / "django.po").write_text('msgid ""\nmsgstr ""\n"Language: nl\\n"\n\nmsgid "Leak"\nmsgstr "Lek"\n')
    settings.LOCALE_PATHS = [str(tmp_path)]

    def said(*strings):
        template = Catalog()
        for string in strings:
            template.add(string, locations=[("page.html", 1)])
        monkeypatch.setattr(catalogues, "collect", lambda: template)
        untranslated = catalogues.refresh()["nl"]
        assert catalogues.out_of_step() == []
        return {message.id: message.string for message in catalogues.read("nl") if message.id}, untranslated

    assert said("Leak", "Tree") == ({"Leak": "Lek", "Tree": ""}, 1)
    assert said("Tree") == ({"Tree": ""}, 1)
    assert '#~ msgid "Leak"' in (place / "django.po").read_text()
    assert said("Leak") == ({"Leak": "Lek"}, 0)
