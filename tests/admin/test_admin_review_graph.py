"""The drawn plan: where things stand, what it says, and that nothing in a plan can make it more than a picture."""

import re
from html.parser import HTMLParser
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.admin.looking import HOSTILE

MOST = 200


@st.composite
def plans(draw, most=30):
    """Heights of boxes, and what each step waits for: anything, circles and itself included."""
    size = draw(st.integers(1, most))
    heights = draw(st.lists(st.integers(40, 160), min_size=size, max_size=size))
    one = st.lists(st.integers(0, size - 1), max_size=5)
    return heights, draw(st.lists(one, min_size=size, max_size=size))


def lay_out(heights, needs):
    from workflows.console.layout import lay_out

    return lay_out(heights, needs)


def apart(one, other):
    return (
        one.x + one.width <= other.x
        or other.x + other.width <= one.x
        or one.y + one.height <= other.y
        or other.y + other.height <= one.y
    )


def crosses(box, start, end):
    """Whether a vertical stretch of a line goes through a box."""
    return box.x < start[0] < box.x + box.width and start[1] < box.y + box.height and end[1] > box.y


@settings(deadline=None, max_examples=200)
@given(plans())
def test_boxes_stand_apart_inside_the_drawing_and_every_line_goes_down(plan):
    layout = lay_out(*plan)
    assert all(apart(one, other) for one, other in combinations(layout.boxes, 2))
    for box in layout.boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= layout.width
        assert box.y + box.height <= layout.height
    for line in layout.lines:
        above, below = layout.boxes[line.above], layout.boxes[line.below]
        assert line.points[0] == (above.x + above.width // 2, above.y + above.height)
        assert line.points[-1] == (below.x + below.width // 2, below.y)
        assert all(upper[1] < lower[1] for upper, lower in pairwise(line.points))


@settings(deadline=None, max_examples=200)
@given(plans())
def test_no_line_runs_through_a_box_it_does_not_belong_to(plan):
    layout = lay_out(*plan)
    for line in layout.lines:
        for start, end in pairwise(line.points):
            if start[0] == end[0]:
                others = [box for at, box in enumerate(layout.boxes) if at not in (line.above, line.below)]
                assert not any(crosses(box, start, end) for box in others)
            else:
                between = range(start[1], end[1])
                assert all(
                    box.y + box.height <= start[1] or box.y >= end[1] or not between for box in layout.boxes
                )


@settings(deadline=None, max_examples=200)
@given(plans())
def test_the_lines_say_the_same_order_as_the_needs_where_there_is_no_circle(plan):
    heights, needs = plan
    needs = [[one for one in waits if one < at] for at, waits in enumerate(needs)]
    layout = lay_out(heights, needs)
    assert layout.circular == frozenset()
    assert layout.hidden == 0
    drawn = [[line.above for line in layout.lines if line.below == at] for at in range(len(heights))]
    assert [before(at, drawn) for at in range(len(heights))] == [
        before(at, needs) for at in range(len(heights))
    ]


def before(at, needs):
    """Every step that is over when this one starts."""
    found, todo = set(), list(needs[at])
    while todo:
        if (one := todo.pop()) not in found:
            found.add(one)
            todo += needs[one]
    return found


@pytest.mark.parametrize(
    "needs",
    [
        pytest.param(lambda at: [at - 1] if at else [], id="one after the other"),
        pytest.param(lambda at: [], id="all at once"),
        pytest.param(lambda at: list(range(at)), id="each after all before it"),
        pytest.param(lambda at: [] if at < 100 else list(range(100)), id="half after the other half"),
        pytest.param(lambda at: [(at + 1) % MOST], id="one circle"),
        pytest.param(lambda at: [(at + 1) % MOST, at * 7 % MOST, at], id="many circles"),
    ],
)
def test_two_hundred_steps_make_a_drawing_of_bounded_size(needs):
    from workflows.console.graph import GraphStep, draw

    waits = [needs(at) for at in range(MOST)]
    layout = lay_out([80] * MOST, waits)
    assert layout.width < 4_000
    assert layout.height < 25_000
    steps = [
        GraphStep(at + 1, f"s{at}", "W" * 120, "person", tuple(one + 1 for one in waits[at]))
        for at in range(MOST)
    ]
    assert len(draw(steps)) < 700_000


def test_only_who_closes_a_circle_is_told_so_and_who_waits_for_it_is_not():
    layout = lay_out([80] * 4, [[2], [0], [1], [2]])
    assert len(layout.circular) == 1
    assert layout.circular <= {0, 1, 2}
    assert (2, 3) in {(line.above, line.below) for line in layout.lines}


def test_a_plan_without_steps_has_no_drawing():
    from workflows.console.graph import draw

    assert lay_out([], []).boxes == ()
    assert draw([]) == ""


# --- what it says -----------------------------------------------------------------------------------


class Elements(HTMLParser):
    """Every element with its attributes, and every text with the element that it is in."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.texts, self.open = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"{tag} is closed out of turn"

    def handle_data(self, text):
        self.texts.append((self.open[-1] if self.open else "", text))


def drawn(*steps, states=None, **more):
    from workflows.console.graph import draw

    return Elements(draw(steps, states, **more))


def step(number=1, **more):
    from workflows.console.graph import GraphStep

    return GraphStep(
        **{
            "number": number,
            "step_id": f"s{number}",
            "title": f"Step no {number}",
            "done_by": "program",
            **more,
        }
    )


def words_of(found, kind):
    return [text for tag, text in found.texts if tag == kind]


def test_a_box_shows_its_number_kind_title_condition_approval_and_problems_and_leads_to_its_step():
    found = drawn(
        step(1),
        step(
            2, title="Call out the crew", done_by="person", after=(1,), condition="the severity is high",
            approval="Supervisor", errors=2, warnings=1, who="Water Supply",
        ),
    )  # fmt: skip
    text = " ".join(words_of(found, "text"))
    for shown in (
        "People",
        "Call out the crew",
        "Only if the severity",
        "Needs a yes:",
        "2 errors",
        "1 warning",
    ):
        assert shown in text
    links = [attributes for tag, attributes in found.elements if tag == "a"]
    assert [link["href"] for link in links] == ["#step-1", "#step-2"]
    assert links[1]["aria-label"] == (
        "Step 2: Call out the crew. People, Water Supply. After step 1. Only if the severity is high. "
        "Needs a yes: Supervisor. 2 errors. 1 warning."
    )
    assert {"md-graph-person", "md-graph-if"} <= set(links[1]["class"].split())


def test_the_words_beside_the_picture_say_all_that_the_picture_says():
    found = drawn(step(1), step(2, after=(1,), missing=1), step(3, after=(3,)))
    assert words_of(found, "bdi") == [
        "Step 1: Step no 1. Automatic. Starts at once.",
        "Step 2: Step no 2. Automatic. After step 1. Waits for a step that is not in the plan.",
        "Step 3: Step no 3. Automatic. After step 3. Waits in a circle for itself.",
    ]


def test_the_drawing_has_a_name_a_description_and_a_place_that_the_keyboard_can_scroll():
    found = drawn(step(1), name="run-7")
    ids = {attributes["id"] for _, attributes in found.elements if "id" in attributes}
    svg = next(attributes for tag, attributes in found.elements if tag == "svg")
    assert {svg["aria-labelledby"], svg["aria-describedby"]} <= ids
    assert all(one.startswith("run-7") for one in ids)
    pane = next(attributes for _, attributes in found.elements if attributes.get("role") == "region")
    assert pane["tabindex"] == "0"


def test_states_are_classes_and_words():
    from workflows.plan.states import StepStatus

    statuses = [status.value for status in StepStatus]
    steps = [step(at, step_id=status) for at, status in enumerate(statuses, 1)]
    found = drawn(*steps, states={status: status for status in statuses})
    links = [attributes for tag, attributes in found.elements if tag == "a"]
    for status, link in zip(statuses, links, strict=True):
        assert f"md-is-{status}" in link["class"].split()
    text = words_of(found, "text")
    for word in ("Pending", "Waiting", "Running", "Completed", "Failed", "Skipped", "Undone", "Cancelled"):
        assert word in text


def test_nothing_in_the_drawing_needs_a_script_or_an_inline_style():
    found = drawn(step(1), step(2, done_by="clock", after=(1,)), step(3, done_by="?"))
    for tag, attributes in found.elements:
        assert tag not in {"script", "style", "foreignobject", "image", "use"}
        assert not {name for name in attributes if name == "style" or name.startswith("on")}


@pytest.mark.parametrize("text", [*HOSTILE, "x" * 5_000, "水" * 200, "\u0301" * 500, "</svg></a></title>"])
def test_hostile_words_are_only_words(text):
    plain = drawn(step(1, condition="a", approval="b", who="c"), states={"s1": "running"})
    found = drawn(
        step(1, title=text, condition=text, approval=text, who=text, url="#" + text), states={"s1": text}
    )
    known = {tag for tag, _ in plain.elements}
    assert {tag for tag, _ in found.elements} <= known
    assert all(
        set(attributes) <= {name for tag, given in plain.elements for name in given}
        for _, attributes in found.elements
    )
    title = next(text for tag, text in found.texts if tag == "title" and not text.startswith("The steps"))
    assert title == text


@given(st.text(max_size=300), st.integers(2, 30), st.integers(1, 4))
def test_wrapped_text_fits_and_says_when_there_is_more(text, across, most):
    from workflows.console.graph import wrapped

    lines = wrapped(text, across, most)
    assert len(lines) <= most
    said = re.sub(r"\s", "", "".join(lines))
    whole = "".join(text.split())
    assert said == whole or (said.endswith("…") and whole.startswith(said[:-1]))


def test_a_compiled_plan_is_drawn_like_the_plan_that_was_read():
    from workflows.console.graph import steps_of_cards, steps_of_plan
    from workflows.console.review import review
    from workflows.plan.catalogue import CORE_CATALOGUE
    from workflows.plan.compiler import compile_plan
    from workflows.plan.schema import normalise

    document = normalise(
        {
            "schema_version": 1,
            "workflow_name": "A plan",
            "steps": [
                {"step_id": "wait", "activity_id": "wait_until", "title": "Wait", "inputs": {"for": "PT1H"}},
                {
                    "step_id": "order", "activity_id": "order_contractor", "title": "Order", "needs": ["wait"],
                    "when": {"eq": ["{{ issue.urgency }}", "high"]},
                    "inputs": {"department": "water", "scope": "Dig", "cost_limit": 100},
                },
            ],
        },
        CORE_CATALOGUE,
    )  # fmt: skip
    read = steps_of_cards(review(document, [], catalogue=CORE_CATALOGUE, departments={}).cards)
    running = steps_of_plan(compile_plan(document, CORE_CATALOGUE))
    for one, other in zip(read, running, strict=True):
        assert (one.number, one.step_id, one.title, one.done_by) == (
            other.number,
            other.step_id,
            other.title,
            other.done_by,
        )
        assert (one.after, one.condition, bool(one.approval)) == (
            other.after,
            other.condition,
            bool(other.approval),
        )
