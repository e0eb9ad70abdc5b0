"""How many workers may be taken away at once, when nodes are drained."""

from catdog_operator.manifests.common import Manifest, build_labels, build_owner
from catdog_operator.manifests.deployment import inference_selector
from catdog_operator.resolve import Resolved
from catdog_operator.resource import CatDogModel


def build_disruption_budget(model: CatDogModel, resolved: Resolved) -> Manifest:
    """Return the PodDisruptionBudget of a model's workers: one at a time, so that a drain always ends."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {
            "name": resolved.deployment_name,
            "namespace": model.namespace,
            "labels": build_labels(model, "inference"),
            "ownerReferences": [build_owner(model)],
        },
        "spec": {
            "maxUnavailable": 1,  # not minAvailable 1, which a single replica could never be drained under
            "unhealthyPodEvictionPolicy": "AlwaysAllow",  # a worker that does not run holds no drain up
            "selector": {"matchLabels": inference_selector(model)},
        },
    }
