"""deploy/k8s: each overlay is built, every object has its schema, and what they say of each other fits."""

import copy
import os
import re
import subprocess
import sysconfig
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from executions.temporal.worker import GRACE
from mudda.web import GRACE_SECONDS
from tests.deployment.schemas import KEDA, PROMETHEUS
from tests.ground.test_settings import problems_of

ROOT = Path(__file__).parents[2]
KUBECTL = Path(sysconfig.get_path("scripts")) / "kubectl"
OVERLAYS = ("self-hosted", "cloud")
VERSION = "1.36"
"""Of Kubernetes, whose schemas the objects are held against."""


def build(folder):
    ended = subprocess.run(
        [KUBECTL, "kustomize", ROOT / "deploy/k8s" / folder],
        env={"PATH": os.environ["PATH"], "HOME": "/nowhere"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert not ended.stderr  # where kustomize says what is deprecated
    return list(yaml.safe_load_all(ended.stdout))


@pytest.fixture(scope="module", params=OVERLAYS)
def objects(request):
    return build(f"overlays/{request.param}")


def one(objects, kind, name):
    (found,) = [thing for thing in objects if thing["kind"] == kind and thing["metadata"]["name"] == name]
    return found


def pods(objects):
    """The pods that the objects make, by the name of who makes them."""
    makers = [thing for thing in objects if thing["kind"] in ("Deployment", "Job", "CronJob")]
    made = {thing["metadata"]["name"]: thing["spec"].get("jobTemplate", thing) for thing in makers}
    return {name: thing["spec"]["template"] for name, thing in made.items()}


def containers(pod):
    return pod["spec"].get("initContainers", []) + pod["spec"]["containers"]


def settings_of(objects):
    (settings,) = [thing for thing in objects if thing["kind"] == "ConfigMap"]
    return settings


def check(thing):
    """Raises where an object is not what its schema has."""
    if thing["apiVersion"].startswith("keda.sh/"):
        jsonschema.validate(thing, KEDA[thing["kind"]])
    elif thing["apiVersion"].startswith("monitoring.coreos.com/"):
        jsonschema.validate(thing, PROMETHEUS[thing["kind"]])
    else:
        kubernetes_validate.validate(thing, VERSION, strict=True)


def test_every_object_has_its_schema(objects):
    assert len(objects) >= 15
    for thing in objects:
        check(thing)


@pytest.mark.parametrize("kind", ["Deployment", "Job", "CronJob", "ScaledObject", "NetworkPolicy"])
def test_a_misspelt_field_would_be_seen(objects, kind):
    thing = copy.deepcopy(next(thing for thing in objects if thing["kind"] == kind))
    thing["spec"]["replicaz"] = 3
    with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
        check(thing)


def test_the_guides_names_and_numbers():
    base = build("base")
    worker, api = one(base, "Deployment", "temporal-worker"), one(base, "Deployment", "api-server")
    assert (worker["spec"]["replicas"], api["spec"]["replicas"]) == (3, 2)
    for thing in (worker, api):
        name = thing["metadata"]["name"]
        assert thing["spec"]["selector"]["matchLabels"] == {"app": name}
        assert thing["spec"]["template"]["metadata"]["labels"]["app"] == name
        url = next(
            given
            for given in containers(thing["spec"]["template"])[0]["env"]
            if given["name"] == "DATABASE_URL"
        )
        assert url["valueFrom"]["secretKeyRef"] == {"name": "db-credentials", "key": "url"}


def test_the_settings_together_with_the_secrets_let_everything_start(objects):
    secrets = {
        "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "DATABASE_URL": "postgresql+asyncpg://user:pass@db.example.org:5432/mudda_ai",
    }
    found = problems_of(settings_of(objects)["data"] | secrets)
    # Certificates are mounted, and not on this machine; that they are mounted everywhere is asked below.
    assert [problem for problem in found if "mudda.E002" not in problem] == []


def test_what_a_pod_refers_to_is_there(objects):
    settings = settings_of(objects)
    files = [value for name, value in settings["data"].items() if name.startswith("TEMPORAL_TLS_")]
    for pod in pods(objects).values():
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        for container in containers(pod):
            assert container["envFrom"][0]["configMapRef"]["name"] == settings["metadata"]["name"]
            mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
            assert set(mounts) <= volumes
            for file in files:
                assert any(Path(file).is_relative_to(path) for path in mounts.values()), (
                    container["name"],
                    file,
                )


def test_no_secret_is_in_the_files(objects):
    assert not [thing for thing in objects if thing["kind"] == "Secret"]
    data = settings_of(objects)["data"]
    assert not [name for name in data if re.search("SECRET|PASSWORD|API_KEY|DATABASE_URL", name)]


def test_no_pod_has_more_power_than_it_needs(objects):
    for pod in pods(objects).values():
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert container["resources"]["limits"].keys() == {"memory"}
            assert container["image"] == "your-registry/mudda:your-commit"
            assert container["args"][0] in commands()


def commands():
    """The commands of the project, and Django's that we use."""
    return {path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")} | {"migrate"}


def test_both_are_probed_at_the_start_for_work_and_for_life_under_a_name_that_is_allowed(objects):
    allowed = settings_of(objects)["data"]["ALLOWED_HOSTS"].split(",")
    for name, ready in (("api-server", "/readyz?without=temporal"), ("temporal-worker", "/readyz")):
        (container,) = containers(pods(objects)[name])
        paths = {kind: container[kind]["httpGet"]["path"] for kind in container if kind.endswith("Probe")}
        assert paths == {"startupProbe": "/healthz", "readinessProbe": ready, "livenessProbe": "/healthz"}
        ports = {port["name"] for port in container["ports"]}
        for kind in paths:
            asked = container[kind]["httpGet"]
            assert asked["port"] in ports
            for header in asked.get("httpHeaders", []):
                assert header["value"] in allowed


def test_a_pod_is_given_longer_to_end_than_its_process_takes(objects):
    web, worker = pods(objects)["api-server"]["spec"], pods(objects)["temporal-worker"]["spec"]
    away = web["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert web["terminationGracePeriodSeconds"] >= away + GRACE_SECONDS + 5
    assert worker["terminationGracePeriodSeconds"] >= GRACE.total_seconds() + 15


def test_disruptions_and_nodes_never_take_all_at_once(objects):
    for name, least in (("api-server", 1), ("temporal-worker", 2)):
        budget = one(objects, "PodDisruptionBudget", name)["spec"]
        assert budget["minAvailable"] == least
        assert budget["selector"]["matchLabels"] == {"app": name}
        spread = pods(objects)[name]["spec"]["topologySpreadConstraints"]
        assert {rule["topologyKey"] for rule in spread} == {
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        }


def test_traffic_is_denied_but_for_what_is_named(objects):
    policies = {
        thing["metadata"]["name"]: thing["spec"] for thing in objects if thing["kind"] == "NetworkPolicy"
    }
    assert policies["deny-all"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    ports = {
        port["port"]
        for policy in policies.values()
        for rule in policy.get("egress", [])
        for port in rule["ports"]
    }
    assert ports == {53, 443, 465, 587, 4318, 5432, 7233}
    into = [name for name, policy in policies.items() if "ingress" in policy]
    assert set(into) == {"the-api-is-called-through-the-ingress", "metrics-are-read-by-prometheus"}


def test_metrics_are_scraped_from_every_pod_that_works_on_a_port_that_no_service_has(objects):
    (monitor,) = [thing for thing in objects if thing["kind"] == "PodMonitor"]
    (wanted,) = monitor["spec"]["selector"]["matchExpressions"]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    said = settings_of(objects)["data"]["METRICS_PORT"]
    for name in ("api-server", "temporal-worker"):
        pod = one(objects, "Deployment", name)["spec"]["template"]
        assert pod["metadata"]["labels"]["app"] in wanted["values"]
        ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
        assert str(ports[endpoint["port"]]) == said
    served = [
        port["targetPort"]
        for thing in objects
        if thing["kind"] == "Service"
        for port in thing["spec"]["ports"]
    ]
    assert served and endpoint["port"] not in served


def test_back_ups_are_made_checked_and_tidied_up_by_the_clock_with_the_storage_at_hand(objects):
    clocked = {thing["metadata"]["name"] for thing in objects if thing["kind"] == "CronJob"}
    given = {name: containers(pods(objects)[name])[0]["args"] for name in clocked}
    assert given == {
        "backup": ["backup"],
        "check-backup": ["restore", "latest", "--check"],
        "archive-executions": ["archive_executions", "--older-than=730"],
        "apply-retention": ["apply_retention"],
    }
    for name in clocked:
        volumes = pods(objects)[name]["spec"]["volumes"]
        assert {"name": "data", "persistentVolumeClaim": {"claimName": "mudda-data"}} in volumes
    assert settings_of(objects)["data"]["BACKUP_TO"].startswith("s3://")


def test_the_ingress_leads_to_the_api(objects):
    rule = one(objects, "Ingress", "api-server")["spec"]["rules"][0]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    service = one(objects, "Service", backend["name"])["spec"]
    assert backend["port"]["name"] in {port["name"] for port in service["ports"]}
    assert service["selector"].items() <= pods(objects)["api-server"]["metadata"]["labels"].items()
    data = settings_of(objects)["data"]
    assert rule["host"] in data["ALLOWED_HOSTS"].split(",")
    assert data["PUBLIC_URL"] == f"https://{rule['host']}"


def test_workers_are_added_by_the_queue_that_they_poll_and_an_apply_does_not_take_them_away(objects):
    data = settings_of(objects)["data"]
    scaled = one(objects, "ScaledObject", "temporal-worker")["spec"]
    told = scaled["triggers"][0]["metadata"]
    assert told["endpoint"] == data["TEMPORAL_HOST"]
    assert told["namespace"] == data["TEMPORAL_NAMESPACE"]
    assert told["taskQueue"] == data["TEMPORAL_TASK_QUEUE"]
    assert told["workerDeploymentName"] == data["TEMPORAL_DEPLOYMENT_NAME"]
    assert told["workerDeploymentBuildId"] == data["TEMPORAL_BUILD_ID"]
    assert scaled["minReplicaCount"] == 3
    assert "replicas" not in one(objects, "Deployment", "temporal-worker")["spec"]


def test_a_roll_out_keeps_the_old_until_the_new_can_work(objects):
    for name in ("api-server", "temporal-worker"):
        assert one(objects, "Deployment", name)["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert containers(pods(objects)["make-build-current"])[0]["args"][0] == "make_build_current"
    assert [container["args"][0] for container in containers(pods(objects)["migrate"])] == [
        "migrate",
        "load_reference_data",
    ]
