"""Models over a Kafka in another namespace, as the how-to has it: each test goes on from the one before."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cache import REPOSITORY
from tests.cluster.instance import Instance
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.claims import claim_with_versions
from tests.e2e.kafka import first_record, produce
from tests.e2e.models import Model, condition, watched
from tests.howto import read_blocks, run_section
from tests.tiny_version import picture

HOME = "photos"
KAFKA = "kafka"
HOWTO = REPOSITORY / "docs" / "how-to" / "kafka-in-another-namespace.md"
SECTIONS = COPIES, ACCESS, END = ("With Secrets that you copy", "With a KafkaAccess", "Take it away again")
TOPICS = ("images", "predictions", "dead-letters")
SAMPLE: dict[str, Any] = {"dataset": {"sample": {}}}
# Beside the how-to's models, `pets` and `strays`, one that comes before its Secrets, and one with a password.
MODELS = ("pets", "strays", "puppies", "singers")
PUPPIES = {
    "strimzi": {"name": "my-cluster", "namespace": KAFKA},
    "authentication": {"type": "tls", "secretName": "kafka-user"},
    "tls": {"trustedCertificates": [{"secretName": "kafka-ca", "pattern": "*.crt"}]},
    "topics": {"whenDeleted": "Delete"},
}
STRAYS_TOPICS = {
    "input": {"name": "strays-images"},
    "output": {"name": "strays-predictions"},
    "deadLetters": {"name": "strays-dead-letters"},
}
SINGERS = {"access": {"name": "singers"}, "topics": STRAYS_TOPICS}
RIGHTS = [
    {
        "resource": {"type": "topic", "name": "strays-", "patternType": "prefix"},
        "operations": ["Read", "Write"],
    },
    {"resource": {"type": "group", "name": "catdog.photos.singers"}, "operations": ["Read"]},
]


@pytest.fixture(scope="module")
def home(cluster: Instance) -> Iterator[str]:
    """Give a namespace beside Kafka's, with a version of each model on its claim."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME, "labels": labels}}
    _take_away(cluster)
    _apply(cluster, namespace)
    for name in MODELS:
        claim_with_versions(cluster, f"{name}-models", name, namespace=HOME)
    yield HOME
    _take_away(cluster)


@pytest.fixture(scope="module")
def howto(cluster: Instance, home: str, tmp_path_factory: pytest.TempPathFactory) -> "HowTo":
    """Return the how-to, which is followed in a directory of its own."""
    assert home
    assert {block.section for block in read_blocks(HOWTO.read_text())} == set(SECTIONS)
    return HowTo(cluster, tmp_path_factory.mktemp("howto"))


class HowTo:
    """The how-to, and a person who follows it."""

    def __init__(self, cluster: Instance, directory: Path) -> None:
        self._environment = cluster.environment()
        self._directory = directory

    def follow(self, section: str) -> None:
        """Do what the how-to says under a heading."""
        run_section(HOWTO, section, self._directory, self._environment)


@pytest.mark.usefixtures("home")
def test_secrets_that_are_not_there_are_named(cluster: Instance) -> None:
    puppies = Model(cluster, "puppies", HOME)
    puppies.apply({"training": SAMPLE, "kafka": PUPPIES})
    # The kubelet tells of one after the other.
    both = "waits for Secret kafka-ca and Secret kafka-user, which are not there; create them"
    status = puppies.await_status(
        lambda status: condition(status, "Serving")[2].endswith(both), "neither of its Secrets is there"
    )
    assert condition(status, "Serving")[1] == "SecretNotFound"


def test_a_model_serves_by_secrets_that_were_copied(cluster: Instance, howto: HowTo) -> None:
    howto.follow(COPIES)
    topics = _topics_of(cluster, "pets")
    assert topics == {f"photos.pets-{each}" for each in TOPICS}


async def test_it_answers_a_picture(cluster: Instance) -> None:
    assert await _answers(cluster, "photos.pets", {"pets"}) == {"pets": "cat"}


def test_the_model_that_waited_for_the_secrets_has_got_over_it(cluster: Instance) -> None:
    Model(cluster, "puppies", HOME).await_ready(version=1)


@pytest.mark.usefixtures("home")
def test_a_kafka_access_that_is_not_there_is_named(cluster: Instance) -> None:
    singers = Model(cluster, "singers", HOME)
    singers.apply({"training": SAMPLE, "kafka": SINGERS})
    message = (
        "KafkaAccess singers is not in namespace photos; create it or name another in spec.kafka.access.name"
    )
    singers.await_condition("KafkaReady", ("False", "KafkaAccessNotFound", message))


def test_a_model_serves_by_a_kafka_access(cluster: Instance, howto: HowTo) -> None:
    howto.follow(ACCESS)
    assert _topics_of(cluster, "strays") == set()
    told = condition(Model(cluster, "strays", HOME).status(), "KafkaReady")
    assert told[:2] == ("True", "TakenOnTrust")
    assert _get(cluster, "secret", "strays")["type"] == "servicebinding.io/kafka"


