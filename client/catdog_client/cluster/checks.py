"""What `catdog doctor` makes of what it sees: whether it is well, and what to do if not. Pure."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from catdog_client.cluster.installed import Deployment, KafkaCluster
from catdog_client.cluster.model import Model
from catdog_client.cluster.models import GROUP, PLURAL, VERSION
from catdog_client.cluster.seen import (
    RIGHTS,
    STRIMZI_GROUP,
    STRIMZI_VERSION,
    Cluster,
    Hidden,
)

OLDEST = (1, 30)  # of Kubernetes, by the features that the operator uses
# What the commands set and read, and an older CRD may not have.
FIELDS = (
    "spec.paused",
    "spec.training.revision",
    "spec.inference.modelVersion",
    "spec.promotion.policy",
    "status.versions.verdict",
    "status.history.version",
    "status.progress.stage",
)
USERS_BY = ("tls", "scram-sha-512")  # what Strimzi makes users for
ROLE = "docs/how-to/command-line.md has a Role that suffices"

Verdict = Literal["ok", "fault", "unknown"]


class Check(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that has to be so; a remedy says what to do where it is not, or not seen, or may matter."""

    name: str
    verdict: Verdict
    message: str
    remedy: str | None = None


def check(cluster: Cluster) -> Iterator[Check]:
    """Yield each check, in the order in which faults are best mended."""
    yield _check_kubernetes(cluster)
    yield _check_crd(cluster)
    yield from _check_operator(cluster)
    yield _check_rights(cluster)
    yield _check_strimzi(cluster)
    yield from _check_kafkas(cluster)
    yield _check_storage(cluster)


def _check_kubernetes(cluster: Cluster) -> Check:
    version = ".".join(map(str, cluster.version))
    if cluster.version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return Check("Kubernetes", "fault", f"it is {version}", f"upgrade it to {oldest} or newer")
    return Check("Kubernetes", "ok", f"it is {version}")


def _check_crd(cluster: Cluster) -> Check:
    name = f"CRD {PLURAL}.{GROUP}"
    if not cluster.crd_versions:
        return Check(name, "fault", "it is not there", "install the operator: `kubectl apply -k manifests`")
    if VERSION not in cluster.crd_versions:
        served = ", ".join(cluster.crd_versions)
        remedy = (
            "use the catdog of the operator's release, or apply the CRD of this one: `kubectl apply -k crds`"
        )
        return Check(name, "fault", f"it serves {served}, and not {VERSION}", remedy)
    if missing := [field for field in FIELDS if field not in cluster.crd_fields]:
        return Check(
            name,
            "fault",
            f"it is of an older release: it lacks {', '.join(missing)}",
            "apply the manifests of this release",
        )
    return Check(name, "ok", f"it serves {VERSION}")


def _check_operator(cluster: Cluster) -> Iterator[Check]:
    if isinstance(cluster.operators, Hidden):
        yield _judge_operator_by_its_work(cluster)
    elif not cluster.operators:
        yield Check("operator", "fault", "it is not there", "install it: `kubectl apply -k manifests`")
    else:
        yield from (_check_deployment(each) for each in cluster.operators)


def _check_deployment(operator: Deployment) -> Check:
    where = f"Deployment {operator.metadata.name} in {operator.metadata.namespace}"
    if operator.status.available_replicas > 0:
        return Check("operator", "ok", f"{where} runs")
    if operator.spec.replicas == 0:
        scale = (
            f"kubectl scale -n {operator.metadata.namespace} deployment/{operator.metadata.name} --replicas=1"
        )
        return Check("operator", "fault", f"{where} is scaled to 0", f"`{scale}`")
    untrue = [each for each in operator.status.conditions if each.status == "False"]
    why = f": {untrue[0].message}" if untrue else ""
    look = f"kubectl logs -n {operator.metadata.namespace} deployment/{operator.metadata.name}"
    return Check("operator", "fault", f"{where} has no pod that is available{why}", f"see `{look}`")


def _judge_operator_by_its_work(cluster: Cluster) -> Check:
    """Say what the models tell of an operator whose Deployment may not be seen."""
    models = cluster.models if not isinstance(cluster.models, Hidden) else ()
    unseen = [each.name for each in models if not each.seen]
    remedy = "somebody who may list Deployments can look: `catdog doctor`"
    if unseen:
        return Check("operator", "unknown", f"it has not seen the last edit of {', '.join(unseen)}", remedy)
    if models:
        return Check("operator", "ok", f"it has seen the last edit of every model ({len(models)})")
    return Check(
        "operator", "unknown", "you may not see its Deployment, and there is no model to judge by", remedy
    )


def _check_rights(cluster: Cluster) -> Check:
    name = f"your rights in {cluster.namespace}"
    if not cluster.denied:
        return Check(name, "ok", "they suffice for every command but compare and plot")
    lacking = "; ".join(f"{right} (for {RIGHTS[right]})" for right in cluster.denied)
    return Check(name, "fault", f"you may not {lacking}", f"ask for them: {ROLE}")


