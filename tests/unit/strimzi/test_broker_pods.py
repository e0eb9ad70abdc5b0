from collections.abc import Mapping

from tests.cluster.strimzi.broker_config import Addresses
from tests.cluster.strimzi.broker_pods import build_config_map, build_stateful_set, cluster_id
from tests.cluster.strimzi.kube import Manifest
from tests.cluster.strimzi.services import build_services, read_addresses
from tests.unit.strimzi.resources import sample_cluster


def some_addresses() -> Addresses:
    pod = "my-cluster-dual-role-0"
    return Addresses({pod: "10.0.0.1"}, {("external", pod): 31000}, {"external": 32000}, ("192.0.2.1",))


def stateful_set(config: Mapping[str, object] | None = None) -> Manifest:
    cluster = sample_cluster(config)
    return build_stateful_set(
        cluster, "kafka:1", build_config_map(cluster, some_addresses()), {"a.pem": b"x"}
    )


def test_a_broker_pod_is_restricted() -> None:
    pod = stateful_set()["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def test_other_configuration_rolls_the_pods_and_the_same_does_not() -> None:
    def template(config: Mapping[str, object] | None = None) -> Manifest:
        found: Manifest = stateful_set(config)["spec"]["template"]["metadata"]["annotations"]
        return found

    assert template() == template()
    assert template() != template({"log.retention.ms": 1000})


def test_a_kafka_made_anew_is_another_cluster() -> None:
    first = sample_cluster()
    assert cluster_id(first) == cluster_id(sample_cluster())
    assert len(cluster_id(first)) == 22


def test_services_have_strimzis_names() -> None:
    assert [service["metadata"]["name"] for service in build_services(sample_cluster())] == [
        "my-cluster-kafka-bootstrap",
        "my-cluster-kafka-brokers",
        "my-cluster-dual-role-0",
        "my-cluster-kafka-external-bootstrap",
        "my-cluster-dual-role-external-0",
    ]


def test_everything_goes_with_the_kafka_resource() -> None:
    cluster = sample_cluster()
    for manifest in (*build_services(cluster), build_config_map(cluster, some_addresses()), stateful_set()):
        [owner] = manifest["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("Kafka", "my-cluster", cluster.uid)


def test_addresses_are_what_the_api_server_gave() -> None:
    services = build_services(sample_cluster())
    for number, service in enumerate(services):
        spec = service["spec"]
        spec["clusterIP"] = f"10.0.0.{number}"
        if spec["type"] == "NodePort":
            spec["ports"][0]["nodePort"] = 31000 + number
    node = {
        "status": {
            "addresses": [
                {"type": "Hostname", "address": "n"},
                {"type": "InternalIP", "address": "192.0.2.1"},
            ]
        }
    }
    addresses = read_addresses(sample_cluster(), services, [node])
    assert addresses.stand_in == {"my-cluster-dual-role-0": "10.0.0.2"}
    assert addresses.bootstrap_node_ports == {"external": 31003}
    assert addresses.node_ports == {("external", "my-cluster-dual-role-0"): 31004}
    assert addresses.nodes == ("192.0.2.1",)
