"""The catalogues of translations: what the code says, collected into locale/<language>/LC_MESSAGES/django.po.

Babel reads Python; templates are first turned into calls, as Django's own ``makemessages`` does for xgettext, which
then need not be installed. ``make messages`` runs this; the installation compiles what it wrote.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import unfold
from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

from mudda.languages import vocabulary

ROOMS = ("mudda", "issues", "workflows", "executions")
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
CALL = re.compile(r"\b(?:_|gettext|ngettext|pgettext|npgettext)\(")
WIDTH = 110
UNSAID = tuple(
    f'"{name}:'.encode()
    for name in (
        "POT-Creation-Date", "PO-Revision-Date", "Generated-By",  # would differ each time
        "Report-Msgid-Bugs-To", "Last-Translator", "Language-Team",  # the project's history knows
    )
)  # fmt: skip
"""Lines of a header that are left out."""

NOT_SHOWN = {
    "RuntimeError",
    "TypeError",
    "AssertionError",
    "LookupError",
    "CommandError",
    "NotPosted",
    "ApplicationError",
}
"""Errors whose words are for those who write or run the program."""
UNSEEN = {"management", "backups", "devstack", "doctor", "temporal", "adapters", "planning", "plan"}
"""Folders whose errors nobody is told on a page as they are."""

Key = tuple[str | None, str, str]


def languages() -> list[str]:
    """Those that have a catalogue. English needs none."""
    return sorted(folder.name for folder in _locale().iterdir() if (folder / "LC_MESSAGES").is_dir())


def path_of(language: str) -> Path:
    return _locale() / language / "LC_MESSAGES" / "django.po"


def read(language: str) -> Catalog:
    with path_of(language).open("rb") as file:
        return read_po(file, locale=language)


def refresh() -> dict[str, int]:
    """Write all catalogues anew. Translations stay; those of strings that are gone stay at the end of the file, marked
    as gone, and come back with them.

    Returns how many strings of each language have no translation.
    """
    template = collect()
    for language in languages():
        catalogue = read(language)
        _bring_back(catalogue, template)
        catalogue.update(template, no_fuzzy_matching=True)
        written = BytesIO()
        write_po(written, catalogue, width=WIDTH, sort_output=True, include_lineno=False)
        lines = written.getvalue().splitlines(keepends=True)
        path_of(language).write_bytes(b"".join(line for line in lines if not line.startswith(UNSAID)))
    return {language: len(untranslated(language)) for language in languages()}


def _bring_back(catalogue: Catalog, template: Catalog) -> None:
    """Say again what is marked as gone and stands in the code again."""
    for key, gone in list(catalogue.obsolete.items()):
        if template.get(gone.id, gone.context) is not None:
            catalogue[gone.id] = gone
            del catalogue.obsolete[key]


def out_of_step() -> list[str]:
    """What the code says and a catalogue doesn't have, or the other way round."""
    said = keys(collect())
    found = []
    for language in languages():
        kept = keys(read(language))
        found += [f"{language}: is missing {key[1]!r}" for key in sorted(said - kept, key=str)]
        found += [f"{language}: is not said any more {key[1]!r}" for key in sorted(kept - said, key=str)]
    return found


def untranslated(language: str, places: Iterable[str] = ("",)) -> list[str]:
    """The strings without a translation that stand in files whose paths begin with one of ``places``."""
    wanted = tuple(places)
    return [
        str(message.id)
        for message in read(language)
        if message.id
        and not (all(message.string) if isinstance(message.string, tuple) else message.string)
        and any(place.startswith(wanted) for place, _ in message.locations)
    ]


def keys(catalogue: Catalog) -> set[Key]:
    found = set()
    for message in catalogue:
        if message.id:
            one, many = message.id if isinstance(message.id, tuple) else (message.id, "")
            found.add((message.context, str(one), str(many)))
    return found


# --- collecting -------------------------------------------------------------------------------------


def collect() -> Catalog:
    """Every string that people are shown, with the files that it stands in."""
    template = Catalog(project="mudda", charset="utf-8", fuzzy=False)
    for path in _sources():
        name = _name(path)
        for line, message, context in _strings(path):
            template.add(message, locations=[(name, line)], context=context)
    for word in vocabulary(ROOMS):
        template.add(word, locations=[("vocabulary", 0)])
    return template


def _name(path: Path) -> str:
    theme = Path(unfold.__file__).parent / "templates"
    if path.is_relative_to(theme):
        return f"unfold/{path.relative_to(theme)}"
    return str(path.relative_to(settings.BASE_DIR))


def _locale() -> Path:
    return Path(settings.LOCALE_PATHS[0])


def _sources() -> Iterator[Path]:
    base = Path(settings.BASE_DIR)
    for room in ROOMS:
        yield from sorted(p for p in (base / room).rglob("*.py") if "migrations" not in p.parts)
    yield from _templates(base / "templates")
    # The theme brings no catalogues. Of what Django's admin says too, Django's own translation is used.
    yield from _templates(Path(unfold.__file__).parent / "templates")


def _templates(folder: Path) -> list[Path]:
    return sorted([*folder.rglob("*.html"), *folder.rglob("*.txt")])


def _strings(path: Path) -> Iterator[tuple[int, str | tuple[str, ...], str | None]]:
    """The line, the string (or its singular and plural) and the context of each."""
    text = path.read_text()
    if path.suffix == ".py" and not UNSEEN & set(path.parts):
        yield from ((line, said, None) for line, said in _errors(text))
    if path.suffix != ".py":
        text = "\n".join(_calls(templatize(text)))
    for line, message, _, context in extract("python", BytesIO(text.encode()), KEYWORDS):
        yield line, message, context


def _calls(text: str) -> Iterator[str]:
    """Only the calls of a template that was turned into something like Python, each on its line."""
    for line in text.splitlines():
        yield "; ".join(_call(line, found.start()) for found in CALL.finditer(line))


def _call(line: str, start: int) -> str:
    """The call that begins at ``start``: as much of the line as is one."""
    for end in (found.end() for found in re.finditer(r"\)", line[start:])):
        call = line[start : start + end]
        try:
            ast.parse(call, mode="eval")
        except SyntaxError:
            continue
        return call
    raise ValueError(f"no call: {line[start:]}")


def _errors(text: str) -> Iterator[tuple[int, str]]:
    """Titles of errors, and details that are always the same: translated where they are told."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            yield from _titles(node)
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            first, kind = node.exc.args[0], node.exc.func
            shown = not (isinstance(kind, ast.Name) and kind.id in NOT_SHOWN)
            if not shown or not isinstance(first, ast.Constant):
                continue
            if isinstance(first.value, str) and " " in first.value:
                yield first.lineno, first.value


def _titles(node: ast.ClassDef) -> Iterator[tuple[int, str]]:
    for one in node.body:
        if (
            isinstance(one, ast.Assign)
            and isinstance(one.targets[0], ast.Name)
            and one.targets[0].id == "title"
            and isinstance(one.value, ast.Constant)
            and isinstance(one.value.value, str)
        ):
            yield one.lineno, one.value.value
