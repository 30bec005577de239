"""What is too large for Temporal is refused at the door, and never stands in the way of others."""

import json

from tests.faults.city import note, until


def test_data_that_a_run_could_not_carry_is_refused_and_nothing_is_launched(city):
    plan = city.approved(note())
    # Within the limit of a body, but each letter takes six bytes of what is handed to Temporal.
    body = json.dumps({"execution_data": {"text": "é" * 490_000}}, ensure_ascii=False).encode()
    headers = {"Authorization": f"Api-Key {city.keys['integration']}", "Content-Type": "application/json"}
    answer = city.http.post(f"/workflows/{plan}/execute", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "data_too_large")
    assert answer.json()["errors"][0]["pointer"] == "/execution_data"
    city.ends(city.execute(plan))


def test_a_run_that_temporal_refuses_fails_with_the_reason_and_keeps_nobody_waiting(city):
    refused, other = city.approved(note()), city.approved(note())
    city.site.temporal.stop()
    refused, other = city.execute(refused), city.execute(other)
    with city.database() as cursor:  # as if it had been launched before there was a limit
        data = json.dumps({"text": "é" * 490_000})
        cursor.execute("UPDATE workflow_executions SET execution_data = %s WHERE id = %s", (data, refused))
        cursor.connection.commit()
    city.site.temporal.start()
    city.ends(other)
    until(lambda: city.execution(refused)["status"] == "failed")
    assert city.execution(refused)["failure"]["code"] == "temporal_refused"
