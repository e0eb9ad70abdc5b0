from typing import Any

import msgspec
import pytest

from catdog_client.errors import ClientError
from catdog_common.kafka_binding import KafkaLogin
from catdog_common.kafka_security import KafkaSecurity
from catdog_console.topics import read_topics, why_out_of_reach
from catdog_console.views_of_kafka import ModelTopics

Object = dict[str, Any]

STATUS = {
    "bootstrapServers": "my-cluster-kafka-bootstrap.kafka.svc:9093",
    "inputTopic": "pets-images",
    "outputTopic": "pets-predictions",
    "deadLetterTopic": "pets-dead-letters",
}


def body(inference: Object | None = None, kafka: Object | None = None) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "home", "name": "pets"},
        "spec": {"kafka": kafka or {}, "inference": inference or {}},
        "status": {"kafka": STATUS},
    }


def login(servers: str) -> KafkaLogin:
    return KafkaLogin(servers, KafkaSecurity(None, None))


def test_a_models_topics_are_those_of_its_status() -> None:
    assert read_topics(body()) == ModelTopics(
        namespace="home",
        name="pets",
        servers="my-cluster-kafka-bootstrap.kafka.svc:9093",
        input="pets-images",
        output="pets-predictions",
        dead_letters="pets-dead-letters",
        shadow=None,
        max_image_bytes=10 * 1024 * 1024,
    )


def test_a_shadows_topic_is_known_where_there_is_a_shadow() -> None:
    named: Object = {"topics": {"shadow": {"name": "beside"}}, "maxImageBytes": 7}
    topics = read_topics(body({"shadowVersion": 2}, named))
    assert (topics.shadow, topics.max_image_bytes) == ("beside", 7)
    assert read_topics(body({}, named)).shadow is None


def test_a_model_that_says_nothing_of_kafka_yet_is_an_error_that_says_what_to_look_at() -> None:
    young = body() | {"status": {}}
    with pytest.raises(
        ClientError, match=r"model pets has no status\.kafka yet: see whether the operator runs"
    ):
        read_topics(young)


@pytest.mark.parametrize(
    ("servers", "why"),
    [
        ("my-cluster-kafka-bootstrap.kafka.svc:9093", None),
        ("my-cluster-kafka-bootstrap.kafka.svc:9092", None),  # another listener of the same Kafka
        ("broker-0:9093, my-cluster-kafka-bootstrap.kafka.svc:9094", None),
        ("", "The console was given no Kafka: set CATDOG_KAFKA_BOOTSTRAP_SERVERS"),
        (
            "other-kafka-bootstrap.kafka.svc:9093",
            "The Kafka of model pets is at my-cluster-kafka-bootstrap.kafka",
        ),
    ],
)
def test_a_login_for_another_kafka_is_none_for_the_model(servers: str, why: str | None) -> None:
    said = why_out_of_reach(read_topics(body()), login(servers))
    assert said is None if why is None else str(said).startswith(why)


def test_a_model_whose_kafka_is_not_known_is_out_of_reach() -> None:
    topics = msgspec.structs.replace(read_topics(body()), servers=None)
    assert why_out_of_reach(topics, login("broker:9093")) == (
        "Model pets does not say where its Kafka is: see its condition KafkaReady."
    )
