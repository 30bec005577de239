import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def _compiled():
    """As ``make install`` leaves the catalogues."""
    subprocess.run([ROOT / ".ci/catalogues", sys.prefix], check=True)
