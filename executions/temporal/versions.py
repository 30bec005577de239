"""Worker Versioning: which build of the worker is given the work."""

import asyncio

from django.conf import settings
from temporalio.api.enums.v1 import RoutingConfigUpdateState
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

from mudda.temporal import DEADLINE

ROUTING_SECONDS = 30.0

ROUTED = RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_COMPLETED


class NotYet(Exception):
    """The build cannot be made current now; it can be once its workers poll every task queue and Temporal answers."""


async def make_current(client: Client, deployment: str, build: str) -> None:
    """Make ``build`` the current version of ``deployment``; return when every task queue knows it. Twice is harmless.

    Temporal refuses while the build's workers do not poll all task queues that the current version's do.

    Raises:
        NotYet: Temporal does not know the build, or refused, or didn't answer; says why.
    """
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=settings.TEMPORAL_NAMESPACE,
        deployment_name=deployment,
        build_id=build,
        identity=client.identity,
    )
    try:
        await client.workflow_service.set_worker_deployment_current_version(request, timeout=DEADLINE)
        async with asyncio.timeout(ROUTING_SECONDS):
            while not await _is_routed(client, deployment):
                await asyncio.sleep(0.2)
    except TimeoutError as error:
        raise NotYet("the task queues have not been told yet.") from error
    except RPCError as error:
        raise NotYet(f"{error.status.name}: {error.message}") from error


async def _is_routed(client: Client, deployment: str) -> bool:
    """Whether the task queues have been told of the current version, which happens after the answer."""
    request = DescribeWorkerDeploymentRequest(
        namespace=settings.TEMPORAL_NAMESPACE, deployment_name=deployment
    )
    told = await client.workflow_service.describe_worker_deployment(request, timeout=DEADLINE)
    return told.worker_deployment_info.routing_config_update_state == ROUTED
