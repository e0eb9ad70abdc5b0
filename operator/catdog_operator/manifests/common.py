"""What all objects of a model have in common."""

from typing import Any

from catdog_operator.resource import CatDogModel
from catdog_operator.views import MODEL_LABEL

Manifest = dict[str, Any]

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
OPERATOR = "catdog-operator"


def build_labels(model: CatDogModel, component: str) -> dict[str, str]:
    """Return the labels of a child."""
    return {
        "app.kubernetes.io/name": "catdog",
        "app.kubernetes.io/component": component,
        MANAGED_BY_LABEL: OPERATOR,
        MODEL_LABEL: model.name,
    }


def build_owner(model: CatDogModel) -> Manifest:
    """Return the reference by which a child goes when the model goes.

    It does not block the owner's deletion: that would need a right to the resource's finalizers.
    """
    return {
        "apiVersion": "catdog.dev/v1alpha1",
        "kind": "CatDogModel",
        "name": model.name,
        "uid": model.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def without_empty(manifest: Manifest) -> Manifest:
    """Return `manifest` without keys whose value is None, an empty list or an empty dict."""
    return {key: value for key, value in manifest.items() if value not in (None, [], {}, "")}
