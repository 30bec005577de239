"""Which language people are spoken to in, and what is translated besides the strings that the code marks.

People who read pages choose theirs in the menu of their account; until they do, their browser does. Programs are
answered in English, whatever they ask for: so documents, examples and kept answers are the same for all.

Marked in the code are texts of pages and forms. Not marked are words that are data of the program: names of models
and fields, states, kinds of events, titles of errors. They are English where they are made, and translated by
``translated`` where they are shown; ``vocabulary`` lists them for the catalogues.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.apps import AppConfig, apps
from django.contrib import admin
from django.db.models import Field, Model
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.translation import gettext, gettext_lazy

from mudda import event_types
from mudda.middleware import PAGES

OF_PROGRAMS = "en"


class PageLanguage(LocaleMiddleware):
    """Django's choice of a language, for pages only."""

    def process_request(self, request: HttpRequest) -> None:
        if request.path.startswith(PAGES):
            super().process_request(request)
        else:
            translation.activate(OF_PROGRAMS)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not request.path.startswith(PAGES):
            return response
        return super().process_response(request, response)


def translated(text: str) -> str:
    """A word or sentence of ``vocabulary`` in the language of the page; what isn't one stays as it is."""
    return gettext(text) if text else ""


def in_words(name: str) -> str:
    """``IN_PROGRESS`` as "In progress", ``plan.approved`` as "Plan approved", translated."""
    return translated(spelled_out(name))


def spelled_out(name: str) -> str:
    """The English words of a name."""
    return name.replace("_", " ").replace(".", " ").strip().lower().capitalize()


# --- names of models and fields ---------------------------------------------------------------------


def name_in_any_language(config: AppConfig) -> None:
    """Let the names of an app's models, fields and states be translated where they are shown. Called when the app is
    ready.

    Not in the models themselves: there each would be a migration that changes nothing.
    """
    for model in config.get_models():
        options = model._meta
        options.verbose_name = gettext_lazy(str(options.verbose_name_raw))
        options.verbose_name_plural = gettext_lazy(_plural(model))
        for field in _own_fields(model):
            field.verbose_name = gettext_lazy(str(field.verbose_name))
            if field.choices:
                field.choices = [(value, gettext_lazy(str(label))) for value, label in field.flatchoices]
            if field.help_text:
                field.help_text = gettext_lazy(str(field.help_text))


def _plural(model: type[Model]) -> str:
    with translation.override(None):
        return str(model._meta.verbose_name_plural)


def _own_fields(model: type[Model]) -> Iterator["Field[object, object]"]:
    yield from (*model._meta.local_fields, *model._meta.local_many_to_many)


# --- the vocabulary ---------------------------------------------------------------------------------

Words = Callable[[], Iterable[str]]

_sources: list[Words] = []


def add_words(source: Words) -> None:
    """Register words of a room that are translated where they are shown."""
    _sources.append(source)


def vocabulary(labels: Iterable[str]) -> list[str]:
    """All such words, of the apps with these labels and of the rooms that registered some, in English. Of models, what
    the admin shows of them."""
    with translation.override(None):
        found = {word for label in labels for word in _states_of(apps.get_app_config(label))}
        shown = (one for model, one in admin.site._registry.items() if model._meta.app_label in labels)
        found |= {word for one in shown for word in _names_of(one)}
        found |= {spelled_out(name) for name in event_types.known()}
        found |= {word for source in _sources for word in source()}
    return sorted(word for word in found if word)


def _states_of(config: AppConfig) -> Iterator[str]:
    yield str(config.verbose_name)
    for model in config.get_models():
        for field in _own_fields(model):
            for value, label in field.flatchoices:
                yield str(label)
                yield spelled_out(str(value))


def _names_of(shown: Any) -> Iterator[str]:
    """The model's names, and those of the fields that its lists, filters and forms have."""
    options = shown.model._meta
    yield str(options.verbose_name)
    yield str(options.verbose_name_plural)
    filtered = [one[0] if isinstance(one, tuple) else one for one in shown.list_filter]
    written = shown.fields or ()
    named = {*shown.list_display, *written, *filter(lambda one: isinstance(one, str), filtered)}
    for field in _own_fields(shown.model):
        if field.name in named:
            yield str(field.verbose_name)
        if field.name in written:
            yield str(field.help_text)
