"""What a model's Kafka user may do: exactly what its workers need, of which none can be missing."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import NewTopic
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError

from tests.cluster.instance import Instance
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.claims import claim_with_versions, served_from
from tests.e2e.kafka import first_record, produce
from tests.e2e.kafka_clients import administering, consuming
from tests.e2e.models import NAMESPACE, Model, condition
from tests.e2e.strimzi import Client
from tests.tiny_version import picture

NAME = "rights"
TOPICS = {name: {"name": f"rights-{name.lower()}"} for name in ("input", "output", "deadLetters")}
INPUT, OUTPUT, DEAD_LETTERS = (topic["name"] for topic in TOPICS.values())
Rule = dict[str, Any]

Right = tuple[str, str]
Lacking = dict[Right, Model]

# By what a user lacks: what is then said of its workers, at once, or when a worker has tried for a while.
MISSING_AT_ONCE: dict[Right, str] = {
    (INPUT, "Read"): f"[Error 29] TopicAuthorizationFailedError: {INPUT}",
    ("catdog.kafka.rights", "Read"): "[Error 30] GroupAuthorizationFailedError",
}
MISSING_LATER: dict[Right, str] = {
    (OUTPUT, "Write"): f"[Error 29] TopicAuthorizationFailedError: {OUTPUT}",
    (DEAD_LETTERS, "Write"): f"[Error 29] TopicAuthorizationFailedError: {DEAD_LETTERS}",
}
MISSING = MISSING_AT_ONCE | MISSING_LATER


@pytest.fixture(scope="module")
def model(cluster: Instance) -> Iterator[Model]:
    """Give the model whose user the operator makes; records of both kinds wait for whoever comes."""
    claim_with_versions(cluster, NAME, NAME, *map(name_without, MISSING))
    model = Model(cluster, NAME)
    model.apply(served_from(NAME, {"strimzi": {"name": "my-cluster"}, "topics": TOPICS}))
    model.await_ready(version=1)
    asyncio.run(produce(cluster, INPUT, picture("red"), key=b"red"))
    asyncio.run(produce(cluster, INPUT, b"no picture", key=b"text"))
    yield model
    model.delete()
    cluster.kubectl("delete", "kafkauser", "-n", NAMESPACE, "-l", f"catdog.dev/test={NAME}")


def test_the_user_has_these_rights_and_no_others(model: Model) -> None:
    rights = {(rule["resource"]["name"], each) for rule in rules_of(model) for each in rule["operations"]}
    assert rights == MISSING.keys()


@pytest.fixture(scope="module")
def lacking(cluster: Instance, model: Model) -> Iterator[Lacking]:
    """Give a model for each right that is missed at once, whose user has all others."""
    with models_without(MISSING_AT_ONCE, cluster, model) as models:
        yield models


@contextmanager
def models_without(rights: Iterable[Right], cluster: Instance, model: Model) -> Iterator[Lacking]:
    """Give a model for each right, whose user has all others."""
    models = {right: Model(cluster, name_without(right)) for right in rights}
    for right, each in models.items():
        give(each, [rule for rule in rules_of(model) if right_of(rule) != right])
        login = {"type": "tls", "secretName": each.name}
        trust = {"trustedCertificates": [{"secretName": "my-cluster-cluster-ca-cert", "pattern": "*.crt"}]}
        servers = {"bootstrapServers": "my-cluster-kafka-bootstrap.kafka.svc:9093"}
        each.apply(served_from(NAME, servers | {"authentication": login, "tls": trust, "topics": TOPICS}))
    try:
        yield models
    finally:
        for each in models.values():
            each.delete()


@pytest.mark.parametrize("right", MISSING_AT_ONCE)
def test_each_right_that_is_missing_is_told(lacking: Lacking, right: Right) -> None:
    assert_told(lacking[right], right)


def test_and_is_no_reason_to_restart_and_heals_when_it_is_given(
    cluster: Instance, model: Model, lacking: Lacking
) -> None:
    assert_heals(cluster, model, lacking)


@pytest.mark.soak
def test_a_right_to_write_that_is_missing_is_told_later_and_heals(cluster: Instance, model: Model) -> None:
    with models_without(MISSING_LATER, cluster, model) as lacking:
        for right, each in lacking.items():
            assert_told(each, right)
        assert_heals(cluster, model, lacking)


def assert_told(model: Model, right: Right) -> None:
    # A user has its certificate before its rights, so that another may seem to be missing at first.
    model.await_status(
        lambda each: (
            condition(each, "Serving")[:2] == ("False", "KafkaUnusable")
            and MISSING[right] in condition(each, "Serving")[2]
        ),
        f"Kafka can't be used: {MISSING[right]}",
    )


def assert_heals(cluster: Instance, model: Model, lacking: Lacking) -> None:
    for each in lacking.values():
        give(each, rules_of(model))
    for each in lacking.values():
        each.await_ready(version=1)
        assert list(each.restarts().values()) == [0]
        asyncio.run(first_record(cluster, OUTPUT, partial(is_answer_of, each)))


@pytest.fixture
async def workers(cluster: Instance, model: Model, tmp_path: Path) -> Client:
    """Return a client with the certificate of the model's workers."""
    model.await_ready()
    return await Client.of_user(cluster.kubeconfig, f"{NAME}-catdog", tmp_path)


