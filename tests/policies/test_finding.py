"""Finding the passages that a citizen's words are about."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests import factories
from workflows.policies.evaluation import ask, recall
from workflows.policies.models import PolicyDocument
from workflows.policies.search import find_passages, search_passages
from workflows.policies.services import create_policy, publish_policy, revise_policy, withdraw_policy

QUESTIONS = Path(__file__).with_name("questions.jsonl")
REACHED_AT_5 = 0.95


@pytest.fixture
def samples(db):
    factories.load_city()
    call_command("load_sample_policies", stdout=StringIO())


def test_the_right_policy_is_among_the_first_five_passages(samples):
    said = StringIO()
    call_command("evaluate_policies", str(QUESTIONS), "--misses", stdout=said)
    print(said.getvalue())
    assert 0
