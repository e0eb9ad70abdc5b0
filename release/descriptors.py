"""How a form of OpenShift's console shows each field of the resource: made from the CRD's schema.

The words of x-descriptors are the console's:
https://github.com/openshift/console/blob/main/frontend/packages/operator-lifecycle-manager/src/components/descriptors/reference/reference.md
"""

import re
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
Descriptor = dict[str, Any]

_CONSOLE = "urn:alm:descriptor:com.tectonic.ui:"
_KUBERNETES = "urn:alm:descriptor:io.kubernetes:"

_WIDGET_OF_TYPE = {"boolean": "booleanSwitch", "integer": "number", "number": "number", "string": "text"}
# By the ends of paths: what names an object is chosen from those that are there.
_KIND_NAMED_BY = {
    "Secret.name": "Secret",
    "secretName": "Secret",
    "claimName": "PersistentVolumeClaim",
    "existingClaim": "PersistentVolumeClaim",
    "storageClassName": "StorageClass",
    "strimzi.name": "kafka.strimzi.io:v1:Kafka",
    "access.name": "access.strimzi.io:v1alpha1:KafkaAccess",
}
_STATUS_WIDGETS = {
    "phase": "urn:alm:descriptor:io.kubernetes.phase",
    "conditions": "urn:alm:descriptor:io.kubernetes.conditions",
}
# What few people set is folded away.
_ADVANCED = re.compile(
    r"pod\.|seed$|backoffLimit$|activeDeadlineSeconds$|maxBatch|startFrom$|whenDeleted$|consumerGroup$|partitions$"
)
_SPELLED = {"s3": "S3", "ca": "CA", "tls": "TLS", "id": "ID"}


def build_spec_descriptors(spec: Schema) -> list[Descriptor]:
    """Return a descriptor of each field that holds a value, by its path in the spec."""
    return [_describe(path, field, _spec_widgets(path, field)) for path, field in fields_of(spec)]


def build_status_descriptors(status: Schema) -> list[Descriptor]:
    """Return a descriptor of each value in the status, and of the conditions; other lists have no view."""
    return [
        _describe(path, field, [_STATUS_WIDGETS.get(path, f"{_CONSOLE}text")])
        for path, field in fields_of(status)
        if field["type"] != "array" or path in _STATUS_WIDGETS
    ]


def fields_of(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield the fields that a person fills in or reads, each with its path: the schema's leaves.

    A pod's resources are one field, since one widget fills them in.
    """
    for name, field in schema["properties"].items():
        inner = f"{path}.{name}".removeprefix(".")
        if "properties" in field and name != "resources":
            yield from fields_of(field, inner)
        else:
            yield inner, field


def _describe(path: str, field: Schema, widgets: list[str]) -> Descriptor:
    return {
        "path": path,
        "displayName": title_of(path),
        "description": " ".join(field["description"].split()),
        "x-descriptors": widgets,
    }


def title_of(path: str) -> str:
    """Return a path in words: `training.dataset.s3.bucket` is "Training dataset S3 bucket"."""
    words = re.findall(r"[A-Z]?[a-z0-9]+", path)
    spelled = " ".join(_SPELLED.get(word.lower(), word.lower()) for word in words)
    return spelled[0].upper() + spelled[1:]


def _spec_widgets(path: str, field: Schema) -> list[str]:
    widgets = _widgets(path, field)
    return [*widgets, f"{_CONSOLE}advanced"] if _ADVANCED.search(path) else widgets


def _widgets(path: str, field: Schema) -> list[str]:
    for end, kind in _KIND_NAMED_BY.items():
        if path.endswith(end):
            return [_KUBERNETES + kind]
    if path.endswith(".resources"):
        return [f"{_CONSOLE}resourceRequirements"]
    if path == "inference.replicas":
        return [f"{_CONSOLE}podCount"]
    if "enum" in field:
        return [f"{_CONSOLE}select:{value}" for value in field["enum"]]
    widget = _WIDGET_OF_TYPE.get(field["type"])
    return [_CONSOLE + widget] if widget else []
