"""What protects a model's pods: which ones policies, budget and spread select, and what they allow."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from catdog_operator.manifests.common import Manifest
from catdog_operator.manifests.pod import HTTP_PORT
from catdog_operator.observed import Observed
from catdog_operator.plan import plan
from catdog_operator.status_fields import KafkaStatus, ModelStatus, Version
from tests.unit.operator.builders import (
    some_bucket,
    some_claim,
    some_deployment,
    some_kafka,
    some_model,
    some_observed,
)
from tests.unit.operator.test_manifests import compare_with_golden

V1 = Version(version=1, hash="572360246d", accuracy=0.91, photos=940, trained_at="2026-03-01T11:00:00Z")
BROKERS = {"strimzi.io/cluster": "my-cluster", "strimzi.io/name": "my-cluster-kafka"}
DNS = {("UDP", 53), ("TCP", 53), ("UDP", 5353), ("TCP", 5353)}
OLD_TRAINING = {"epochs": 1}


def trained(**fields: object) -> Observed:
    """Return a model that has a version, and trains another: both kinds of pods are wanted."""
    return some_observed(some_model(OLD_TRAINING, ModelStatus(versions=(V1,))), **fields)


def wanted(observed: Observed) -> dict[str, Manifest]:
    """Return what is wanted, by kind/name."""
    decision = plan(observed)
    every = (*decision.create, *decision.apply)
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in every}


def pod_labels(observed: Observed, kind: str) -> dict[str, str]:
    """Return the labels of the pods that the wanted Job or Deployment makes."""
    [maker] = [each for each in wanted(observed).values() if each["kind"] == kind]
    labels: dict[str, str] = maker["spec"]["template"]["metadata"]["labels"]
    return labels


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    assert selector.keys() <= {"matchLabels", "matchExpressions"}
    assert selector["matchLabels"], "an empty selector is every pod of the namespace"
    expressions = selector.get("matchExpressions", [])
    assert all(each["operator"] == "In" for each in expressions)
    within = all(labels.get(each["key"]) in each["values"] for each in expressions)
    return bool(selector["matchLabels"].items() <= labels.items()) and within


def allowed(rules: list[Manifest]) -> Iterator[tuple[str, str, int, int]]:
    """Give (whom, protocol, first port, last port) for all that rules allow."""
    for rule in rules:
        peers: list[Manifest | None] = rule.get("to", [None])
        for peer in peers:
            whom = "anybody" if peer is None else str(peer["podSelector"]["matchLabels"])
            for port in rule.get("ports", [{"protocol": "any", "port": 0, "endPort": 65535}]):
                yield whom, port["protocol"], port["port"], port.get("endPort", port["port"])


def egress(observed: Observed) -> set[tuple[str, str, int, int]]:
    return set(allowed(wanted(observed)["NetworkPolicy/pets-inference"]["spec"]["egress"]))


@pytest.mark.parametrize(
    ("name", "golden"),
    [
        ("NetworkPolicy/pets-training", "NetworkPolicy-training"),
        ("NetworkPolicy/pets-inference", "NetworkPolicy-inference"),
        ("PodDisruptionBudget/pets-inference", "PodDisruptionBudget"),
    ],
)
def test_what_protects_a_model_is_as_reviewed(name: str, golden: str) -> None:
    compare_with_golden(golden, wanted(trained())[name])


def test_each_policy_and_the_budget_select_their_own_pods_and_none_of_the_others() -> None:
    everything = wanted(trained())
    trainer = pod_labels(trained(), "Job")
    worker = pod_labels(trained(), "Deployment")
    for name, own, other in (
        ("NetworkPolicy/pets-training", trainer, worker),
        ("NetworkPolicy/pets-inference", worker, trainer),
    ):
        selector = everything[name]["spec"]["podSelector"]
        assert selects(selector, own)
        assert not selects(selector, other)
    budget = everything["PodDisruptionBudget/pets-inference"]["spec"]["selector"]
    assert (selects(budget, worker), selects(budget, trainer)) == (True, False)


def test_nothing_selects_a_pod_of_another_model() -> None:
    everything = wanted(trained())
    selectors = [each["spec"].get("podSelector") for each in everything.values() if "Policy" in each["kind"]]
    selectors.append(everything["PodDisruptionBudget/pets-inference"]["spec"]["selector"])
    assert len(selectors) == 3
    for name in ("Job", "Deployment"):
        others = pod_labels(trained(), name) | {"catdog.dev/model": "house-pets"}
        assert not [each for each in selectors if selects(each, others)]


def test_a_policy_denies_both_directions_but_for_what_it_names() -> None:
    for name, manifest in wanted(trained()).items():
        if name.startswith("NetworkPolicy/"):
            assert manifest["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_a_trainer_reaches_nothing_and_is_reached_at_the_port_of_its_metrics_alone() -> None:
    everything = wanted(trained())
    spec = everything["NetworkPolicy/pets-training"]["spec"]
    assert "egress" not in spec
    assert list(allowed(spec["ingress"])) == [("anybody", "TCP", HTTP_PORT, HTTP_PORT)]
    [job] = [each for each in everything.values() if each["kind"] == "Job"]
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert [each["containerPort"] for each in container["ports"]] == [HTTP_PORT]


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [
        ("https://rgw.example", 443),
        ("http://rgw.example", 80),
        ("https://[2001:db8::1]:8443/", 8443),
        ("https://rgw.svc:9000", 9000),
    ],
)
def test_a_trainer_on_a_bucket_reaches_dns_and_the_endpoints_port_and_nothing_else(
    endpoint: str, port: int
) -> None:
    observed = some_observed(some_model(some_bucket(endpoint=endpoint)))
    spec = wanted(observed)["NetworkPolicy/pets-training"]["spec"]
    assert list(allowed(spec["ingress"])) == [("anybody", "TCP", HTTP_PORT, HTTP_PORT)]
    assert set(allowed(spec["egress"])) == {
        ("anybody", "TCP", port, port),
        *(("anybody", protocol, port, port) for protocol, port in DNS),
    }


@pytest.mark.parametrize("host", ["rgw.rook-ceph.svc", "rgw.rook-ceph.svc.cluster.local:8443"])
def test_a_service_is_reached_at_whatever_port_its_pods_answer(host: str) -> None:
    observed = some_observed(some_model(some_bucket(endpoint=f"https://{host}")))
    [_, s3] = wanted(observed)["NetworkPolicy/pets-training"]["spec"]["egress"]
    namespace = {"matchLabels": {"kubernetes.io/metadata.name": "rook-ceph"}}
    assert s3 == {"to": [{"namespaceSelector": namespace}]}


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [("https://rgw.example:99999", 99999), ("https://[1:2]", 443), ("http://[::1]:9", 9)],
)
def test_an_endpoint_that_no_port_or_host_can_be_stops_no_decision(endpoint: str, port: int) -> None:
    observed = some_observed(some_model(some_bucket(endpoint=endpoint)))
    [_, found] = wanted(observed)["NetworkPolicy/pets-training"]["spec"]["egress"]
    assert found == {"ports": [{"protocol": "TCP", "port": port}]}, "what it cannot be, the API server says"


def test_a_worker_reaches_the_brokers_port_and_dns_and_nothing_else() -> None:
    assert egress(trained()) == {
        (str(BROKERS), "TCP", 9093, 9093),
        *(("anybody", protocol, port, port) for protocol, port in DNS),
    }


def test_a_worker_is_reached_at_its_http_port_alone() -> None:
    spec = wanted(trained())["NetworkPolicy/pets-inference"]["spec"]
    assert list(allowed(spec["ingress"])) == [("anybody", "TCP", HTTP_PORT, HTTP_PORT)]
    [container] = wanted(trained())["Deployment/pets-inference"]["spec"]["template"]["spec"]["containers"]
    assert [each["containerPort"] for each in container["ports"]] == [HTTP_PORT]


@pytest.mark.parametrize(
    ("address", "first", "last"),
    [
        ("kafka.example.com:9094", 9094, 9094),
        ("bootstrap.apps.example.com:443,other.example.com:443", 443, 443),
        ("192.0.2.7:31234,192.0.2.8:31234", 30000, 32767),
    ],
)
def test_an_address_outside_the_cluster_is_reached_by_its_port(address: str, first: int, last: int) -> None:
    found = egress(trained(kafka=some_kafka(tls=address)))
    kafka = found - {("anybody", protocol, port, port) for protocol, port in DNS}
    assert kafka == {("anybody", "TCP", first, last), (str(BROKERS), "any", 0, 65535)}


def test_the_policy_of_workers_stays_as_it_is_when_kafka_goes() -> None:
    known = KafkaStatus(
        consumer_group="g",
        input_topic="i",
        output_topic="o",
        dead_letter_topic="d",
        secret_name="pets-catdog",  # noqa: S106 - a name
        bootstrap_servers="my-cluster-kafka-bootstrap.kafka.svc:9093",
    )
    status = ModelStatus(versions=(V1,), kafka=known)
    without = trained(kafka=None, deployment=some_deployment(1))
    gone = msgspec.structs.replace(without, model=some_model(OLD_TRAINING, status))
    assert egress(gone) == egress(trained())


def test_a_budget_is_wanted_as_soon_as_there_are_workers() -> None:
    assert "PodDisruptionBudget/pets-inference" not in wanted(some_observed())
    assert "PodDisruptionBudget/pets-inference" in wanted(trained())


def test_workers_are_spread_over_nodes_where_the_claim_lets_them() -> None:
    shared = wanted(trained(claim=some_claim("pets-models", mode="ReadWriteMany")))
    [spread] = shared["Deployment/pets-inference"]["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert selects(spread["labelSelector"], pod_labels(trained(), "Deployment"))
    assert spread["topologyKey"] == "kubernetes.io/hostname"
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway", "no worker waits for a node of its own"
    single = wanted(trained(claim=some_claim("pets-models", mode="ReadWriteOnce")))
    assert "topologySpreadConstraints" not in single["Deployment/pets-inference"]["spec"]["template"]["spec"]
