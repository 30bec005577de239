"""The worker dies without a word, in the middle of a step."""

from tests.faults.city import letter, note, until

SOON = {"timeout": "PT5S"}


def test_a_run_completes_after_a_restart_and_each_letter_is_sent_once(city):
    plan = city.approved(letter("before"), note("middle", **SOON), letter("after"))
    with city.database() as cursor:
        cursor.execute("LOCK TABLE issues_issuenote IN SHARE MODE")  # holds the step in its middle
        execution = city.execute(plan)
        until(lambda: city.step_row(execution, "middle")["status"] == "running")
        city.site.worker.kill()
    city.site.worker.start()
    city.ends(execution)
    step = city.step_row(execution, "middle")
    assert (step["attempts"], step["own_failures"]) == (2, 0)
    assert sorted(city.office.counts(execution).values()) == [1, 1]
    assert (
        len(city.rows("SELECT * FROM issues_issuenote WHERE effect_key LIKE %s", f"{execution}:middle:%"))
        == 1
    )
