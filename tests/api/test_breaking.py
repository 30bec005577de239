"""That no kind of break goes unnoticed, and that what breaks nobody is let through."""

import copy

import pytest

from tests.api.breaking import breaking_changes

PATH = "/leaks/{leak_id}"
STREET = {"type": "string", "maxLength": 200}
LEAK = {
    "type": "object",
    "required": ["id", "size", "found_by"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "size": {"enum": ["small", "large"], "type": "string"},
        "found_by": {"type": ["string", "null"]},
        "litres": {"type": "integer"},
        "street": {"$ref": "#/components/schemas/Street"},
        "repairs": {"type": "array", "items": {"$ref": "#/components/schemas/Leak"}},
        "crew": {"oneOf": [{"$ref": "#/components/schemas/Street"}, {"type": "null"}]},
    },
}
CHANGE = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"enum": ["small", "large"], "type": "string"},
        "note": {"type": "string", "maxLength": 500},
        "litres": {"type": "number", "minimum": 0},
        "place": {"type": "object", "properties": {"street": {"type": "string"}}},
        "photos": {"type": "array", "items": {"type": "string"}},
    },
}


def reference(name):
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def document():
    change = {
        "operationId": "change_leak",
        "security": [{"apiKey": []}, {"oauth2": ["leaks:write"]}],
        "parameters": [
            {"in": "path", "name": "leak_id", "required": True, "schema": {"type": "string"}},
            {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 200}},
        ],
        "requestBody": {"content": reference("Change"), "required": True},
        "responses": {"200": {"content": reference("Leak"), "headers": {"ETag": {}}}, "202": {}},
    }
    read = {"operationId": "read_leak", "security": [], "responses": {"200": {"content": reference("Leak")}}}
    schemas = {"Leak": LEAK, "Change": CHANGE, "Street": STREET}
    return copy.deepcopy(
        {"paths": {PATH: {"patch": change, "get": read}}, "components": {"schemas": schemas}}
    )


class Changed:
    """A document to change, by short names for its parts."""

    def __init__(self):
        self.document = document()
        self.path = self.document["paths"][PATH]
        self.operation = self.path["patch"]
        self.leak = self.document["components"]["schemas"]["Leak"]
        self.change = self.document["components"]["schemas"]["Change"]
        self.street = self.document["components"]["schemas"]["Street"]


def breaks(change):
    changed = Changed()
    change(changed)
    return breaking_changes(document(), changed.document)


def gone(members, name):
    del members[name]


