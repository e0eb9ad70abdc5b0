import pytest

from tests.cluster.strimzi.kube import Manifest
from tests.cluster.strimzi.spec import UnsupportedError, parse_cluster, property_value
from tests.unit.strimzi.resources import sample


def test_the_local_clusters_own_resources_are_understood() -> None:
    cluster = parse_cluster(sample("Kafka"), [sample("KafkaNodePool")])
    assert [(listener.id, listener.type) for listener in cluster.listeners] == [
        ("TLS-9093", "internal"),
        ("EXTERNAL-9094", "nodeport"),
        ("SCRAM-9095", "internal"),
    ]
    assert [broker.pod for broker in cluster.brokers] == ["my-cluster-dual-role-0"]
    assert cluster.heap == "-Xms128m -Xmx512m"


def with_listener(**changes: object) -> Manifest:
    kafka = sample("Kafka")
    kafka["spec"]["kafka"]["listeners"][0].update(changes)
    return kafka


@pytest.mark.parametrize(
    ("kafka", "pools", "message"),
    [
        (
            sample("Kafka"),
            [],
            "KafkaNodePools are required: none has the label strimzi.io/cluster: my-cluster",
        ),
        (sample("Kafka"), [sample("KafkaNodePool")] * 2, "the stand-in runs one KafkaNodePool of a Kafka"),
        (
            with_listener(type="route"),
            [sample("KafkaNodePool")],
            "the stand-in has no listeners of type route",
        ),
        (
            with_listener(authentication={"type": "oauth"}),
            [sample("KafkaNodePool")],
            "the stand-in has no oauth authentication",
        ),
    ],
)
def test_what_the_stand_in_does_not_do_is_refused_in_words(
    kafka: Manifest, pools: list[Manifest], message: str
) -> None:
    with pytest.raises(UnsupportedError) as error:
        parse_cluster(kafka, pools)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (2000, "2000"), ("a", "a"), (["delete", "compact"], "delete,compact")]
)
def test_values_are_written_as_kafka_writes_them(value: object, text: str) -> None:
    assert property_value(value) == text
