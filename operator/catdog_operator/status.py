"""Turns what is observed and what is planned into the status that a person reads. Pure."""

from datetime import datetime

import msgspec

from catdog_common.training import Progress
from catdog_operator.manifests.deployment import inference_selector
from catdog_operator.observed import Observed
from catdog_operator.plan import Plan
from catdog_operator.plan.finding import Finding, no, yes
from catdog_operator.plan.kafka import kafka_status
from catdog_operator.plan.refusal import explain_refusal
from catdog_operator.status_fields import (
    ConditionStatus,
    Failure,
    InferenceStatus,
    ModelStatus,
    ShadowStatus,
    TrainingProgress,
)


class Refusal(msgspec.Struct, frozen=True):
    """A write that the API server refused, and its words."""

    kind: str
    name: str
    message: str


REFUSED_CONDITION = {  # in which a refusal to write an object of a kind, or to read the kind, is told
    "PersistentVolumeClaim": "StorageReady",
    "KafkaTopic": "KafkaReady",
    "KafkaUser": "KafkaReady",
    "Kafka": "KafkaReady",
    "Job": "Trained",
    "Pod": "Trained",
    "Deployment": "Serving",
    "NetworkPolicy": "Serving",
    "PodDisruptionBudget": "Serving",
}


def build_status(observed: Observed, plan: Plan, refusals: tuple[Refusal, ...] = ()) -> ModelStatus:
    """Return the status of a model."""
    if observed.forbidden:
        return _build_blind_status(observed)
    findings = {
        "Ready": find_ready(observed, plan),
        "StorageReady": plan.storage,
        "KafkaReady": plan.kafka,
        "Trained": plan.training.finding,
        "Promoted": plan.promotion,
        "Serving": plan.serving.finding,
    }
    shadows = [each for each in refusals if _is_of_the_shadow(each, plan)]
    refusals = tuple(each for each in refusals if each not in shadows)
    findings |= _find_refused(findings["Ready"], refusals)
    if shadow := _explain(shadows[0]) if shadows else plan.shadow.finding:
        findings["Shadow"] = shadow
    return ModelStatus(
        observed_generation=observed.model.metadata.generation,
        phase=find_phase(plan, paused=observed.model.spec.paused, refused=bool(refusals)),
        conditions=tuple(_condition(kind, finding, observed) for kind, finding in findings.items()),
        progress=_progress(observed, plan),
        last_failure=_last_failure(observed, plan),
        versions=plan.versions,
        inference=_inference(observed, plan),
        training=plan.resolved.training,
        kafka=kafka_status(plan.resolved, plan.connection),
        history=plan.history,
    )


def _build_blind_status(observed: Observed) -> ModelStatus:
    """Return the status as it was, and that no more is known: half a view tells nothing."""
    listed = ", ".join(observed.forbidden)
    message = (
        f"the operator may not read {listed}, and leaves all as it is; "
        "give it its rights back: apply its manifests again"
    )
    former, blind = observed.model.status, Finding("Unknown", "Forbidden", message)
    kinds = ("Ready", *(REFUSED_CONDITION[kind] for kind in observed.forbidden if kind in REFUSED_CONDITION))
    told = {kind: _condition(kind, blind, observed) for kind in kinds}
    others = {each.type: each for each in former.conditions}
    conditions = tuple((others | told).values())
    return msgspec.structs.replace(former, conditions=conditions)


def find_ready(observed: Observed, plan: Plan) -> Finding:
    """Return whether the wanted version serves with all replicas ready, and if not, what is in its way."""
    if plan.serving.complete and observed.model.spec.inference.replicas == 0:
        return yes("ScaledToZero", plan.serving.finding.message)
    if plan.wanted_version is None:
        return plan.promotion if plan.training.finding.holds else plan.training.finding
    if plan.serving.wanted is None:
        return plan.kafka
    if not plan.serving.complete:
        return no(plan.serving.finding.reason, plan.serving.finding.message)
    return plan.serving.finding


