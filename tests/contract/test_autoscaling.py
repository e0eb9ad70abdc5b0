"""The samples of autoscalers name what the operator makes for the sample of a model."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from catdog_operator.resource import parse_model
from catdog_operator.status_fields import KafkaStatus
from tests.crd import model_schema, with_defaults
from tests.unit.operator.builders import some_observed, status_of

SAMPLES = Path(__file__).parents[2] / "manifests" / "samples"
MODEL = yaml.safe_load((SAMPLES / "catdogmodel.yaml").read_text())
SCALED_OBJECT, AUTHENTICATION = yaml.safe_load_all((SAMPLES / "keda-scaledobject.yaml").read_text())
AUTOSCALER = yaml.safe_load((SAMPLES / "hpa.yaml").read_text())


@pytest.fixture
def stored() -> dict[str, Any]:
    """Return the sample of a model as the API server stores it in the namespace kafka."""
    metadata = MODEL["metadata"] | {"namespace": "kafka", "uid": "1", "generation": 1}
    return with_defaults(MODEL | {"metadata": metadata}, model_schema())


@pytest.fixture
def kafka(stored: dict[str, Any]) -> KafkaStatus:
    """Return what its status says of Kafka."""
    status = status_of(some_observed(parse_model(stored)))
    assert status.kafka is not None
    return status.kafka


@pytest.mark.parametrize("autoscaler", [SCALED_OBJECT, AUTOSCALER], ids=lambda each: each["kind"])
def test_an_autoscaler_is_of_the_model_and_asks_for_no_more_workers_than_partitions(
    autoscaler: dict[str, Any], stored: dict[str, Any]
) -> None:
    spec = autoscaler["spec"]
    named = {"apiVersion": MODEL["apiVersion"], "kind": MODEL["kind"], "name": MODEL["metadata"]["name"]}
    assert spec["scaleTargetRef"] == named
    most = spec.get("maxReplicas") or spec["maxReplicaCount"]
    assert most == stored["spec"]["kafka"]["topics"]["input"]["partitions"]


def test_keda_looks_where_the_workers_read(kafka: KafkaStatus, stored: dict[str, Any]) -> None:
    [trigger] = SCALED_OBJECT["spec"]["triggers"]
    metadata = trigger["metadata"]
    assert metadata["bootstrapServers"] == kafka.bootstrap_servers
    assert metadata["consumerGroup"] == kafka.consumer_group
    assert metadata["topic"] == kafka.input_topic
    assert metadata["offsetResetPolicy"] == stored["spec"]["kafka"]["startFrom"].lower()


def test_keda_is_let_in_as_the_workers_are(kafka: KafkaStatus, stored: dict[str, Any]) -> None:
    [trigger] = SCALED_OBJECT["spec"]["triggers"]
    cluster = stored["spec"]["kafka"]["strimzi"]["name"]
    assert (trigger["metadata"]["tls"], kafka.security_protocol) == ("enable", "SSL")
    assert trigger["authenticationRef"]["name"] == AUTHENTICATION["metadata"]["name"]
    entries = {
        each["parameter"]: (each["name"], each["key"]) for each in AUTHENTICATION["spec"]["secretTargetRef"]
    }
    assert entries == {
        "ca": (f"{cluster}-cluster-ca-cert", "ca.crt"),
        "cert": (kafka.secret_name, "user.crt"),
        "key": (kafka.secret_name, "user.key"),
    }
