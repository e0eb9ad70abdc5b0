"""Rules on Kafka: where it is, what a model needs there, and whether that is ready."""

import msgspec

from catdog_operator.manifests.common import Manifest
from catdog_operator.manifests.kafka_login import Connection
from catdog_operator.manifests.kafka_user import build_kafka_user
from catdog_operator.observed import Observed
from catdog_operator.plan.access import connect_by_access, find_access_obstacle, find_unwatched
from catdog_operator.plan.finding import Finding, no, yes
from catdog_operator.plan.topics import (
    find_named_twice,
    plan_topics,
    remark,
    told_by,
    topic_trouble,
    up_to_date,
)
from catdog_operator.resolve import Resolved
from catdog_operator.resource import Kafka, StrimziCluster, TrustedCertificates, short_digest
from catdog_operator.status_fields import KafkaStatus
from catdog_operator.strimzi_views import KafkaUser, ListenerAuthentication, ListenerSpec
from catdog_operator.views import APPLIED_ANNOTATION, has_condition

STRIMZI_USERS = ("tls", "scram-sha-512")  # the types of authentication that a KafkaUser can have
MUTUAL_TLS = ListenerSpec(tls=True, authentication=ListenerAuthentication("tls"))
# By the type of authentication, as Kafka names it.
MECHANISMS = {"plain": "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512"}


class KafkaPlan(msgspec.Struct, frozen=True):
    """What is wanted in Kafka; `connection` is None until the cluster has told its address."""

    finding: Finding
    connection: Connection | None = None
    wanted: tuple[Manifest, ...] = ()
    rights_pending: str | None = None  # why the user has not all of its rights yet


def plan_kafka(observed: Observed, resolved: Resolved) -> KafkaPlan:
    """Return the topics and the user to have, and whether all is ready to serve."""
    kafka = observed.model.spec.kafka
    if kafka.strimzi:
        return _plan_strimzi(observed, resolved, kafka.strimzi)
    if kafka.access:
        obstacle, connection = find_access_obstacle(observed, kafka.access), connect_by_access(observed)
        what = f"KafkaAccess {kafka.access.name}"
        client = f"Secret {connection.secret_name}" if connection else ""
        return KafkaPlan(obstacle or _taken_on_trust(what, resolved, client), connection)
    servers = kafka.bootstrap_servers or ""
    finding = _taken_on_trust(servers, resolved, resolved.secret_name or "anyone")
    return KafkaPlan(finding, _connect_as_told(kafka, resolved, servers, servers))


def _taken_on_trust(what: str, resolved: Resolved, client: str) -> Finding:
    """Say that in this Kafka nothing is made and nothing looked at: what is said of it counts."""
    names = ", ".join(topic.name for topic in resolved.topics)
    return yes(
        "TakenOnTrust",
        f"taken on trust: {what}, its topics {names}, and the rights of {client}; "
        "where workers cannot use them, Serving says why",
    )


def _connect_as_told(kafka: Kafka, resolved: Resolved, cluster: str, servers: str) -> Connection:
    """Return the way in by the Secrets that the user names."""
    trusted = kafka.tls.trusted_certificates if kafka.tls else ()
    login = kafka.authentication
    mechanism = MECHANISMS.get(login.type) if login else None
    username = (login.username or login.secret_name) if login and mechanism else None
    return Connection(cluster, servers, resolved.secret_name, trusted, mechanism, username)


def _plan_strimzi(observed: Observed, resolved: Resolved, strimzi: StrimziCluster) -> KafkaPlan:
    if (obstacle := _find_obstacle(observed, resolved, strimzi)) is not None:
        return KafkaPlan(obstacle, _last_connection(observed, resolved, strimzi))
    listener = _listener(observed, strimzi)
    connection = _connect(observed, resolved, listener, _bootstrap_servers(observed, strimzi) or "")
    wanted = plan_topics(observed, resolved, strimzi)
    trouble = pending = None
    if listener.authentication and not strimzi.namespace:
        user = build_kafka_user(observed.model, resolved, strimzi.name, listener.authentication.type)
        wanted += (user,)
        trouble = _user_trouble(resolved.user_name, observed.user)
        pending = trouble or _change_to_come(user, observed.user)
    finding = _find_unready(observed, resolved, connection, trouble)
    return KafkaPlan(finding or _all_ready(observed, resolved, strimzi), connection, wanted, pending)


