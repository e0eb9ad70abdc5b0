"""Rules on the shadow: a version that answers beside the one that serves, and never in its way."""

import msgspec

from catdog_operator.manifests.common import Manifest
from catdog_operator.manifests.kafka_login import Connection
from catdog_operator.manifests.shadow_deployment import build_shadow_deployment
from catdog_operator.observed import Observed
from catdog_operator.plan.finding import Finding, no, yes
from catdog_operator.plan.kafka import KafkaPlan
from catdog_operator.plan.pod_trouble import find_pod_trouble, find_replica_trouble
from catdog_operator.plan.promotion import PromotionPlan, list_versions
from catdog_operator.plan.serving import EVENTS_SECONDS
from catdog_operator.plan.storage import drawn_to
from catdog_operator.plan.topics import topic_trouble
from catdog_operator.plan.upkeep import plan_upkeep, with_template
from catdog_operator.plan.versions import find_version
from catdog_operator.resolve import Resolved, ResolvedTopic
from catdog_operator.views import VERSION_LABEL, Deployment

REPORT_SECONDS = 15.0  # between two looks at the shadow's log, and at whether it is its turn to be replaced
INSTEAD = "take spec.inference.shadowVersion away, or name another version in it"


class ShadowPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The shadow's Deployment to have, and the one to delete; without a finding no shadow is asked for."""

    finding: Finding | None = None
    wanted: Manifest | None = None
    delete: Deployment | None = None
    look_again: float | None = None


def plan_shadow(
    observed: Observed, resolved: Resolved, promotion: PromotionPlan, kafka: KafkaPlan
) -> ShadowPlan:
    """Return what to do so that the version that `spec.inference.shadowVersion` names answers as well."""
    version, topic = observed.model.spec.inference.shadow_version, resolved.shadow
    there = observed.shadow_deployment
    leaving = there is not None and there.leaving
    if version is None or topic is None:
        return ShadowPlan(delete=None if leaving else there)
    if version == promotion.version:
        finding = no("ServesAlready", f"version {version} is the one that serves; {INSTEAD}")
        return ShadowPlan(finding=finding, delete=None if leaving else there)
    if resolved.is_shadow_among_others:
        finding = no(
            "TopicNamedTwice",
            f"the shadow's answers would lie among other records, in {topic.name}; "
            "name another topic in spec.kafka.topics.shadow",
        )
        return ShadowPlan(finding=finding, delete=None if leaving else there)
    if (obstacle := _find_obstacle(observed, promotion, kafka, version, topic)) is not None:
        another = there is not None and there.version != version and not leaving
        return ShadowPlan(finding=obstacle, delete=there if another else None)
    if leaving or kafka.connection is None:
        return ShadowPlan(finding=no("Starting", f"version {version} starts when its predecessor is gone"))
    wanted = _build(observed, resolved, kafka.connection, version, topic)
    upkeep = plan_upkeep(observed, there, wanted, version)
    finding = _find_shadowing(observed, version, topic)
    well = finding.holds or finding.reason == "ScaledToZero"
    return ShadowPlan(
        finding=finding,
        wanted=with_template(wanted, there) if upkeep in ("Defer", "Queue") else wanted,
        look_again=REPORT_SECONDS if well else EVENTS_SECONDS,
    )


def _find_obstacle(
    observed: Observed, promotion: PromotionPlan, kafka: KafkaPlan, version: int, topic: ResolvedTopic
) -> Finding | None:
    """Return why there is to be no shadow yet; one of this version that runs is left as it is."""
    if find_version(promotion.versions, version) is None:
        there = list_versions(promotion.versions)
        return no("VersionNotFound", f"version {version} is not on the claim; {there}; {INSTEAD}")
    if observed.deployment is None:
        return no("NothingServes", f"version {version} waits for a version that serves, to be beside it")
    if kafka.connection is None or (observed.shadow_deployment is None and not kafka.finding.holds):
        return no("WaitingForKafka", f"version {version} waits for Kafka: {kafka.finding.message}")
    made = observed.model.spec.kafka.strimzi is not None
    if made and observed.shadow_deployment is None:
        trouble = topic_trouble(observed, topic)
        if trouble:
            return no("TopicNotReady", trouble)
        if kafka.rights_pending:
            return no("UserNotReady", f"version {version} waits for its rights: {kafka.rights_pending}")
    return None


def _build(
    observed: Observed, resolved: Resolved, connection: Connection, version: int, topic: ResolvedTopic
) -> Manifest:
    return build_shadow_deployment(
        observed.model,
        resolved,
        observed.surroundings,
        version=version,
        topic=topic,
        connection=connection,
        near=drawn_to(observed, resolved),
    )


def _find_shadowing(observed: Observed, version: int, topic: ResolvedTopic) -> Finding:
    if observed.model.spec.inference.replicas == 0:
        return no("ScaledToZero", f"version {version} answers when spec.inference.replicas is more than 0")
    there = observed.shadow_deployment
    # A pod of the version before is there, and ready, for a moment after its Deployment names another.
    pods = [pod for pod in observed.shadow_pods if pod.metadata.labels.get(VERSION_LABEL) == str(version)]
    # What workers complain of is not the shadow's.
    as_seen = msgspec.structs.replace(observed, complaint=observed.shadow_log.complaint)
    trouble = (find_replica_trouble(there) if there else None) or find_pod_trouble(pods, as_seen)
    if trouble is not None:
        return trouble
    if there is not None and there.version == version and any(pod.ready for pod in pods):
        return yes("Shadowing", f"version {version} answers beside what serves, into topic {topic.name}")
    return no("Starting", f"version {version} is being started, and is not ready yet")
