"""The policies of an imaginary city that ship, so that there is something to find and to cite from the first day."""

from importlib import resources
from typing import Any
from uuid import UUID, uuid5

import yaml
from django.db import transaction

from issues.models import Department
from workflows.policies.importing import read_policy
from workflows.policies.models import PolicyDocument
from workflows.policies.services import create_policy, publish_policy

NAMESPACE = UUID("5f0c9d1e-6b0a-4f5e-9a53-0d7d6a2b7c41")
"""Of the ids of shipped documents: the same in every city, so that nothing is loaded twice."""


def shipped_id(name: str) -> UUID:
    """The id of the document that ships as ``samples/<name>.md``."""
    return uuid5(NAMESPACE, name)


def shipped() -> list[dict[str, Any]]:
    """What ships, as ``samples/index.yaml`` lists it: ``{"file": name, "department": code or absent}``."""
    rows: list[dict[str, Any]] = yaml.safe_load(_read("index.yaml"))
    return rows


@transaction.atomic
def sync_sample_policies() -> int:
    """Add and publish the shipped policies that are missing; what a city has changed stays as it is.

    Those of a department that the city doesn't have are left out. Returns how many were added.
    """
    departments = {row.code: row for row in Department.objects.all()}
    there = set(PolicyDocument.objects.values_list("pk", flat=True))
    added = 0
    for row in shipped():
        policy_id, code = shipped_id(row["file"]), row.get("department")
        if policy_id in there or code is not None and code not in departments:
            continue
        name = f"{row['file']}.md"
        policy = read_policy(_read(name).encode(), name)
        create_policy(
            heading=policy.heading,
            text=policy.text,
            source=policy.source,
            department=departments[code] if code else None,
            policy_id=policy_id,
        )
        publish_policy(policy_id=policy_id, version=1, by=None)
        added += 1
    return added


def _read(name: str) -> str:
    return resources.files("workflows.policies").joinpath("samples", name).read_text(encoding="utf-8")
