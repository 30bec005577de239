"""The API held against its document by schemathesis: a small part of ``make fuzz``, the same every time."""

from tests.fuzz import callers
from tests.fuzz.running import Plan, read_document, run

SEED = 1
MAIN_JOB = ("/workflows/generate", "/workflows/{workflow_id}/approve", "/workflows/{workflow_id}/execute")
WANTED = {
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "positive_data_acceptance", "negative_data_rejection", "use_after_free",
    "ensure_resource_availability", "missing_required_header", "ignored_auth", "unsupported_method",
    "allow_header_conformance",
}  # fmt: skip


def test_nothing_is_found_as_a_service_account_and_the_links_lead_somewhere(live_web, service):
    document = read_document()
    plan = Plan(seed=SEED, examples=2, scenarios=8, phases=("examples", "fuzzing", "stateful"))
    outcome = run(live_web.url, service, document, plan)
    assert outcome.findings == []
    assert outcome.operations == operations_of(document)
    assert outcome.checks.keys() >= WANTED
    assert outcome.arrived.total() > 0


def test_nothing_is_found_where_everything_that_a_schema_says_is_broken_in_turn(live_web, service):
    plan = Plan(seed=SEED, examples=1, scenarios=1, phases=("coverage",))
    assert run(live_web.url, service, only(MAIN_JOB), plan).findings == []


def test_nothing_is_found_as_somebody_without_a_key_or_with_a_department(live_web, service):
    plan = Plan(seed=SEED, examples=1, scenarios=1, phases=("fuzzing",))
    for role in (callers.TIED, callers.NOBODY):
        assert run(live_web.url, callers.authorization_of(role), read_document(), plan).findings == [], role


def test_every_link_leads_to_an_operation_and_names_its_parameters(db):
    document = read_document()
    takes = {
        operation["operationId"]: {parameter["name"] for parameter in operation.get("parameters", ())}
        for path in document["paths"].values()
        for operation in path.values()
    }
    for source, link in links_of(document):
        names = {name.rpartition(".")[2] for name in link.get("parameters", {})}
        assert names <= takes[link["operationId"]], (source, link)


def test_what_is_answered_with_an_etag_can_be_asked_for_with_if_none_match(db):
    for path, operations in read_document()["paths"].items():
        read = operations.get("get", {"responses": {}})
        named = {parameter["name"] for parameter in read.get("parameters", ())}
        assert ("304" in read["responses"]) == ("If-None-Match" in named), path


def only(paths):
    """The document with these of its paths."""
    document = read_document()
    document["paths"] = {path: document["paths"][path] for path in paths}
    return document


def operations_of(document):
    return {f"{method.upper()} {path}" for path, found in document["paths"].items() for method in found}


def links_of(document):
    """The links of every answer, each with the id of its operation."""
    for path in document["paths"].values():
        for operation in path.values():
            for answer in operation["responses"].values():
                for link in answer.get("links", {}).values():
                    yield operation["operationId"], link