def find_phase(plan: Plan, *, paused: bool, refused: bool = False) -> str:
    """Return the state of the model in one word; `refused` is something that it needs."""
    if paused:
        return "Paused"
    if refused:
        return "Degraded" if plan.serving.complete else "Pending"
    if plan.training.active:
        return "Training"
    if plan.serving.complete:
        well = plan.training.finding.holds and plan.kafka.holds and plan.storage.holds
        return "Serving" if well else "Degraded"
    if plan.serving.rolling_out:
        # Pods that were ready and complain are rolled out already.
        cut_off = plan.serving.finding.reason in ("KafkaUnusable", "OnlyBadImages")
        return "Degraded" if cut_off and plan.serving.served_version is not None else "RollingOut"
    refused = plan.wanted_version is None and plan.training.finding.holds
    return "Failed" if plan.training.failure or refused else "Pending"


def _find_refused(ready: Finding, refusals: tuple[Refusal, ...]) -> dict[str, Finding]:
    """Return the conditions that refusals speak in; one that is not Ready anyway says the first of them."""
    refused: dict[str, Finding] = {}
    for each in refusals:
        refused.setdefault(REFUSED_CONDITION[each.kind], _explain(each))
    if refused and not ready.holds:
        refused["Ready"] = next(iter(refused.values()))
    return refused


def _explain(refusal: Refusal) -> Finding:
    return explain_refusal(f"{refusal.kind} {refusal.name}", refusal.message)


def _is_of_the_shadow(refusal: Refusal, plan: Plan) -> bool:
    """Return whether what was refused is needed for the shadow alone."""
    topic = plan.resolved.shadow
    shadows = {("Deployment", plan.resolved.shadow_name), ("KafkaTopic", topic.name if topic else None)}
    return (refusal.kind, refusal.name) in shadows


def _condition(kind: str, finding: Finding, observed: Observed) -> ConditionStatus:
    return ConditionStatus(
        type=kind,
        status=finding.status,
        reason=finding.reason,
        message=finding.message,
        last_transition_time=_since(kind, finding, observed),
        observed_generation=observed.model.metadata.generation,
    )


def _since(kind: str, finding: Finding, observed: Observed) -> datetime:
    for former in observed.model.status.conditions:
        if (former.type, former.status) == (kind, finding.status):
            return former.last_transition_time
    return observed.now.replace(microsecond=0)


def _progress(observed: Observed, plan: Plan) -> TrainingProgress | None:
    if (job := plan.training.job) is None:
        return None
    former = observed.model.status.progress
    if observed.progress is None and former is not None and former.hash == job.hash:
        return former
    seen = observed.progress or Progress(stage="Starting")
    fields = msgspec.structs.asdict(seen)
    return TrainingProgress(**fields, hash=job.hash, job_name=job.metadata.name)


def _last_failure(observed: Observed, plan: Plan) -> Failure | None:
    last = plan.training.failure or observed.model.status.last_failure
    trained = {version.hash for version in plan.versions}
    return last if last is not None and last.hash not in trained else None


def _inference(observed: Observed, plan: Plan) -> InferenceStatus:
    status = observed.deployment.status if observed.deployment else None
    served = plan.serving.served_version
    accuracy = next((each.accuracy for each in plan.versions if each.version == served), None)
    return InferenceStatus(
        replicas=status.replicas if status else 0,
        ready_replicas=status.ready_replicas if status else 0,
        selector=",".join(f"{key}={value}" for key, value in inference_selector(observed.model).items()),
        served_version=served,
        accuracy=None if accuracy is None else round(accuracy, 4),
        shadow=_shadow(observed, plan),
    )


def _shadow(observed: Observed, plan: Plan) -> ShadowStatus | None:
    """Return what the shadow has told, now or before; nothing where none is asked for."""
    version, said = observed.model.spec.inference.shadow_version, observed.shadow_log.report
    if plan.shadow.finding is None or version is None:
        return None
    if said is None or said.version != version:
        former = observed.model.status.inference
        known = former.shadow if former else None
        return known if known is not None and known.version == version else None
    return ShadowStatus(
        version=version,
        since=said.since,
        records=said.records,
        unmatched=said.unmatched,
        skipped=said.skipped,
        champion_version=said.champion_version,
        agreement=_share(said.agreed, said.records),
        mean_confidence=_share(said.confidence, said.records),
        champion_mean_confidence=_share(said.champion_confidence, said.records),
    )


def _share(part: float, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
