"""A city with its departments, people of three kinds, and a policy. Imports what needs Django when it is asked for.

| fixture | what |
| --- | --- |
| ``city`` | the departments and categories that ship |
| ``samples`` | the same with the policies that ship, in force |
| ``supervisor`` | manages policies of the whole city and of every department |
| ``lighter`` | a supervisor limited to the lighting department |
| ``gardener`` | a supervisor limited to the parks department |
| ``viewer`` | reads |
| ``lamps`` | a DRAFT of the lighting department, by ``lighter`` |
"""

from io import StringIO

import pytest

LAMPS = """# Street lighting

## Repair times

A single lamp that is out is repaired within ten working days.

## Danger

A leaning lamp post is fenced off within two hours.
"""


@pytest.fixture
def city(db):
    from tests import factories

    factories.load_city()


@pytest.fixture
def samples(city):
    from django.core.management import call_command

    call_command("load_sample_policies", stdout=StringIO())


@pytest.fixture
def supervisor(city):
    from tests import factories

    return factories.make_user("supervisor")


@pytest.fixture
def lighter(city):
    from tests import factories

    return factories.make_user("supervisor", departments=("lighting",))


@pytest.fixture
def gardener(city):
    from tests import factories

    return factories.make_user("supervisor", departments=("parks",))


@pytest.fixture
def viewer(city):
    from tests import factories

    return factories.make_user("viewer")


@pytest.fixture
def lamps(lighter):
    from issues.models import Department
    from workflows.policies.services import create_policy

    department = Department.objects.get(code="lighting")
    return create_policy(heading="Street lighting", text=LAMPS, department=department, by=lighter)