def _listener(observed: Observed, strimzi: StrimziCluster) -> ListenerSpec:
    listeners = observed.kafka.spec.kafka.listeners if observed.kafka else ()
    return next((each for each in listeners if each.name == strimzi.listener), MUTUAL_TLS)


def _connect(observed: Observed, resolved: Resolved, listener: ListenerSpec, servers: str) -> Connection:
    kafka = observed.model.spec.kafka
    name = kafka.strimzi.name if kafka.strimzi else ""
    cluster = f"{resolved.kafka_namespace}/{name}"
    if kafka.strimzi and kafka.strimzi.namespace:
        return _connect_as_told(kafka, resolved, cluster, servers)
    trusted = TrustedCertificates(f"{name}-cluster-ca-cert", pattern="*.crt")
    mechanism = MECHANISMS.get(listener.authentication.type) if listener.authentication else None
    return Connection(
        cluster,
        servers,
        resolved.secret_name if listener.authentication else None,
        (trusted,) if listener.tls else (),
        mechanism,
        resolved.user_name if mechanism else None,
    )


def _find_obstacle(observed: Observed, resolved: Resolved, strimzi: StrimziCluster) -> Finding | None:
    namespace = resolved.kafka_namespace
    if not observed.strimzi_installed:
        return no(
            "StrimziNotInstalled", "the cluster has no kafka.strimzi.io/v1; install Strimzi 1.0 or newer"
        )
    if observed.kafka is None:
        return find_unwatched(observed, namespace, f"Kafka {strimzi.name}") or no(
            "KafkaNotFound",
            f"Kafka {strimzi.name} is not in namespace {namespace}; "
            "create it or name another in spec.kafka.strimzi.name",
        )
    if (name := find_named_twice(resolved)) is not None:
        return no(
            "TopicNamedTwice",
            f"one topic cannot have two roles, and {name} has; name another in spec.kafka.topics",
        )
    if not observed.kafka.status.listeners:
        return no("KafkaNotReady", f"Kafka {strimzi.name} has not told its addresses yet{_why(observed)}")
    if not _bootstrap_servers(observed, strimzi):
        names = ", ".join(sorted(each.name for each in observed.kafka.status.listeners))
        return no(
            "ListenerNotFound",
            f"Kafka {strimzi.name} has no listener {strimzi.listener}; "
            f"name one of {names} in spec.kafka.strimzi.listener",
        )
    authentication = _listener(observed, strimzi).authentication
    if strimzi.namespace:
        return _find_difference(observed, strimzi, authentication.type if authentication else "none")
    if authentication and authentication.type not in STRIMZI_USERS:
        return no(
            "ListenerNotSupported",
            f"listener {strimzi.listener} of Kafka {strimzi.name} lets clients in by {authentication.type}; "
            "name one in spec.kafka.strimzi.listener that does by tls or scram-sha-512, or lets anyone in",
        )
    return None


def _find_difference(observed: Observed, strimzi: StrimziCluster, wanted: str) -> Finding | None:
    """Say where the user's Secrets are not of the listener's kind; what is `custom` can be any."""
    login = observed.model.spec.kafka.authentication
    if login is None or wanted in (login.type, "custom"):
        return None
    return no(
        "AuthenticationDiffers",
        f"listener {strimzi.listener} of Kafka {strimzi.name} lets clients in by {wanted}; "
        f"set spec.kafka.authentication.type to {wanted}, or name another in spec.kafka.strimzi.listener",
    )


def _why(observed: Observed) -> str:
    conditions = observed.kafka.status.conditions if observed.kafka else ()
    trouble = next((each for each in conditions if each.type == "NotReady"), None)
    return f": {trouble.reason}" if trouble and trouble.reason else ""


