"""Schemas of KEDA's and the Prometheus Operator's objects, of the fields that deploy/k8s uses and no others.

Written after KEDA's own definitions (Apache-2.0): ``config/crd/bases/keda.sh_scaledobjects.yaml`` and
``keda.sh_triggerauthentications.yaml`` for the objects, ``pkg/scalers/temporal.go`` (``temporalMetadata``) for the
trigger, whose values are all strings, and for its authentication. And after the Prometheus Operator's (Apache-2.0):
``example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml``.
"""

from typing import Any


def _closed(properties: dict[str, Any], *, required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


TEXT = {"type": "string", "minLength": 1}
NUMBER = {"type": "integer", "minimum": 0}
NUMBER_AS_TEXT = {"type": "string", "pattern": "^[0-9]+$"}

METADATA = _closed({"name": TEXT, "namespace": TEXT, "labels": {"type": "object"}}, required=("name",))

POLICY = _closed(
    {"type": {"enum": ["Pods", "Percent"]}, "value": NUMBER, "periodSeconds": NUMBER},
    required=("type", "value", "periodSeconds"),
)
SCALING = _closed(
    {"stabilizationWindowSeconds": NUMBER, "policies": {"type": "array", "items": POLICY, "minItems": 1}}
)

TEMPORAL_TRIGGER = _closed(
    {
        "type": {"const": "temporal"},
        "authenticationRef": _closed({"name": TEXT}, required=("name",)),
        "metadata": _closed(
            {
                "endpoint": {"type": "string", "pattern": "^[^:/]+:[0-9]+$"},
                "namespace": TEXT,
                "taskQueue": TEXT,
                "targetQueueSize": NUMBER_AS_TEXT,
                "activationTargetQueueSize": NUMBER_AS_TEXT,
                "queueTypes": {
                    "type": "string",
                    "pattern": "^(workflow|activity|nexus)(,(workflow|activity|nexus))*$",
                },
                "workerDeploymentName": TEXT,
                "workerDeploymentBuildId": TEXT,
            },
            required=("endpoint", "taskQueue"),
        ),
    },
    required=("type", "metadata"),
)

SCALED_OBJECT = _closed(
    {
        "apiVersion": {"const": "keda.sh/v1alpha1"},
        "kind": {"const": "ScaledObject"},
        "metadata": METADATA,
        "spec": _closed(
            {
                "scaleTargetRef": _closed(
                    {"name": TEXT, "kind": TEXT, "apiVersion": TEXT}, required=("name",)
                ),
                "pollingInterval": NUMBER,
                "cooldownPeriod": NUMBER,
                "minReplicaCount": NUMBER,
                "maxReplicaCount": NUMBER,
                "fallback": _closed(
                    {"failureThreshold": NUMBER, "replicas": NUMBER},
                    required=("failureThreshold", "replicas"),
                ),
                "advanced": _closed(
                    {
                        "horizontalPodAutoscalerConfig": _closed(
                            {"behavior": _closed({"scaleDown": SCALING, "scaleUp": SCALING})}
                        )
                    }
                ),
                "triggers": {"type": "array", "items": TEMPORAL_TRIGGER, "minItems": 1},
            },
            required=("scaleTargetRef", "triggers"),
        ),
    },
    required=("apiVersion", "kind", "metadata", "spec"),
)

TRIGGER_AUTHENTICATION = _closed(
    {
        "apiVersion": {"const": "keda.sh/v1alpha1"},
        "kind": {"const": "TriggerAuthentication"},
        "metadata": METADATA,
        "spec": _closed(
            {
                "secretTargetRef": {
                    "type": "array",
                    "items": _closed(
                        {
                            "parameter": {"enum": ["apiKey", "ca", "cert", "key", "keyPassword"]},
                            "name": TEXT,
                            "key": TEXT,
                        },
                        required=("parameter", "name", "key"),
                    ),
                }
            }
        ),
    },
    required=("apiVersion", "kind", "metadata", "spec"),
)

KEDA = {"ScaledObject": SCALED_OBJECT, "TriggerAuthentication": TRIGGER_AUTHENTICATION}

DURATION = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}
LABEL = {"type": "string", "pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"}
SELECTOR = _closed(
    {
        "matchLabels": {"type": "object"},
        "matchExpressions": {
            "type": "array",
            "items": _closed(
                {
                    "key": TEXT,
                    "operator": {"enum": ["In", "NotIn", "Exists", "DoesNotExist"]},
                    "values": {"type": "array", "items": TEXT},
                },
                required=("key", "operator"),
            ),
        },
    }
)
RELABELING = _closed(
    {
        "action": {"enum": ["replace", "keep", "drop", "labelmap", "labeldrop", "labelkeep", "hashmod"]},
        "sourceLabels": {"type": "array", "items": LABEL},
        "targetLabel": LABEL,
        "replacement": TEXT,
        "regex": TEXT,
    }
)
POD_MONITOR = _closed(
    {
        "apiVersion": {"const": "monitoring.coreos.com/v1"},
        "kind": {"const": "PodMonitor"},
        "metadata": METADATA,
        "spec": _closed(
            {
                "selector": SELECTOR,
                "podMetricsEndpoints": {
                    "type": "array",
                    "minItems": 1,
                    "items": _closed(
                        {
                            "port": TEXT,
                            "path": {"type": "string", "pattern": "^/"},
                            "interval": DURATION,
                            "relabelings": {"type": "array", "items": RELABELING},
                        },
                        required=("port",),
                    ),
                },
            },
            required=("selector", "podMetricsEndpoints"),
        ),
    },
    required=("apiVersion", "kind", "metadata", "spec"),
)

PROMETHEUS = {"PodMonitor": POD_MONITOR}