def _check_strimzi(cluster: Cluster) -> Check:
    if STRIMZI_VERSION in cluster.strimzi_versions:
        return Check("Strimzi", "ok", f"its CRDs serve {STRIMZI_GROUP}/{STRIMZI_VERSION}")
    there = ", ".join(cluster.strimzi_versions)
    message = f"its CRDs serve {there}, and not {STRIMZI_VERSION}" if there else "its CRDs are not there"
    if _uses_other_kafka(cluster):
        return Check("Strimzi", "ok", f"{message}, and no model here asks for it")
    remedy = "install Strimzi 1.0 or newer, or name another Kafka in spec.kafka.bootstrapServers"
    return Check("Strimzi", "fault", message, remedy)


def _uses_other_kafka(cluster: Cluster) -> bool:
    models = cluster.models if not isinstance(cluster.models, Hidden) else ()
    return bool(models) and all(each.spec.kafka.strimzi is None for each in models)


def _check_kafkas(cluster: Cluster) -> Iterator[Check]:
    if STRIMZI_VERSION not in cluster.strimzi_versions:
        return
    if isinstance(cluster.kafkas, Hidden):
        yield Check("Kafka", "unknown", cluster.kafkas.message, f"ask for that right: {ROLE}")
        return
    there = {(each.metadata.namespace, each.metadata.name): each for each in cluster.kafkas}
    wanted = _wanted_kafkas(cluster)
    for place in sorted(wanted - there.keys()):
        remedy = "create it, or name another in spec.kafka.strimzi"
        yield Check(f"Kafka {'/'.join(place)}", "fault", "a model names it, and it is not there", remedy)
    if not there and not wanted and not _uses_other_kafka(cluster):
        remedy = (
            "create one, or name one elsewhere in spec.kafka.strimzi.namespace or spec.kafka.bootstrapServers"
        )
        yield Check("Kafka", "fault", f"namespace {cluster.namespace} has none", remedy)
    checks = {place: _check_kafka(there[place]) for place in sorted(there)}
    # Without any that is of use a first model would have none.
    is_provided = wanted or _uses_other_kafka(cluster) or "ok" in {each.verdict for each in checks.values()}
    for place, each in checks.items():
        yield _as_hint(each) if is_provided and place not in wanted else each


def _as_hint(check: Check) -> Check:
    """Return what is no fault as long as nobody asks for it."""
    if check.verdict == "ok":
        return check
    remedy = f"before a model names it: {check.remedy}"
    return Check(check.name, "ok", f"no model names it; {check.message}", remedy)


def _wanted_kafkas(cluster: Cluster) -> set[tuple[str, str]]:
    models: tuple[Model, ...] = cluster.models if not isinstance(cluster.models, Hidden) else ()
    named = [each.spec.kafka.strimzi for each in models]
    return {(each.namespace or cluster.namespace, each.name) for each in named if each is not None}


def _check_kafka(kafka: KafkaCluster) -> Check:
    name = f"Kafka {kafka.metadata.namespace}/{kafka.metadata.name}"
    settings = kafka.spec.kafka
    usable = [
        each
        for each in settings.listeners
        if each.authentication is None or each.authentication.type in USERS_BY
    ]
    listeners = ", ".join(map(str, settings.listeners)) or "none"
    if not usable:
        remedy = "give it a listener with TLS and authentication tls, as manifests/samples/kafka.yaml has it"
        return Check(name, "fault", f"no listener lets users of Strimzi's in; it has {listeners}", remedy)
    authorization = settings.authorization.type if settings.authorization else ""
    if authorization != "simple" and any(each.authentication for each in usable):
        remedy = "set its spec.kafka.authorization to {type: simple}"
        said = f"authorization is {authorization}" if authorization else "it has no authorization"
        return Check(name, "fault", f"{said}, so users with rights of their own are refused", remedy)
    ready = next((each for each in kafka.status.conditions if each.type in ("Ready", "NotReady")), None)
    if ready is None or (ready.type, ready.status) != ("Ready", "True"):
        why = f": {ready.message or ready.reason}" if ready is not None else ""
        look = f"kubectl describe kafka/{kafka.metadata.name} -n {kafka.metadata.namespace}"
        return Check(name, "fault", f"it is not ready{why}", f"see what Strimzi says: `{look}`")
    return Check(name, "ok", f"it is ready; listeners {listeners}; authorization {authorization or 'none'}")


def _check_storage(cluster: Cluster) -> Check:
    if isinstance(cluster.default_storage_classes, Hidden):
        message = "you may not see storage classes"
        remedy = "where claims stay Pending, name a class in spec.storage.claim.storageClassName"
        return Check("storage", "unknown", message, remedy)
    if cluster.default_storage_classes:
        names = ", ".join(cluster.default_storage_classes)
        return Check("storage", "ok", f"storage class {names} is the default")
    models = cluster.models if not isinstance(cluster.models, Hidden) else ()
    if models and not any(_needs_default(each) for each in models):
        return Check("storage", "ok", "no storage class is the default, and no model here asks for it")
    remedy = "name one in spec.storage.claim.storageClassName, or a claim in spec.storage.existingClaim"
    return Check(
        "storage", "fault", "no storage class is the default, so a model's claim stays Pending", remedy
    )


def _needs_default(model: Model) -> bool:
    storage = model.spec.storage
    return storage.existing_claim is None and storage.claim.storage_class_name is None
