"""The claim that keeps a model's versions; unless the user wants it so, it does not go with the model."""

from catdog_operator.manifests.common import Manifest, build_labels, build_owner
from catdog_operator.resolve import Resolved
from catdog_operator.resource import CatDogModel


def build_claim(model: CatDogModel, resolved: Resolved) -> Manifest | None:
    """Return the claim, or None where the user has one of their own."""
    if (claim := resolved.claim) is None:
        return None
    spec: Manifest = {
        "accessModes": [claim.access_mode],
        "resources": {"requests": {"storage": claim.size}},
    }
    if claim.storage_class_name is not None:  # "" is an answer too: no class
        spec["storageClassName"] = claim.storage_class_name
    owners = {"ownerReferences": [build_owner(model)]} if claim.when_deleted == "Delete" else {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": resolved.claim_name,
            "namespace": model.namespace,
            "labels": build_labels(model, "storage"),
            **owners,
        },
        "spec": spec,
    }
