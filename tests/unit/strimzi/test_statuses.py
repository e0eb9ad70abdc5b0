from tests.cluster.strimzi.kube import Manifest
from tests.cluster.strimzi.objects import condition, has_condition, status_of


def resource(*conditions: Manifest) -> Manifest:
    return {"metadata": {"generation": 7}, "status": {"conditions": list(conditions)}}


def test_a_condition_that_is_as_it_was_keeps_its_time() -> None:
    before = condition("Ready") | {"lastTransitionTime": "2020-01-01T00:00:00Z"}
    status = status_of(resource(before), [condition("Ready")], topicName="orders")
    assert status == {"observedGeneration": 7, "conditions": [before], "topicName": "orders"}


def test_a_condition_that_changed_has_a_new_time() -> None:
    before = condition("Ready") | {"lastTransitionTime": "2020-01-01T00:00:00Z"}
    [failed] = status_of(resource(before), [condition("Ready", "False", "KafkaError", "no")])["conditions"]
    assert failed["reason"] == "KafkaError"
    assert failed["lastTransitionTime"] > "2020-01-01T00:00:00Z"


def test_a_resource_that_nobody_looked_at_has_no_conditions() -> None:
    assert not has_condition({"metadata": {}}, "Ready")