async def read_answers(client: Client) -> None:
    await client.consume(OUTPUT)


async def write_pictures(client: Client) -> None:
    await client.produce(INPUT, picture("red"))


async def read_by_another_group(client: Client) -> None:
    async with consuming(INPUT, **client.settings(), group_id="somebody-elses") as consumer:
        await asyncio.wait_for(consumer.getone(), PATIENCE_SECONDS)


async def read_what_another_model_is_asked(client: Client) -> None:
    await client.consume("rights-of-another")


async def make_a_topic(client: Client) -> None:
    async with administering(**client.settings()) as admin:
        answer = await admin.create_topics([NewTopic("rights-new", 1, 1)])
    [(_, code, *_)] = answer.topic_errors
    if code == TopicAuthorizationFailedError.errno:
        raise TopicAuthorizationFailedError


@pytest.mark.parametrize(
    ("attempt", "refusal"),
    [
        (read_answers, TopicAuthorizationFailedError),
        (write_pictures, TopicAuthorizationFailedError),
        (read_what_another_model_is_asked, TopicAuthorizationFailedError),
        (read_by_another_group, GroupAuthorizationFailedError),
        (make_a_topic, TopicAuthorizationFailedError),
    ],
)
async def test_what_was_not_granted_is_refused(
    workers: Client,
    attempt: Callable[[Client], Coroutine[None, None, None]],
    refusal: type[KafkaError],
) -> None:
    with pytest.raises(refusal):
        await attempt(workers)


def rules_of(model: Model) -> list[Rule]:
    """Return the rules of the user that the operator has made."""
    [user] = model.children("kafkausers")
    rules: list[Rule] = user["spec"]["authorization"]["acls"]
    return rules


def right_of(rule: Rule) -> Right:
    return rule["resource"]["name"], rule["operations"][0]


def name_without(right: Right) -> str:
    resource, operation = right
    return f"rights-less-{operation.lower()}-{resource.removeprefix('rights-').replace('.', '-')}"


def give(model: Model, rules: list[Rule]) -> None:
    """Make the model's user have these rights, by the model's own group."""
    group = {"type": "group", "name": f"catdog.kafka.{model.name}", "patternType": "literal"}
    acls = [rule | {"resource": group} if rule["resource"]["type"] == "group" else rule for rule in rules]
    labels = {"strimzi.io/cluster": "my-cluster", "catdog.dev/test": NAME}
    user = {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaUser",
        "metadata": {"name": model.name, "namespace": NAMESPACE, "labels": labels},
        "spec": {"authentication": {"type": "tls"}, "authorization": {"type": "simple", "acls": acls}},
    }
    model.cluster.kubectl("apply", "-f", "-", input=json.dumps(user))


def is_answer_of(model: Model, record: Any) -> bool:  # noqa: ANN401 - an aiokafka.ConsumerRecord
    answer = json.loads(record.value)
    return (answer["id"], answer["model"]["name"]) == ("red", model.name)
