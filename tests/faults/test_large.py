"""What is too large for Temporal is refused at the door."""

import json

from tests.faults.city import note


def test_data_that_a_run_could_not_carry_is_refused_and_nothing_is_launched(city):
    plan = city.approved(note(inputs={"note": "{{ data.text }}"}))
    # Within the limit of a body, but each letter takes six bytes of what is handed to Temporal.
    body = json.dumps({"execution_data": {"text": "é" * 490_000}}, ensure_ascii=False).encode()
    headers = {"Authorization": f"Api-Key {city.keys['integration']}", "Content-Type": "application/json"}
    answer = city.http.post(f"/workflows/{plan}/execute", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "data_too_large")
    assert answer.json()["errors"][0]["pointer"] == "/execution_data"
    city.ends(city.execute(plan, text="short"))