BREAKS = [
    (lambda c: gone(c.path, "get"), "GET /leaks/{leak_id}: the operation is gone."),
    (lambda c: gone(c.document["paths"], PATH), "PATCH /leaks/{leak_id}: the operation is gone."),
    (lambda c: c.operation.update(operationId="edit_leak"), "operationId was change_leak and is edit_leak."),
    (lambda c: c.operation["security"][1].update(oauth2=["leaks:admin"]), "oauth2 needed ['leaks:write'] now"),
    (lambda c: c.operation["security"].pop(0), "apiKey needed nothing and is no way in any more."),
    (lambda c: c.operation["parameters"].pop(1), "the query parameter limit is gone."),
    (lambda c: c.operation["parameters"][1].update(required=True), "the query parameter limit is required now."),
    (lambda c: c.operation["parameters"][1]["schema"].update(maximum=100), "maximum was 200, and is 100."),
    (
        lambda c: c.operation["parameters"].append({"in": "query", "name": "why", "required": True}),
        "the query parameter why is new and required.",
    ),
    (lambda c: gone(c.operation, "requestBody"), "it takes no body any more."),
    (lambda c: c.path["get"].update(requestBody={"content": {}, "required": True}), "a body is required now."),
    (
        lambda c: c.operation["requestBody"].update(content={"text/plain": {}}),
        "the request is application/json no more.",
    ),
    (lambda c: gone(c.change["properties"], "note"), "the request, note: the field is gone."),
    (lambda c: c.change["required"].append("note"), "the request, note: the field is required now."),
    (
        lambda c: (c.change["required"].append("why"), c.change["properties"].update(why={})),
        "the request, why: the field is new and required.",
    ),
    (
        lambda c: c.change["properties"]["place"].update(required=["street"]),
        "the request, place/street: the field is required now.",
    ),
    (lambda c: c.change["properties"]["litres"].update(type="integer"), "litres: it was number, and is integer."),
    (lambda c: c.change["properties"]["size"]["enum"].pop(), "the request, size: the value large is gone."),
    (lambda c: c.change["properties"]["note"].update(enum=["a"]), "it was free, and is one of a."),
    (lambda c: c.change["properties"]["note"].update(maxLength=100), "maxLength was 500, and is 100."),
    (lambda c: c.change["properties"]["note"].update(minLength=1), "minLength was not limited, and is 1."),
    (lambda c: c.change["properties"]["note"].update(pattern="^a"), "pattern was None, and is ^a."),
    (lambda c: c.change["properties"]["photos"].update(items={"type": "integer"}), "the request, photos[]: it was"),
    (lambda c: c.change.update(additionalProperties=False), "fields of any name were taken, and are no more."),
    (lambda c: gone(c.operation["responses"], "202"), "the answer 202 is gone."),
    (lambda c: gone(c.operation["responses"]["200"]["headers"], "ETag"), "the answer 200 has no header ETag any more."),
    (lambda c: gone(c.leak["properties"], "litres"), "the answer 200, litres: the field is gone."),
    (lambda c: c.leak["required"].remove("id"), "the answer 200, id: the field may be left out now."),
    (lambda c: c.leak["properties"]["id"].update(type=["string", "null"]), "it was string, and is null or string."),
    (lambda c: c.leak["properties"]["litres"].update(type="number"), "it was integer, and is number."),
    (lambda c: c.leak["properties"]["size"]["enum"].remove("small"), "the answer 200, size: the value small is gone."),
    (lambda c: c.leak["properties"]["id"].update(format="date"), "format was uuid, and is date."),
    (lambda c: c.street.update(type="object"), "the answer 200, street: it was string, and is object."),
    (lambda c: c.street.update(type="object"), "the answer 200, crew: it was null or string, and is null or object."),
    (
        lambda c: c.leak["properties"].update(street={"oneOf": [STREET, {"type": "null"}]}),
        "the answer 200, street: it was string, and is null or string.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), BREAKS)
def test_a_break_is_told_with_its_place(change, words):
    found = breaks(change)
    assert any(words in told for told in found), found
    assert all(told.startswith(("PATCH /leaks/{leak_id}: ", "GET /leaks/{leak_id}: ")) for told in found)


ADDITIONS = [
    lambda c: c.path.update(delete={"operationId": "forget_leak", "responses": {}}),
    lambda c: c.document["paths"].update({"/leaks": {"get": {"operationId": "list_leaks", "responses": {}}}}),
    lambda c: c.operation["responses"].update({"409": {}}),
    lambda c: c.operation["parameters"].append({"in": "query", "name": "why", "schema": {}}),
    lambda c: c.operation["security"].append({"staffSession": []}),
    lambda c: c.change["properties"].update(why={"type": "string"}),
    lambda c: c.change["properties"]["size"]["enum"].append("huge"),
    lambda c: c.change["properties"]["note"].update(maxLength=1_000, type=["string", "null"]),
    lambda c: c.change["required"].remove("size"),
    lambda c: c.leak["properties"].update(cause={"type": "string"}),
    lambda c: c.leak["properties"]["size"]["enum"].append("huge"),
    lambda c: c.leak["properties"]["found_by"].update(type="string"),
    lambda c: c.leak["required"].append("litres"),
    lambda c: c.leak["properties"].update(street=STREET),
    lambda c: c.leak["properties"]["litres"].update(description="An estimate."),
]


@pytest.mark.parametrize("change", ADDITIONS)
def test_what_is_added_breaks_nobody(change):
    assert breaks(change) == []


def test_a_document_breaks_nothing_of_itself():
    assert breaking_changes(document(), document()) == []
