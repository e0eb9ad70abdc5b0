"""Rules on what protects a model's pods: from the network, from each other, and from drains that take all."""

from catdog_operator.manifests.common import Manifest
from catdog_operator.manifests.disruption_budget import build_disruption_budget
from catdog_operator.manifests.network_policy import build_inference_policy, build_training_policy
from catdog_operator.observed import Observed
from catdog_operator.plan.kafka import KafkaPlan
from catdog_operator.plan.serving import ServingPlan
from catdog_operator.resolve import Resolved


def plan_protection(
    observed: Observed, resolved: Resolved, kafka: KafkaPlan, serving: ServingPlan
) -> tuple[Manifest, ...]:
    """Return the policies and the budget to have; they go with the model."""
    model = observed.model
    servers = kafka.connection.bootstrap_servers if kafka.connection is not None else None
    policies = []
    if (
        servers is not None or model.spec.training.dataset.kafka is None
    ):  # else a trainer may be there already
        policies.append(build_training_policy(model, servers))
    if servers is not None:
        policies.append(build_inference_policy(model, servers))
    if serving.wanted is not None:
        return (*policies, build_disruption_budget(model, resolved))
    return tuple(policies)
