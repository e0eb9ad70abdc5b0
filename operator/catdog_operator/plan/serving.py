"""Rules on the Deployment: which version its pods serve, and what can be said of them."""

import msgspec

from catdog_operator.manifests.common import Manifest
from catdog_operator.manifests.deployment import build_deployment
from catdog_operator.observed import Observed
from catdog_operator.plan.finding import Finding, no, yes
from catdog_operator.plan.kafka import KafkaPlan
from catdog_operator.plan.pod_trouble import find_complaint, find_pod_trouble, find_replica_trouble
from catdog_operator.plan.storage import drawn_to
from catdog_operator.plan.topics import remark_on_idle
from catdog_operator.plan.upkeep import UPKEEP_SECONDS, plan_upkeep, with_template
from catdog_operator.resolve import Resolved
from catdog_operator.views import VERSION_LABEL, Deployment

EVENTS_SECONDS = 10.0  # between two looks at the Events and logs of pods in trouble


class ServingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The Deployment to have; None leaves what is there as it is."""

    finding: Finding
    served_version: int | None = None
    complete: bool = False  # the wanted version serves with all replicas ready
    rolling_out: bool = False
    wanted: Manifest | None = None
    upkeep: bool = False  # the pods are replaced though neither the version nor the resource has changed
    look_again: float | None = None


def plan_serving(
    observed: Observed, resolved: Resolved, version: int | None, kafka: KafkaPlan
) -> ServingPlan:
    """Return the Deployment that serves `version`, and whether it does."""
    if version is None:
        return ServingPlan(finding=no("NotTrained", "there is no version to serve yet"))
    deployment = observed.deployment
    if kafka.connection is None or (deployment is None and not kafka.finding.holds):
        return ServingPlan(
            finding=no("WaitingForKafka", f"version {version} waits for Kafka: {kafka.finding.message}"),
            served_version=_served_version(observed, deployment),
        )
    wanted = build_deployment(
        observed.model,
        resolved,
        observed.surroundings,
        version=version,
        connection=kafka.connection,
        near=drawn_to(observed, resolved),
    )
    complete = deployment is not None and _is_complete(deployment, observed, version)
    upkeep = plan_upkeep(observed, deployment, wanted, version)
    return ServingPlan(
        finding=_find_serving(observed, resolved, version, complete=complete),
        served_version=version if complete else _served_version(observed, deployment),
        complete=complete,
        rolling_out=not complete,
        wanted=with_template(wanted, deployment) if upkeep in ("Defer", "Queue") else wanted,
        upkeep=upkeep == "Roll",
        look_again=_look_again(observed, complete=complete, queued=upkeep == "Queue"),
    )


def _look_again(observed: Observed, *, complete: bool, queued: bool) -> float | None:
    """Return the seconds to the next look at what no event tells of, None where there is no such thing."""
    if queued:
        return UPKEEP_SECONDS
    return None if complete and find_complaint(observed) is None else EVENTS_SECONDS


def _find_remark(observed: Observed, resolved: Resolved, serves: str) -> Finding:
    """Return that all is well, and what there is to say of it nevertheless."""
    if (complaint := find_complaint(observed)) is not None:  # which is told also when its pod is ready again
        return yes(complaint.reason, f"{serves}, but {complaint.message}")
    idle = remark_on_idle(observed, resolved.input, observed.model.spec.inference.replicas)
    return yes("MoreReplicasThanPartitions", f"{serves}, but {idle}") if idle else yes("Serving", serves)


def _find_trouble(observed: Observed) -> Finding | None:
    replicas = find_replica_trouble(observed.deployment) if observed.deployment else None
    return replicas or find_pod_trouble(observed.inference_pods, observed)


def _is_complete(deployment: Deployment, observed: Observed, version: int) -> bool:
    wanted, status = observed.model.spec.inference.replicas, deployment.status
    counts = (deployment.spec.replicas, status.replicas, status.updated_replicas, status.ready_replicas)
    return (
        deployment.version == version
        and status.observed_generation >= deployment.metadata.generation
        and all(count == wanted for count in counts)
    )


def _served_version(observed: Observed, deployment: Deployment | None) -> int | None:
    """Return the version that answers during a rollout: the last one, as long as a pod of it is ready."""
    if deployment is None:
        return None
    ready = {int(pod.metadata.labels.get(VERSION_LABEL, 0)) for pod in observed.inference_pods if pod.ready}
    inference = observed.model.status.inference
    last = inference.served_version if inference else None
    return last if last in ready or not ready else max(ready)


def _find_serving(observed: Observed, resolved: Resolved, version: int, *, complete: bool) -> Finding:
    wanted = observed.model.spec.inference.replicas
    ready = sum(pod.ready for pod in observed.inference_pods)
    if complete and wanted == 0:
        return no("ScaledToZero", f"version {version} serves when spec.inference.replicas is more than 0")
    if complete:
        replicas = "its one replica" if wanted == 1 else f"all {wanted} replicas"
        return _find_remark(observed, resolved, f"version {version} serves with {replicas} ready")
    if (trouble := _find_trouble(observed)) is not None:
        return trouble if ready == 0 else yes(trouble.reason, f"{_answering(ready)}, but {trouble.message}")
    if ready:
        return yes("RollingOut", f"version {version} is being rolled out; {_answering(ready)} meanwhile")
    return no("RollingOut", f"version {version} is being rolled out; no pod is ready yet")


def _answering(pods: int) -> str:
    return "1 pod answers" if pods == 1 else f"{pods} pods answer"
