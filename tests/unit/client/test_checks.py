from typing import Any

import msgspec
import pytest

from catdog_client.cluster.checks import FIELDS, Check, check
from catdog_client.cluster.installed import (
    Deployment,
    DeploymentSpec,
    DeploymentStatus,
    Listener,
    ListenerAuthentication,
)
from catdog_client.cluster.model import Condition, Metadata
from catdog_client.cluster.models import GROUP, PLURAL
from catdog_client.cluster.seen import Hidden, Right
from tests.unit.client.builders import some_cluster, some_kafka, some_model

HIDDEN = Hidden('deployments.apps is forbidden: User "jane" cannot list')
OTHER_KAFKA = (some_model({"kafka": {"bootstrapServers": "broker-0:9093"}}),)
NAME = Metadata("catdog-operator", "catdog-system")
ELSEWHERE = {"name": "my-cluster", "namespace": "kafka"}
PASSWORDS = Listener("outside", authentication=ListenerAuthentication("oauth"))
UNAVAILABLE = Condition("Available", "False", "MinimumReplicasUnavailable", "too few")


def test_where_all_is_well_every_check_says_so() -> None:
    assert {each.verdict for each in check(some_cluster())} == {"ok"}
    assert all(each.remedy is None for each in check(some_cluster()))


@pytest.mark.parametrize(
    ("seen", "name", "message"),
    [
        ({"version": (1, 29)}, "Kubernetes", "it is 1.29"),
        ({"crd_versions": ()}, "CRD catdogmodels.catdog.dev", "it is not there"),
        ({"crd_versions": ("v2",)}, "CRD catdogmodels.catdog.dev", "it serves v2, and not v1alpha1"),
        (
            {"crd_fields": frozenset(FIELDS) - {"spec.inference.modelVersion"}},
            "CRD catdogmodels.catdog.dev",
            "it is of an older release: it lacks spec.inference.modelVersion",
        ),
        ({"operators": ()}, "operator", "it is not there"),
        (
            {"operators": (Deployment(NAME, DeploymentSpec(0)),)},
            "operator",
            "Deployment catdog-operator in catdog-system is scaled to 0",
        ),
        (
            {"operators": (Deployment(NAME, status=DeploymentStatus(0, (UNAVAILABLE,))),)},
            "operator",
            "Deployment catdog-operator in catdog-system has no pod that is available: too few",
        ),
        (
            {"denied": (Right("watch", PLURAL, GROUP), Right("get", "pods", subresource="log"))},
            "your rights in kafka",
            "you may not watch catdogmodels.catdog.dev (for --watch, --wait); get pods/log (for logs)",
        ),
        ({"strimzi_versions": ()}, "Strimzi", "its CRDs are not there"),
        ({"strimzi_versions": ("v1beta2",)}, "Strimzi", "its CRDs serve v1beta2, and not v1"),
        ({"kafkas": (), "models": ()}, "Kafka", "namespace kafka has none"),
        ({"kafkas": ()}, "Kafka kafka/my-cluster", "a model names it, and it is not there"),
        (
            {"kafkas": (some_kafka(listeners=(PASSWORDS,)),)},
            "Kafka kafka/my-cluster",
            "no listener lets users of Strimzi's in; it has outside (no TLS, oauth)",
        ),
        (
            {"kafkas": (some_kafka(authorization=None),)},
            "Kafka kafka/my-cluster",
            "it has no authorization, so users with rights of their own are refused",
        ),
        (
            {"kafkas": (some_kafka(ready="False"),)},
            "Kafka kafka/my-cluster",
            "it is not ready: brokers start",
        ),
        (
            {"default_storage_classes": ()},
            "storage",
            "no storage class is the default, so a model's claim stays Pending",
        ),
    ],
)
def test_a_fault_is_the_only_one_and_says_what_to_do(seen: dict[str, Any], name: str, message: str) -> None:
    [fault] = [each for each in check(some_cluster(**seen)) if each.verdict == "fault"]
    assert (fault.name, fault.message) == (name, message)
    assert fault.remedy


@pytest.mark.parametrize(
    "seen",
    [
        {"strimzi_versions": (), "kafkas": (), "models": OTHER_KAFKA},  # nobody asks for it
        {"kafkas": (), "models": OTHER_KAFKA},
        {"version": (1, 30)},
        {"namespace": "photos", "models": (some_model({"kafka": {"strimzi": ELSEWHERE}}),)},
        {"kafkas": (some_kafka(listeners=(Listener("plain"),), authorization=None),)},  # which lets anyone in
        {
            "default_storage_classes": (),
            "models": (
                some_model(
                    {"storage": {"existingClaim": "models"}, "kafka": {"strimzi": {"name": "my-cluster"}}}
                ),
            ),
        },
    ],
)
def test_what_no_model_asks_for_may_lack(seen: dict[str, Any]) -> None:
    assert {each.verdict for each in check(some_cluster(**seen))} == {"ok"}


UNUSED = msgspec.structs.replace(some_kafka(listeners=(PASSWORDS,)), metadata=Metadata("unused", "kafka"))


@pytest.mark.parametrize(
    "seen",
    [
        {"kafkas": (some_kafka(), UNUSED)},
        {"kafkas": (some_kafka(), UNUSED), "models": ()},  # a first model can name the other
        {"kafkas": (UNUSED,), "models": OTHER_KAFKA},
    ],
)
def test_a_kafka_that_no_model_names_need_not_be_of_use_and_a_hint_says_what_it_lacks(
    seen: dict[str, Any],
) -> None:
    checks = list(check(some_cluster(**seen)))
    assert {each.verdict for each in checks} == {"ok"}
    [hint] = [each for each in checks if each.name == "Kafka kafka/unused"]
    assert hint.message == (
        "no model names it; no listener lets users of Strimzi's in; it has outside (no TLS, oauth)"
    )
    assert hint.remedy
    assert hint.remedy.startswith("before a model names it: give it a listener")


def test_where_no_kafka_is_of_use_to_a_first_model_that_is_a_fault() -> None:
    [fault] = [each for each in check(some_cluster(kafkas=(UNUSED,), models=())) if each.verdict == "fault"]
    assert fault.name == "Kafka kafka/unused"


@pytest.mark.parametrize(
    ("seen", "name"),
    [
        ({"operators": HIDDEN, "models": ()}, "operator"),
        ({"operators": HIDDEN, "models": (some_model(observedGeneration=3),)}, "operator"),
        ({"kafkas": HIDDEN}, "Kafka"),
        ({"default_storage_classes": HIDDEN}, "storage"),
    ],
)
def test_what_may_not_be_seen_is_no_fault(seen: dict[str, Any], name: str) -> None:
    doubtful = [each.name for each in check(some_cluster(**seen)) if each.verdict != "ok"]
    assert name in doubtful
    assert "fault" not in {each.verdict for each in check(some_cluster(**seen)) if each.name == name}


def test_an_operator_that_may_not_be_seen_is_judged_by_its_work() -> None:
    expected = Check("operator", "ok", "it has seen the last edit of every model (1)")
    assert expected in list(check(some_cluster(operators=HIDDEN)))
