"""How workers are let in by a listener of Strimzi's: the way that the listener has, and no other."""

from typing import Any

import msgspec
import pytest

from catdog_operator import strimzi_views as strimzi
from catdog_operator.manifests.kafka_login import Connection
from catdog_operator.observed import Observed
from catdog_operator.plan import plan
from catdog_operator.status_fields import ModelStatus, Version
from tests.unit.operator.builders import (
    condition,
    some_deployment,
    some_kafka,
    some_model,
    some_observed,
    some_worker,
    status_of,
    wanted_names,
)

V1 = Version(version=1, hash="572360246d", accuracy=0.91, photos=940, trained_at="2026-03-01T11:00:00Z")


def over(authentication: str | None, *, tls: bool = True, **fields: Any) -> Observed:  # noqa: ANN401
    """Return a model over a listener of this kind."""
    way_in = strimzi.ListenerAuthentication(authentication) if authentication else None
    listener = strimzi.ListenerSpec("tls", tls=tls, authentication=way_in)
    spec = strimzi.KafkaClusterSpec(strimzi.KafkaSettings((listener,)))
    kafka = msgspec.structs.replace(some_kafka(), spec=spec)
    return some_observed(some_model(status=ModelStatus(versions=(V1,))), kafka=kafka, **fields)


def connection(observed: Observed) -> Connection:
    found = plan(observed).connection
    assert found is not None
    return found


def user_of(observed: Observed) -> dict[str, Any]:
    [user] = [each for each in plan(observed).apply if each["kind"] == "KafkaUser"]
    found: dict[str, Any] = user
    return found


@pytest.mark.parametrize("authentication", ["tls", "scram-sha-512"])
def test_the_user_is_one_that_the_listener_lets_in(authentication: str) -> None:
    assert user_of(over(authentication))["spec"]["authentication"] == {"type": authentication}


def test_by_scram_the_workers_have_the_users_name_and_its_password() -> None:
    found = connection(over("scram-sha-512"))
    assert (found.mechanism, found.username) == ("SCRAM-SHA-512", "pets-catdog")
    assert (found.secret_name, found.protocol) == ("pets-catdog", "SASL_SSL")


def test_by_certificate_they_have_neither_name_nor_mechanism() -> None:
    found = connection(over("tls"))
    assert (found.mechanism, found.username, found.protocol) == (None, None, "SSL")


def test_where_the_listener_lets_anyone_in_no_user_is_made_and_none_awaited() -> None:
    observed = over(None, user=None)
    assert [name for name in wanted_names(plan(observed)) if name.startswith("KafkaUser")] == []
    assert connection(observed).secret_name is None
    assert condition(observed, "KafkaReady")[0] == "True"


@pytest.mark.parametrize(
    ("authentication", "protocol"), [("scram-sha-512", "SASL_PLAINTEXT"), (None, "PLAINTEXT")]
)
def test_without_tls_there_is_nothing_to_trust(authentication: str | None, protocol: str) -> None:
    observed = over(authentication, tls=False)
    assert connection(observed).trusted == ()
    kafka = status_of(observed).kafka
    assert kafka is not None
    assert kafka.security_protocol == protocol


def test_another_way_in_is_told_with_what_to_name_instead() -> None:
    assert condition(over("custom"), "KafkaReady") == (
        "False",
        "ListenerNotSupported",
        (
            "listener tls of Kafka my-cluster lets clients in by custom; name one in "
            "spec.kafka.strimzi.listener that does by tls or scram-sha-512, or lets anyone in"
        ),
    )


@pytest.mark.parametrize("authentication", ["tls", "scram-sha-512"])
def test_a_kafka_that_is_gone_is_still_reached_as_it_was(authentication: str) -> None:
    before = over(authentication)
    model = some_model(status=msgspec.structs.replace(status_of(before), versions=(V1,)))
    gone = some_observed(model, kafka=None, deployment=some_deployment(1), inference_pods=(some_worker(1),))
    assert connection(gone) == connection(before)
