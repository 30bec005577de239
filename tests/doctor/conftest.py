"""One site for all of these tests, looked at by a doctor in a process of its own: whatever a test broke is started
again before the next."""

import json
import subprocess

import pytest

from mudda.devstack.processes import manage
from mudda.environment import BASE_DIR
from tests.doctor.warm import LONGEST, Warm
from tests.faults.conftest import city, office, one_city  # noqa: F401 - fixtures


class Doctor:
    """Runs ``manage.py doctor`` on a site."""

    def __init__(self, site, warm):
        self.site, self.warm = site, warm

    def run(self, *words, **variables):
        """The process, ended, with further variables. However busy the machine is, a check has time enough."""
        if "--timeout" not in words:
            words = (*words, "--timeout", "100")
        environment = {**self.site.environment, **variables}
        if "LD_PRELOAD" not in variables:
            return self.warm.run("doctor", *words, environment=environment)
        return self.start(*words, environment=environment)

    def start(self, *words, environment):
        """As an operator does: a new Python."""
        command = manage("doctor", *words)
        return subprocess.run(
            command,
            cwd=BASE_DIR,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )

    def findings(self, *words, **variables):
        """What it tells machines: findings by the name of their check, and the exit code."""
        ended = self.run("--json", *words, **variables)
        assert ended.stdout.startswith("{"), ended.stdout + ended.stderr
        told = json.loads(ended.stdout)
        return {check["name"]: check["findings"] for check in told["checks"]}, ended.returncode


@pytest.fixture(scope="package")
def warm(tmp_path_factory):
    warm = Warm(tmp_path_factory.mktemp("warm"))
    yield warm
    warm.stop()


@pytest.fixture
def doctor(city, warm):  # noqa: F811
    return Doctor(city.site, warm)
