"""What `catdog doctor` sees of a cluster: what it may not see is a refusal, and no end."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from catdog_client.cluster.api import FORBIDDEN, NOT_FOUND, Api, Query, Refusal
from catdog_client.cluster.installed import Deployment, KafkaCluster
from catdog_client.cluster.model import Model, View, read_model
from catdog_client.cluster.models import GROUP, KIND, PLURAL, VERSION, Models

OPERATOR_SELECTOR = "app.kubernetes.io/name=catdog,app.kubernetes.io/component=operator"
OPERATOR_NAMESPACE = "catdog-system"  # of the install that watches all namespaces
STRIMZI_GROUP, STRIMZI_VERSION = "kafka.strimzi.io", "v1"
DEFAULT_CLASS_ANNOTATION = "storageclass.kubernetes.io/is-default-class"

Seen = TypeVar("Seen")


class Hidden(View, frozen=True):
    """What may not be seen, in the API server's words."""

    message: str


class Right(View, frozen=True, order=True):
    """Something that a person may do in the namespace, or not."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        """Return it as a Role says it."""
        what = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        return f"{self.verb} {what}" + (f".{self.group}" if self.group else "")


# What the commands need, by the commands that do.
RIGHTS = {
    Right("get", PLURAL, GROUP): "all",
    Right("list", PLURAL, GROUP): "status, doctor",
    Right("watch", PLURAL, GROUP): "--watch, --wait",
    Right("patch", PLURAL, GROUP): "promote, rollback, retrain",
    Right("list", "pods"): "logs",
    Right("watch", "pods"): "logs --follow",
    Right("get", "pods", subresource="log"): "logs",
}


class Cluster(View, frozen=True, kw_only=True):
    """All that is seen of a cluster, for the models of a namespace."""

    namespace: str
    version: tuple[int, int]  # of Kubernetes
    crd_versions: tuple[str, ...]  # that are served; () where there is no CRD
    crd_fields: frozenset[str]  # of spec and status, by their paths
    strimzi_versions: tuple[str, ...]
    operators: tuple[Deployment, ...] | Hidden
    models: tuple[Model, ...] | Hidden
    denied: tuple[Right, ...]
    kafkas: tuple[KafkaCluster, ...] | Hidden
    default_storage_classes: tuple[str, ...] | Hidden


def look(models: Models) -> Cluster:
    """Return what there is to be seen.

    Raises:
        ClientError: no API server answers, or it does not know who asks.
    """
    api, namespace = models.api, models.namespace
    version = api.get("/version")
    crd_versions = _served_versions(api, GROUP)
    mine = _unless_hidden(lambda: tuple(map(read_model, models.list()))) if crd_versions else ()
    strimzi = _served_versions(api, STRIMZI_GROUP)
    return Cluster(
        namespace=namespace,
        version=(int(version["major"]), int(version["minor"].rstrip("+"))),
        crd_versions=crd_versions,
        crd_fields=_crd_fields(api) if VERSION in crd_versions else frozenset(),
        strimzi_versions=strimzi,
        operators=_find_operators(api, namespace),
        models=mine,
        denied=tuple(right for right in RIGHTS if not _may(api, namespace, right)),
        kafkas=_find_kafkas(api, namespace, mine) if STRIMZI_VERSION in strimzi else (),
        default_storage_classes=_default_storage_classes(api),
    )


def _unless_hidden(see: Callable[[], Seen]) -> Seen | Hidden:
    try:
        return see()
    except Refusal as error:
        if error.status != FORBIDDEN:
            raise
        return Hidden(str(error))


def _served_versions(api: Api, group: str) -> tuple[str, ...]:
    try:
        return tuple(each["version"] for each in api.get(f"/apis/{group}")["versions"])
    except Refusal as error:
        if error.status != NOT_FOUND:
            raise
        return ()


def _crd_fields(api: Api) -> frozenset[str]:
    """Return the paths of all fields, as OpenAPI has them, which anyone may read who is known."""
    document = api.get(f"/openapi/v3/apis/{GROUP}/{VERSION}")
    schemas = document["components"]["schemas"].values()
    kinds = {
        kind["kind"]: schema
        for schema in schemas
        for kind in schema.get("x-kubernetes-group-version-kind", ())
    }
    return frozenset(_paths("", kinds.get(KIND, {})))


def _paths(prefix: str, schema: dict[str, Any]) -> Iterable[str]:
    for name, inner in schema.get("properties", {}).items():
        yield prefix + name
        yield from _paths(f"{prefix}{name}.", inner.get("items", inner))


def _may(api: Api, namespace: str, right: Right) -> bool:
    attributes = {
        "namespace": namespace,
        "verb": right.verb,
        "group": right.group,
        "resource": right.resource,
        "subresource": right.subresource,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = api.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def _find_operators(api: Api, namespace: str) -> tuple[Deployment, ...] | Hidden:
    """Return the operators of the cluster, else those of the namespaces that may be looked into."""
    query = {"labelSelector": OPERATOR_SELECTOR}
    everywhere = _list_visible(api, "/apis/apps/v1/deployments", query)
    if not isinstance(everywhere, Hidden):
        return msgspec.convert(everywhere, tuple[Deployment, ...])
    found: list[Any] = []
    for each in dict.fromkeys((namespace, OPERATOR_NAMESPACE)):
        seen = _list_visible(api, f"/apis/apps/v1/namespaces/{each}/deployments", query)
        found += [] if isinstance(seen, Hidden) else seen
    return msgspec.convert(found, tuple[Deployment, ...]) if found else everywhere


def _find_kafkas(
    api: Api, namespace: str, models: tuple[Model, ...] | Hidden
) -> tuple[KafkaCluster, ...] | Hidden:
    """Return the Kafkas of the namespace and of those that its models name."""
    strimzi = [each.spec.kafka.strimzi for each in models] if not isinstance(models, Hidden) else []
    named = {each.namespace or namespace for each in strimzi if each is not None}
    found: list[Any] = []
    for each in sorted({namespace, *named}):
        seen = _list_visible(api, f"/apis/{STRIMZI_GROUP}/{STRIMZI_VERSION}/namespaces/{each}/kafkas")
        if isinstance(seen, Hidden):
            return seen
        found += seen
    return msgspec.convert(found, tuple[KafkaCluster, ...])


def _default_storage_classes(api: Api) -> tuple[str, ...] | Hidden:
    classes = _list_visible(api, "/apis/storage.k8s.io/v1/storageclasses")
    if isinstance(classes, Hidden):
        return classes
    return tuple(
        each["metadata"]["name"]
        for each in classes
        if each["metadata"].get("annotations", {}).get(DEFAULT_CLASS_ANNOTATION) == "true"
    )


def _list_visible(api: Api, path: str, query: Query | None = None) -> list[Any] | Hidden:
    return _unless_hidden(lambda: list(api.get(path, query)["items"]))