def _bootstrap_servers(observed: Observed, strimzi: StrimziCluster) -> str | None:
    listeners = observed.kafka.status.listeners if observed.kafka else ()
    return next((each.bootstrap_servers for each in listeners if each.name == strimzi.listener), None)


def _last_connection(observed: Observed, resolved: Resolved, strimzi: StrimziCluster) -> Connection | None:
    """Return how Kafka was reached before it went: what serves is kept as it is, and can still be scaled."""
    known = observed.model.status.kafka
    if known is None or known.bootstrap_servers is None or known.secret_name != resolved.secret_name:
        return None  # it was never reached, or was another Kafka, which the user had given
    protocol = known.security_protocol or "SSL"
    authentication = "scram-sha-512" if protocol.startswith("SASL_") else "tls"
    listener = ListenerSpec(
        strimzi.listener, protocol.endswith("SSL"), ListenerAuthentication(authentication)
    )
    return _connect(observed, resolved, listener, known.bootstrap_servers)


def _find_unready(
    observed: Observed, resolved: Resolved, connection: Connection, user_trouble: str | None
) -> Finding | None:
    for topic in resolved.topics:
        if (trouble := topic_trouble(observed, topic)) is not None:
            return no("TopicNotReady", trouble)
    if user_trouble is not None and not _keeps_rights(observed, resolved, connection):
        return no("UserNotReady", user_trouble)
    return None


def _keeps_rights(observed: Observed, resolved: Resolved, connection: Connection) -> bool:
    """Return whether a user that is being changed was ready before, and only a shadow's rights change.

    Strimzi's status says until then how the user was.
    """
    user, former = observed.user, observed.model.status
    if user is None or not _is_ready(user):
        return False
    if former.kafka is None or ("KafkaReady", "True") not in ((c.type, c.status) for c in former.conditions):
        return False
    known = msgspec.structs.replace(former.kafka, bootstrap_servers=connection.bootstrap_servers)
    # No status says which topic was trained on, so a trainer waits.
    return known == kafka_status(resolved, connection) and observed.model.spec.training.dataset.kafka is None


def _user_trouble(name: str, user: KafkaUser | None) -> str | None:
    if user is None:
        return f"KafkaUser {name} is being made"
    if up_to_date(user) and _is_ready(user):
        return None
    failed = [each for each in user.status.conditions if (each.type, each.status) == ("NotReady", "True")]
    return f"KafkaUser {name} is not ready{told_by(failed)}"


def _change_to_come(wanted: Manifest, user: KafkaUser | None) -> str | None:
    """Return that Strimzi has not been told yet of rights that are wanted from now on, if so."""
    applied = user.metadata.annotations.get(APPLIED_ANNOTATION) if user else None
    return None if applied in (None, short_digest(wanted)) else "the model's KafkaUser is being changed"


def _is_ready(user: KafkaUser) -> bool:
    return has_condition(user.status.conditions, "Ready") and user.status.secret is not None


def kafka_status(resolved: Resolved, connection: Connection | None) -> KafkaStatus:
    """Return what the status says of Kafka."""
    return KafkaStatus(
        consumer_group=resolved.consumer_group,
        input_topic=resolved.input.name,
        output_topic=resolved.output.name,
        dead_letter_topic=resolved.dead_letters.name,
        bootstrap_servers=connection.bootstrap_servers if connection else None,
        secret_name=connection.secret_name if connection else resolved.secret_name,
        security_protocol=connection.protocol if connection else None,
    )


def _all_ready(observed: Observed, resolved: Resolved, strimzi: StrimziCluster) -> Finding:
    message = f"Kafka {strimzi.name} is there, and its topics and user for this model are ready"
    if remarks := [each for topic in resolved.topics for each in remark(observed, topic)]:
        return yes("TopicsDiffer", "; ".join((message, *remarks)))
    return yes("KafkaReady", message)
