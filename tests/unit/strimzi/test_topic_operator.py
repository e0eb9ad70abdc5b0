import pytest

from tests.cluster.strimzi.kafka_admin import Topic
from tests.cluster.strimzi.topic_operator import (
    NotSupportedError,
    WantedTopic,
    check_support,
    config_changes,
    parse_topic,
)


def wanted(partitions: int | None = None, replicas: int | None = None) -> WantedTopic:
    return WantedTopic("orders", partitions, replicas, {})


def found(*replicas: int) -> Topic:
    return Topic("id", replicas, {})


def test_options_are_set_where_they_differ_and_taken_back_where_no_longer_wanted() -> None:
    changed, removed = config_changes({"a": "1", "b": "2"}, {"b": "3", "c": "4"})
    assert changed == {"a": "1", "b": "2"}
    assert removed == {"c"}


def test_what_is_as_wanted_is_left_alone() -> None:
    assert config_changes({"a": "1"}, {"a": "1"}) == ({}, set())


def test_a_topic_without_numbers_takes_whatever_the_broker_gave() -> None:
    check_support(wanted(), found(1, 1))


def test_partitions_are_never_taken_away() -> None:
    with pytest.raises(NotSupportedError, match=r"^Decreasing partitions not supported$"):
        check_support(wanted(partitions=1), found(1, 1))


def test_another_replication_factor_is_refused_and_names_the_partitions() -> None:
    with pytest.raises(NotSupportedError) as error:
        check_support(wanted(replicas=2), found(1, 2, 1))
    assert str(error.value) == "Replication factor change not supported, but required for partitions [0, 2]"


def test_a_topic_may_have_another_name_than_its_resource() -> None:
    resource = {"metadata": {"name": "a"}, "spec": {"topicName": "A_b", "config": {"retention.ms": -1}}}
    assert parse_topic(resource) == WantedTopic("A_b", None, None, {"retention.ms": "-1"})
