from tests.cluster.strimzi.kafka_admin import Partition
from tests.cluster.strimzi.kube import Manifest
from tests.cluster.strimzi.rolling import BrokerPod, choose, read_pods, stalled
from tests.unit.strimzi.resources import sample_cluster

CLUSTER = sample_cluster(brokers=3)


def partition(
    in_sync: tuple[int, ...], replicas: tuple[int, ...] = (0, 1, 2), at_least: int = 2
) -> Partition:
    return Partition("pets-images", 1, replicas, in_sync, at_least)


def pod(number: int, *, ready: bool = True, revision: str = "new", **annotations: str) -> Manifest:
    metadata = {
        "name": CLUSTER.brokers[number].pod,
        "labels": {"controller-revision-hash": revision},
        "annotations": {f"strimzi.io/{name.replace('_', '-')}": value for name, value in annotations.items()},
    }
    return {"metadata": metadata, "status": {"conditions": [{"type": "Ready", "status": str(ready)}]}}


def chosen(*pods: Manifest) -> int | None:
    found = choose(read_pods(CLUSTER, pods, "new"), brokers=3)
    return None if found is None else found.broker.id


def test_a_broker_may_go_while_enough_others_are_in_sync() -> None:
    assert stalled([partition((0, 1, 2))], broker=1) == []


def test_a_broker_stays_while_another_is_not_in_sync_again() -> None:
    assert stalled([partition((0, 1, 2)), partition((1, 2))], broker=1) == ["pets-images-1"]


def test_one_that_still_catches_up_stays_where_too_few_are_in_sync() -> None:
    assert stalled([partition((0,))], broker=2) == ["pets-images-1"]
    assert stalled([partition((0, 1))], broker=2) == []


def test_a_partition_that_no_restart_can_spare_holds_nothing_up() -> None:
    assert stalled([partition((1,), replicas=(1,), at_least=1)], broker=1) == []


def test_a_partition_of_other_brokers_holds_nothing_up() -> None:
    assert stalled([partition((0,), replicas=(0, 2), at_least=1)], broker=1) == []


def test_pods_that_are_as_wanted_are_left_alone() -> None:
    assert chosen(pod(0), pod(1), pod(2)) is None


def test_an_annotated_pod_is_restarted_and_so_is_one_with_other_configuration() -> None:
    assert chosen(pod(0), pod(1), pod(2, manual_rolling_update="true")) == 2
    assert chosen(pod(0), pod(1, revision="old"), pod(2)) == 1


def test_none_is_restarted_while_another_is_away_or_on_its_way() -> None:
    asked = pod(0, manual_rolling_update="true")
    leaving = pod(1)
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert chosen(asked, pod(1)) is None
    assert chosen(asked, pod(1, ready=False), pod(2)) is None
    assert chosen(asked, leaving, pod(2)) is None


def test_what_can_not_start_is_replaced_first() -> None:
    assert chosen(pod(0, revision="old"), pod(1, revision="old", ready=False), pod(2)) == 1


def test_a_pod_knows_its_broker() -> None:
    assert read_pods(CLUSTER, [pod(2)], "new") == [
        BrokerPod(CLUSTER.brokers[2], is_ready=True, is_outdated=False)
    ]
