"""A message to a run is given up only once the run is gone, not because the settings name a wrong namespace."""

import pytest

from mudda import temporal

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_message_is_kept_while_temporal_does_not_know_the_namespace(temporal_server, settings, monkeypatch):
    with pytest.raises(temporal.WorkflowGone):
        temporal.signal_workflow("mudda-workflow-none", "steer", "pause")
    settings.TEMPORAL_NAMESPACE = "nowhere"
    monkeypatch.setattr(temporal, "_bridge", temporal._Bridge())  # as in a process that starts with it
    with pytest.raises(temporal.TemporalUnavailable):
        temporal.signal_workflow("mudda-workflow-none", "steer", "pause")
