from tests.cluster.strimzi.broker_config import Addresses, broker_properties, render_properties
from tests.cluster.strimzi.kube import Manifest
from tests.cluster.strimzi.spec import Cluster
from tests.unit.strimzi.resources import sample_cluster


def listener(name: str, port: int, **fields: object) -> Manifest:
    return {"name": name, "port": port, "type": "internal", **fields}


def properties(cluster: Cluster, number: int = 0) -> dict[str, str]:
    pods = [broker.pod for broker in cluster.brokers]
    addresses = Addresses(
        stand_in={pod: f"10.0.0.{position}" for position, pod in enumerate(pods)},
        node_ports={("external", pod): 31000 + position for position, pod in enumerate(pods)},
        bootstrap_node_ports={"external": 32000},
        nodes=("192.0.2.1",),
    )
    return broker_properties(cluster, cluster.brokers[number], addresses)


def test_only_operators_and_brokers_are_super_users_and_nobody_else_is_let_in_without_a_rule() -> None:
    found = properties(sample_cluster())
    assert (
        found["super.users"] == "User:CN=my-cluster-kafka,O=io.strimzi;User:CN=cluster-operator,O=io.strimzi"
    )
    assert found["allow.everyone.if.no.acl.found"] == "false"
    assert found["authorizer.class.name"].endswith("StandardAuthorizer")
    assert found["auto.create.topics.enable"] == "false"


def test_a_users_configuration_can_not_weaken_what_the_operator_sets() -> None:
    weak = {
        "super.users": "User:ANONYMOUS",
        "listeners": "PLAIN://:1",
        "ssl.client.auth": "none",
        "listener.name.tls-9093.ssl.client.auth": "none",
        "allow.everyone.if.no.acl.found": True,
    }
    assert properties(sample_cluster(weak)) == properties(sample_cluster())


def test_every_listener_wants_a_certificate() -> None:
    found = properties(sample_cluster())
    for listener in ("controlplane-9090", "replication-9091", "standin-9089", "tls-9093", "external-9094"):
        assert found[f"listener.name.{listener}.ssl.client.auth"] == "required"


def test_a_listener_may_want_a_password_by_strimzis_way_or_the_brokers_own() -> None:
    own = {"sasl.enabled.mechanisms": "PLAIN", "plain.sasl.jaas.config": "who;"}
    found = properties(
        sample_cluster(
            listeners=(
                listener("scram", 9095, tls=True, authentication={"type": "scram-sha-512"}),
                listener(
                    "own",
                    9096,
                    tls=False,
                    authentication={"type": "custom", "sasl": True, "listenerConfig": own},
                ),
                listener("open", 9097, tls=False),
            )
        )
    )
    protocols = found["listener.security.protocol.map"].split(",")
    assert {"SCRAM-9095:SASL_SSL", "OWN-9096:SASL_PLAINTEXT", "OPEN-9097:PLAINTEXT"} <= set(protocols)
    assert found["listener.name.scram-9095.sasl.enabled.mechanisms"] == "SCRAM-SHA-512"
    assert found["listener.name.scram-9095.ssl.client.auth"] == "none"
    assert found["listener.name.own-9096.plain.sasl.jaas.config"] == "who;"


def test_clients_are_trusted_by_the_clients_authority_and_brokers_by_the_clusters() -> None:
    found = properties(sample_cluster())
    assert found["listener.name.tls-9093.ssl.truststore.location"].endswith("/clients-ca.crt")
    assert found["listener.name.replication-9091.ssl.truststore.location"].endswith("/cluster-ca.crt")


def test_a_broker_is_advertised_by_its_service_inside_and_by_its_node_outside() -> None:
    advertised = properties(sample_cluster())["advertised.listeners"].split(",")
    assert "TLS-9093://my-cluster-dual-role-0.my-cluster-kafka-brokers.kafka.svc:9093" in advertised
    assert "EXTERNAL-9094://${env:HOST_IP}:31000" in advertised


def test_three_brokers_vote_together() -> None:
    found = properties(sample_cluster(brokers=3), number=2)
    assert found["node.id"] == "2"
    assert len(found["controller.quorum.voters"].split(",")) == 3
    assert (
        "2@my-cluster-dual-role-2.my-cluster-kafka-brokers.kafka.svc.cluster.local:9090"
        in (found["controller.quorum.voters"])
    )


def test_properties_are_written_sorted_so_that_equal_ones_are_the_same_text() -> None:
    assert render_properties({"b": "2", "a": "1"}) == "a=1\nb=2\n"
