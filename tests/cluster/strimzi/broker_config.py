"""A broker's properties, from the cluster's description and the addresses that its Services were given.

Strimzi docs: "Configuring listeners", "Simple authorization". Names of listeners and principals, and the
options that a user may not set, are Strimzi's.
"""

from collections.abc import Mapping

import msgspec

from tests.cluster.strimzi.pki import ORGANIZATION
from tests.cluster.strimzi.spec import (
    CONTROL_PLANE_PORT,
    REPLICATION_PORT,
    STAND_IN_PORT,
    Broker,
    Cluster,
    Listener,
    property_value,
)

CERTIFICATES_DIR = "/etc/kafka/certificates"
DATA_DIR = "/var/lib/kafka/data"
OPERATOR = "cluster-operator"  # the stand-in's own name, and that of its certificate's Secret
METADATA_VERSION = "4.3-IV0"

# What `spec.kafka.config` may not set, since the operator does.
_FORBIDDEN = (
    "advertised.", "authorizer.", "broker.", "controller", "host.name", "inter.broker.listener.name",
    "listener.", "listeners", "log.dir", "node.id", "password.", "port", "process.roles", "sasl.",
    "security.", "ssl.", "super.user",
)  # fmt: skip

_SCRAM = {
    "sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
}

_CONTROL_PLANE = f"CONTROLPLANE-{CONTROL_PLANE_PORT}"
_REPLICATION = f"REPLICATION-{REPLICATION_PORT}"
_STAND_IN = f"STANDIN-{STAND_IN_PORT}"


class Addresses(msgspec.Struct, frozen=True):
    """What the Services of a cluster were given: virtual IPs, and the ports that nodes forward."""

    stand_in: Mapping[str, str]  # pod → cluster IP
    node_ports: Mapping[tuple[str, str], int]  # (listener, pod) → port
    bootstrap_node_ports: Mapping[str, int]  # listener → port
    nodes: tuple[str, ...]  # internal IPs


def broker_principal(cluster: str) -> str:
    """Return the common name of the brokers' certificates."""
    return f"{cluster}-kafka"


def broker_properties(cluster: Cluster, broker: Broker, addresses: Addresses) -> dict[str, str]:
    """Return all of a broker's `server.properties`."""
    allowed = {key: value for key, value in cluster.config.items() if not key.startswith(_FORBIDDEN)}
    return (
        allowed
        | _roles(cluster, broker)
        | _listeners(cluster, broker, addresses)
        | _security(cluster, broker)
    )


def render_properties(properties: Mapping[str, str]) -> str:
    """Return the text of a Java properties file, sorted."""
    return "".join(f"{key}={value}\n" for key, value in sorted(properties.items()))


def _roles(cluster: Cluster, broker: Broker) -> dict[str, str]:
    names = (broker_principal(cluster.name), OPERATOR)
    super_users = (*(f"CN={name},O={ORGANIZATION}" for name in names), *cluster.super_users)
    voters = (f"{voter.id}@{cluster.pod_dns(voter)}:{CONTROL_PLANE_PORT}" for voter in cluster.brokers)
    return {
        "process.roles": "broker,controller",
        "node.id": str(broker.id),
        "controller.quorum.voters": ",".join(voters),
        "controller.listener.names": _CONTROL_PLANE,
        "inter.broker.listener.name": _REPLICATION,
        "log.dirs": f"{DATA_DIR}/kafka-log{broker.id}",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": ";".join(f"User:{name}" for name in super_users),
        # The node's address is known to the pod alone.
        "config.providers": "env",
        "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
        "config.providers.env.param.allowlist.pattern": "HOST_IP",
    }


def _listeners(cluster: Cluster, broker: Broker, addresses: Addresses) -> dict[str, str]:
    dns = cluster.pod_dns(broker)
    ports = {_CONTROL_PLANE: CONTROL_PLANE_PORT, _REPLICATION: REPLICATION_PORT, _STAND_IN: STAND_IN_PORT}
    ports |= {listener.id: listener.port for listener in cluster.listeners}
    advertised = {
        _REPLICATION: f"{dns}:{REPLICATION_PORT}",
        _STAND_IN: f"{addresses.stand_in[broker.pod]}:{STAND_IN_PORT}",
    } | {listener.id: _advertised(cluster, listener, broker, addresses) for listener in cluster.listeners}
    protocols = dict.fromkeys((_CONTROL_PLANE, _REPLICATION, _STAND_IN), "SSL")
    protocols |= {listener.id: listener.protocol for listener in cluster.listeners}
    return {
        "listeners": ",".join(f"{name}://0.0.0.0:{port}" for name, port in ports.items()),
        "advertised.listeners": ",".join(f"{name}://{address}" for name, address in advertised.items()),
        "listener.security.protocol.map": ",".join(
            f"{name}:{protocol}" for name, protocol in protocols.items()
        ),
    }


def _advertised(cluster: Cluster, listener: Listener, broker: Broker, addresses: Addresses) -> str:
    if listener.type == "nodeport":
        return f"${{env:HOST_IP}}:{addresses.node_ports[listener.name, broker.pod]}"
    return f"{broker.pod}.{cluster.name}-kafka-brokers.{cluster.namespace}.svc:{listener.port}"


def _security(cluster: Cluster, broker: Broker) -> dict[str, str]:
    properties: dict[str, str] = {}
    for name in (_CONTROL_PLANE, _REPLICATION, _STAND_IN):
        properties |= _tls(name, broker, trusted="cluster-ca.crt", client_auth="required")
    for listener in cluster.listeners:
        authentication = listener.authentication
        if listener.tls:
            client_auth = "required" if authentication and authentication.type == "tls" else "none"
            properties |= _tls(listener.id, broker, trusted="clients-ca.crt", client_auth=client_auth)
        if authentication is not None:
            options = _SCRAM if authentication.type == "scram-sha-512" else authentication.listener_config
            prefix = f"listener.name.{listener.id.lower()}."
            properties |= {f"{prefix}{key}": property_value(value) for key, value in options.items()}
    return properties


def _tls(listener: str, broker: Broker, trusted: str, client_auth: str) -> dict[str, str]:
    prefix = f"listener.name.{listener.lower()}."
    return {
        f"{prefix}ssl.keystore.type": "PEM",
        f"{prefix}ssl.keystore.location": f"{CERTIFICATES_DIR}/{broker.pod}.pem",
        f"{prefix}ssl.truststore.type": "PEM",
        f"{prefix}ssl.truststore.location": f"{CERTIFICATES_DIR}/{trusted}",
        f"{prefix}ssl.client.auth": client_auth,
    }
