"""The kinds of objects that the operator handles, and the verbs that it uses on each."""

import msgspec

from catdog_operator.manifests.common import MANAGED_BY_LABEL, OPERATOR

OURS = f"{MANAGED_BY_LABEL}={OPERATOR}"


class Kind(msgspec.Struct, frozen=True):
    """A kind of the API; `selector` narrows what is listed and watched to some of it."""

    name: str
    group: str
    version: str
    plural: str
    verbs: frozenset[str]
    subresources: frozenset[str] = frozenset()  # as "verb name"
    selector: str | None = None

    @property
    def api_version(self) -> str:
        """Group and version as a manifest has them."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """Return the path of the kind, or of an object of it."""
        parts = [f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"]
        parts += ["namespaces", namespace] if namespace else []
        return "/".join(part for part in (*parts, self.plural, name, subresource) if part)


WATCH = frozenset({"list", "watch"})

MODEL = Kind("CatDogModel", "catdog.dev", "v1alpha1", "catdogmodels", WATCH, frozenset({"patch status"}))
CLAIM = Kind("PersistentVolumeClaim", "", "v1", "persistentvolumeclaims", WATCH | {"create"})
JOB = Kind("Job", "batch", "v1", "jobs", WATCH | {"create", "delete"}, selector=OURS)
POD = Kind("Pod", "", "v1", "pods", WATCH, frozenset({"get log"}), selector=OURS)
DEPLOYMENT = Kind(
    "Deployment", "apps", "v1", "deployments", WATCH | {"create", "patch", "delete"}, selector=OURS
)
KAFKA = Kind("Kafka", "kafka.strimzi.io", "v1", "kafkas", WATCH)
ACCESS = Kind("KafkaAccess", "access.strimzi.io", "v1alpha1", "kafkaaccesses", WATCH)
TOPIC = Kind("KafkaTopic", "kafka.strimzi.io", "v1", "kafkatopics", WATCH | {"create", "patch", "delete"})
USER = Kind("KafkaUser", "kafka.strimzi.io", "v1", "kafkausers", WATCH | {"create", "patch"}, selector=OURS)
POLICY = Kind(
    "NetworkPolicy",
    "networking.k8s.io",
    "v1",
    "networkpolicies",
    WATCH | {"create", "patch"},
    selector=OURS,
)
BUDGET = Kind(
    "PodDisruptionBudget",
    "policy",
    "v1",
    "poddisruptionbudgets",
    WATCH | {"create", "patch"},
    selector=OURS,
)
# Read about children that do not get on, and written about models; never watched.
EVENT = Kind("Event", "", "v1", "events", frozenset({"list", "create"}))

KINDS = (MODEL, CLAIM, JOB, POD, DEPLOYMENT, KAFKA, ACCESS, TOPIC, USER, POLICY, BUDGET)  # that are watched
KIND_OF = {kind.name: kind for kind in (*KINDS, EVENT)}
