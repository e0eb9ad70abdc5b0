"""Rules on a Kafka that is reached by a KafkaAccess: its Secret says where it is, and how one is let in."""

from catdog_operator.manifests.kafka_login import Connection
from catdog_operator.observed import Observed
from catdog_operator.plan.finding import Finding, no
from catdog_operator.resource import Access
from catdog_operator.strimzi_views import KafkaAccess


def find_access_obstacle(observed: Observed, access: Access) -> Finding | None:
    """Return what keeps the workers from being told of Kafka, or None where nothing does."""
    if not observed.access_installed:
        return no(
            "AccessOperatorNotInstalled",
            "the cluster has no access.strimzi.io/v1alpha1; install Strimzi's Access Operator",
        )
    if (found := observed.access) is None:
        return no(
            "KafkaAccessNotFound",
            f"KafkaAccess {access.name} is not in namespace {observed.model.namespace}; "
            "create it or name another in spec.kafka.access.name",
        )
    if not found.status.binding.name:
        return no("KafkaAccessNotReady", f"KafkaAccess {access.name} has no Secret yet{_why(found)}")
    if not _servers(observed, found):
        what, namespace = f"Kafka {found.spec.kafka.name} of KafkaAccess {access.name}", found.kafka_namespace
        return find_unwatched(observed, namespace, what) or no(
            "KafkaNotFound", f"{what} is not in namespace {namespace}, or has not told its addresses"
        )
    return None


def find_unwatched(observed: Observed, namespace: str, what: str) -> Finding | None:
    """Return that a Kafka may well be there, and is not seen; None where it would be."""
    if observed.kafka is not None or observed.surroundings.watches(namespace):
        return None
    return no(
        "KafkaNotFound",
        f"the operator does not watch namespace {namespace}, where {what} is said to be; "
        "add it to the operator's CATDOG_NAMESPACES, or set spec.kafka.bootstrapServers",
    )


def connect_by_access(observed: Observed) -> Connection | None:
    """Return the way in by the Secret of the KafkaAccess, None while there is none."""
    access = observed.access
    if access is None or not access.status.binding.name or not _servers(observed, access):
        return None
    cluster = f"{access.kafka_namespace}/{access.spec.kafka.name}"
    return Connection(
        cluster, _servers(observed, access), access.status.binding.name, trusted=(), is_binding=True
    )


def _servers(observed: Observed, access: KafkaAccess) -> str:
    """Return the addresses of the listener, or of all where the Access Operator chooses: for the policy."""
    listeners = observed.kafka.status.listeners if observed.kafka else ()
    chosen = [each for each in listeners if access.spec.kafka.listener in (None, each.name)]
    return ",".join(each.bootstrap_servers for each in chosen if each.bootstrap_servers)


def _why(access: KafkaAccess) -> str:
    failed = [each for each in access.status.conditions if (each.type, each.status) == ("Ready", "False")]
    if failed and failed[0].message:
        return f": {failed[0].message}"
    return "; if it stays so, see whether Strimzi's Access Operator runs"