def test_a_password_comes_by_a_kafka_access_too(cluster: Instance) -> None:
    user = {"kind": "KafkaUser", "apiGroup": "kafka.strimzi.io", "name": "photos-singers", "namespace": KAFKA}
    authorization = {"type": "simple", "acls": RIGHTS}
    _apply(
        cluster,
        {
            "apiVersion": "access.strimzi.io/v1alpha1",
            "kind": "KafkaAccess",
            "metadata": {"name": "singers", "namespace": HOME},
            "spec": {"kafka": {"name": "my-cluster", "namespace": KAFKA}, "user": user},
        },
    )
    missing = "KafkaAccess singers has no Secret yet: KafkaUser kafka/photos-singers missing"
    singers = Model(cluster, "singers", HOME)
    singers.await_condition("KafkaReady", ("False", "KafkaAccessNotReady", missing))
    metadata = {"name": "photos-singers", "namespace": KAFKA, "labels": {"strimzi.io/cluster": "my-cluster"}}
    spec = {"authentication": {"type": "scram-sha-512"}, "authorization": authorization}
    _apply(
        cluster,
        {"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaUser", "metadata": metadata, "spec": spec},
    )
    singers.await_ready(version=1)


async def test_both_answer_a_picture(cluster: Instance) -> None:
    answers = await _answers(cluster, "strays", {"strays", "singers"})
    assert answers == {"strays": "cat", "singers": "cat"}


def test_the_secret_of_a_kafka_access_follows_its_users(cluster: Instance) -> None:
    before = _get(cluster, "secret", "singers")["data"]
    look = (
        "secrets",
        "-n",
        HOME,
        "--field-selector",
        "metadata.name=singers",
        "-o",
        "jsonpath={.data.password}{'\\n'}",
    )
    with watched(cluster, *look, timeout=PATIENCE_SECONDS) as passwords:
        cluster.kubectl("delete", "secret", "photos-singers", "-n", KAFKA)
        assert any(each.strip() not in ("", before["password"]) for each in passwords)
    after = _get(cluster, "secret", "singers")["data"]
    assert {key for key in before if after[key] != before[key]} == {"password", "sasl.jaas.config"}


def test_topics_go_with_their_model_but_not_one_that_another_uses(cluster: Instance, howto: HowTo) -> None:
    puppies = Model(cluster, "puppies", HOME)
    shared = {"topics": {"input": {"name": "photos.pets-images"}}}
    puppies.patch({"kafka": shared, "inference": {"replicas": 0}})
    puppies.await_status(
        lambda status: status.get("observedGeneration") == puppies.generation(), "it has seen the edit"
    )
    howto.follow(END)
    # The operator decides on all topics of a model at once.
    _await_gone(cluster, "photos.pets-predictions", "photos.pets-dead-letters")
    assert _topics_of(cluster, "pets") == {"photos.pets-images"}
    puppies.delete()
    _await_gone(cluster, "photos.pets-images", *(f"photos.puppies-{each}" for each in TOPICS))


def _apply(cluster: Instance, manifest: dict[str, Any]) -> None:
    cluster.kubectl("apply", "-f", "-", input=json.dumps(manifest))


def _get(cluster: Instance, kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster.kubectl("get", kind, name, "-n", HOME, "-o", "json"))
    return found


async def _answers(cluster: Instance, topics: str, models: set[str]) -> dict[str, str]:
    """Send a red picture; return what each of the models answers."""
    await produce(cluster, f"{topics}-images", picture("red"), key=b"red-1")
    found: dict[str, str] = {}

    def is_last(record: Any) -> bool:  # noqa: ANN401 - aiokafka has no types
        answer = json.loads(record.value)
        found[answer["model"]["name"]] = answer["label"]
        return found.keys() >= models

    await first_record(cluster, f"{topics}-predictions", is_last)
    return found


def _of(model: str) -> tuple[str, ...]:
    return "kafkatopics", "-n", KAFKA, "-l", f"catdog.dev/namespace={HOME},catdog.dev/model={model}"


def _topics_of(cluster: Instance, model: str) -> set[str]:
    return set(cluster.kubectl("get", *_of(model), "-o", "jsonpath={.items[*].metadata.name}").split())


def _await_gone(cluster: Instance, *topics: str) -> None:
    names = [f"kafkatopic/{topic}" for topic in topics]
    cluster.kubectl("wait", "--for=delete", *names, "-n", KAFKA, "--timeout=240s")


def _take_away(cluster: Instance) -> None:
    """Remove what these tests, or such that were stopped, have made."""
    cluster.kubectl("delete", "namespace", HOME, "--ignore-not-found", "--timeout=240s")
    for kind, names in {
        "kafkauser": ("photos", "photos-strays", "photos-singers"),
        "kafkatopic": tuple(topic["name"] for topic in STRAYS_TOPICS.values()),
    }.items():
        cluster.kubectl("delete", kind, *names, "-n", KAFKA, "--ignore-not-found")
    cluster.kubectl("delete", "kafkatopic", "-n", KAFKA, "-l", f"catdog.dev/namespace={HOME}")
