"""Reading the playbooks: YAML files, each a kind of issue with its words and its plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from mudda.errors import MuddaError
from workflows.planning.base import URGENCIES, Urgency
from workflows.planning.city import shipped_categories
from workflows.planning.likeness import Likeness
from workflows.planning.matching import Term, TermIndex, parse_term
from workflows.planning.urgency import hints_index

FOLDER = Path(__file__).parent.parent / "playbooks"
EXAMPLES = "examples"  # the folder beside the playbooks with a text for each kind, a statement a line
MOST_FREQUENT = 3
GENERAL = "other"  # the playbook of a statement that fits nothing

_FIELDS = {"kind", "category", "title", "version", "frequency", "alike", "terms", "urgency", "plan"}


class PlaybookError(MuddaError):
    """The playbooks on disk cannot be used. ``problems`` names each file and what is wrong in it."""

    code = "playbooks_broken"
    status = 500
    title = "The playbooks on disk cannot be used."

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Playbook:
    """``frequency`` says how often cities hear of it, from 0 (hardly) to ``MOST_FREQUENT`` (every day).

    ``alike`` names the kinds that people's words confuse with this one, the likeliest first.
    """

    kind: str
    category: str
    title: str
    version: int
    frequency: int
    alike: tuple[str, ...]
    terms: tuple[Term, ...]
    urgency_hints: TermIndex
    default_urgency: Urgency
    plan: Mapping[str, Any]


@dataclass(frozen=True)
class Shelf:
    """All playbooks of a folder, the index of their words, and statements that are an example of each kind."""

    playbooks: Mapping[str, Playbook]
    index: TermIndex
    examples: Mapping[str, tuple[str, ...]]

    @cached_property
    def likeness(self) -> Likeness:
        """Learnt from the examples when it is first asked for: most commands of manage.py choose nothing."""
        return Likeness(self.examples)


# libyaml's reader is eight times faster, and every command of manage.py reads the playbooks.
_Loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


class _StrictLoader(_Loader):  # type: ignore[misc, valid-type]
    """PyYAML keeps the last of two equal keys; a playbook that says something twice is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} is there twice", key_node.start_mark
                )
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


@cache
def load_playbooks(folder: Path = FOLDER) -> Shelf:
    """Read every ``*.yaml`` of ``folder``, once a process.

    Raises:
        PlaybookError: naming every file that cannot be used and every problem in it.
    """
    problems: list[str] = []
    playbooks: dict[str, Playbook] = {}
    for path in sorted(folder.glob("*.yaml")):
        found = _read(path)
        if isinstance(found, Playbook):
            playbooks[found.kind] = found
        else:
            problems += [f"{path.name}: {problem}" for problem in found]
    if GENERAL not in playbooks:
        problems.append(f"{GENERAL}.yaml: the general playbook is missing")
    problems += [
        f"{kind}.yaml: alike: {other!r} is not another playbook"
        for kind, playbook in playbooks.items()
        for other in playbook.alike
        if other == kind or (other not in playbooks and not problems)
    ]
    examples, bad_examples = _examples(folder)
    problems += bad_examples
    problems += [
        f"{EXAMPLES}/{kind}.txt: there is no such playbook"
        for kind in examples
        if kind not in playbooks and not problems
    ]
    if problems:
        raise PlaybookError(problems)
    terms = [term for playbook in playbooks.values() for term in playbook.terms]
    return Shelf(playbooks=playbooks, index=TermIndex(terms), examples=examples)


def _read(path: Path) -> Playbook | list[str]:
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), _StrictLoader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return [" ".join(str(error).split())]
    if not isinstance(raw, dict):
        return ["not a mapping"]
    problems = [f"unknown field {name!r}" for name in raw if name not in _FIELDS]
    problems += [f"{name} is missing" for name in sorted(_FIELDS - set(raw))]
    if problems:
        return problems
    problems += _header_problems(raw, path.stem)
    terms, bad_terms = _terms(raw)
    default, hints, bad_hints = _urgency(raw["urgency"])
    problems += bad_terms + bad_hints
    if problems:
        return problems
    return Playbook(
        kind=raw["kind"],
        category=raw["category"],
        title=raw["title"],
        version=raw["version"],
        frequency=raw["frequency"],
        alike=tuple(raw["alike"]),
        terms=terms,
        urgency_hints=hints,
        default_urgency=default,
        plan=raw["plan"],
    )


def _examples(folder: Path) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The statements that are examples of each kind, which may have none; and what is wrong with the files."""
    examples, problems = {}, []
    for path in sorted(folder.glob(f"{EXAMPLES}/*.txt")):
        try:
            examples[path.stem] = tuple(path.read_text(encoding="utf-8").split("\n"))
        except UnicodeDecodeError as error:
            problems.append(f"{EXAMPLES}/{path.name}: {error}")
    return {kind: tuple(filter(str.strip, said)) for kind, said in examples.items()}, problems


def _header_problems(raw: dict[str, Any], stem: str) -> list[str]:
    problems = []
    if raw["kind"] != stem:
        problems.append(f"kind {raw['kind']!r} is not the name of the file")
    if raw["category"] not in {category.code for category in shipped_categories()}:
        problems.append(f"category {raw['category']!r} is unknown")
    if not isinstance(raw["title"], str) or not raw["title"].strip():
        problems.append("title is empty")
    if type(raw["version"]) is not int or raw["version"] < 1:
        problems.append("version is not a whole number from 1")
    if type(raw["frequency"]) is not int or not 0 <= raw["frequency"] <= MOST_FREQUENT:
        problems.append(f"frequency is not a whole number from 0 to {MOST_FREQUENT}")
    if not _are_words(raw["alike"]):
        problems.append("alike is not a list of kinds")
    if not isinstance(raw["plan"], dict):
        problems.append("plan is not a mapping")
    return problems


def _terms(raw: dict[str, Any]) -> tuple[tuple[Term, ...], list[str]]:
    if not isinstance(raw["terms"], dict):
        return (), ["terms is not a mapping of words to weights"]
    terms, problems = [], []
    for written, weight in raw["terms"].items():
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            problems.append(f"the weight of term {written!r} is not a number")
            continue
        try:
            terms.append(parse_term(raw["kind"], str(written), float(weight)))
        except ValueError as error:
            problems.append(f"term {error}")
    known: dict[tuple[tuple[str, ...], bool], str] = {}
    for term in terms:
        other = known.setdefault((term.stems, term.prefix), term.written)
        if other != term.written:
            problems.append(f"terms {other!r} and {term.written!r} are the same words")
    if not terms and not problems and raw["kind"] != GENERAL:
        problems.append("no terms: nothing would ever lead to this playbook")
    return tuple(terms), problems


def _urgency(raw: object) -> tuple[Urgency, TermIndex, list[str]]:
    nothing = hints_index({})
    if not isinstance(raw, dict) or raw.get("default") not in URGENCIES:
        return "normal", nothing, [f"urgency.default is not one of {', '.join(URGENCIES)}"]
    problems = [f"urgency.{level} is unknown" for level in raw if level not in (*URGENCIES, "default")]
    hints = {level: raw.get(level, []) for level in URGENCIES}
    problems += [
        f"urgency.{level} is not a list of words" for level, said in hints.items() if not _are_words(said)
    ]
    if problems:
        return "normal", nothing, problems
    try:
        return raw["default"], hints_index(hints), []
    except ValueError as error:
        return "normal", nothing, [f"urgency: {error}"]


def _are_words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
