"""The console finds the topic of a shadow's answers where the operator has them written."""

from typing import Any

import pytest

from catdog_console.topics import read_topics
from catdog_operator.resolve import resolve
from tests.unit.operator.builders import some_model


@pytest.mark.parametrize(
    "kafka",
    [
        {},
        {"strimzi": {"name": "my-cluster", "namespace": "elsewhere"}},
        {"topics": {"shadow": {"name": "beside"}}},
    ],
)
def test_a_shadows_topic_is_called_as_the_operator_calls_it(kafka: dict[str, Any]) -> None:
    model = some_model(inference={"shadowVersion": 2}, kafka={"strimzi": {"name": "my-cluster"}} | kafka)
    resolved = resolve(model)
    assert resolved.shadow is not None
    status = {
        "inputTopic": resolved.input.name,
        "outputTopic": resolved.output.name,
        "deadLetterTopic": resolved.dead_letters.name,
    }
    found = read_topics(
        {
            "metadata": {"namespace": model.namespace, "name": model.name},
            "spec": {"inference": {"shadowVersion": 2}, "kafka": kafka},
            "status": {"kafka": status},
        }
    )
    assert found.shadow == resolved.shadow.name
