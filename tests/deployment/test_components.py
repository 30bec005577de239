"""What the image is made of, listed as CycloneDX has it, and asked about in a database of advisories."""

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mudda.devstack.surroundings import free_port

ROOT = Path(__file__).parents[2]
VENV = Path(sys.prefix)
DECLARE_NONE = {"protobuf", "uritemplate"}
"""Packages whose metadata name no licence. (Their texts do: BSD, and Apache or BSD.)"""
LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]+])?==(\S+)(?: ; (.*?))? \\$", re.MULTILINE)


def locked(file):
    """Name and version of each requirement of a lock file that is for a machine like this one."""
    found = (Requirement(f"{m[1]}=={m[2]}" + (f"; {m[3]}" if m[3] else "")) for m in read(file))
    return {
        (canonicalize_name(one.name), str(one.specifier)[2:])
        for one in found
        if one.marker is None or one.marker.evaluate()
    }


def read(file):
    return LOCKED.finditer((ROOT / file).read_text())


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """The list as text, made twice."""
    files = [tmp_path_factory.mktemp("sbom") / name for name in ("one.json", "two.json")]
    for file in files:
        subprocess.run([ROOT / ".ci/sbom", VENV, file], check=True, capture_output=True)
    return [file.read_text() for file in files]


def test_every_locked_package_is_listed_and_no_other(listed):
    components = json.loads(listed[0])["components"]
    assert {(canonicalize_name(one["name"]), one["version"]) for one in components} == locked(
        "requirements.txt"
    )
    assert len(components) > 50


def test_the_list_is_what_its_schema_has_and_a_wrong_one_is_seen(listed):
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(listed[0]) is None
    wrong = json.loads(listed[0])
    del wrong["components"][0]["name"]
    assert validator.validate_str(json.dumps(wrong)) is not None


def test_each_has_an_address_a_licence_and_what_it_depends_on_and_nothing_is_of_this_machine(listed):
    bom = json.loads(listed[0])
    assert bom["metadata"]["component"]["name"] == "mudda"
    assert all(
        one["purl"].startswith(f"pkg:pypi/{canonicalize_name(one['name'])}@") for one in bom["components"]
    )
    assert {one["name"] for one in bom["components"] if not one.get("licenses")} <= DECLARE_NONE
    depends = {one["ref"]: one.get("dependsOn", []) for one in bom["dependencies"]}
    [django] = [one["bom-ref"] for one in bom["components"] if canonicalize_name(one["name"]) == "django"]
    assert any("asgiref" in ref for ref in depends[django])
    assert listed[0] == listed[1], "the same every time"
    assert str(ROOT) not in listed[0] and str(VENV) not in listed[0]


# --- advisories -------------------------------------------------------------------------------------


class Advisories:
    """OSV's protocol: is anything known against this version of this package?"""

    def __init__(self, known):
        asked = self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                name, version = question["package"]["name"], question["version"]
                asked.append((name, version))
                assert question["package"]["ecosystem"] == "PyPI"
                body = json.dumps({"vulns": [advisory(name)]} if name in known else {}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/query"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def advisory(name):
    return {
        "schema_version": "1.7.0",
        "id": "GHSA-test-test-test",
        "published": "2026-01-05T00:00:00Z",
        "modified": "2026-01-05T00:00:00Z",
        "summary": "It can be had.",
        "affected": [
            {
                "package": {"name": name, "ecosystem": "PyPI"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9999.0"}]}],
            }
        ],
    }


def audit(url):
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "OSV_URL": url}
    return subprocess.run(
        [ROOT / ".ci/audit", VENV], env=environment, capture_output=True, text=True, check=False
    )


def test_every_locked_package_is_asked_about_the_tools_too(tmp_path):
    with Advisories(known=()) as service:
        ended = audit(service.url)
    assert ended.returncode == 0, ended.stderr
    assert "No known vulnerabilities found" in ended.stdout
    assert set(service.asked) == locked("requirements-dev.txt") > locked("requirements.txt")


def test_what_is_known_against_one_of_them_fails_the_audit_and_is_named():
    with Advisories(known={"pyyaml"}) as service:
        ended = audit(service.url)
    assert ended.returncode == 1, ended.stderr
    assert "GHSA-test-test-test" in ended.stdout and "9999.0" in ended.stdout and "pyyaml" in ended.stdout


def test_a_database_that_cannot_be_asked_is_no_good_news():
    ended = audit(f"http://127.0.0.1:{free_port()}/v1/query")
    assert ended.returncode == 2
    assert "could not be asked" in ended.stderr and ended.stdout == ""
