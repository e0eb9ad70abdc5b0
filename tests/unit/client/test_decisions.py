from datetime import UTC, datetime
from typing import Any

import pytest

from catdog_client.cluster.decisions import (
    check_version,
    is_ready,
    is_settled,
    new_revision,
    served_before,
)
from catdog_client.errors import ClientError
from tests.unit.client.builders import FAILURE, PROGRESS, SERVING, VERSIONS, some_model


def test_ready_is_what_is_said_of_the_last_edit() -> None:
    assert is_ready(some_model())
    assert not is_ready(some_model(observedGeneration=3))
    not_ready = [{**SERVING["conditions"][0], "status": "False"}]
    assert not is_ready(some_model(conditions=not_ready))
    assert not is_ready(some_model(conditions=[]))


@pytest.mark.parametrize(
    ("settled", "status"),
    [
        (True, {}),
        (False, {"observedGeneration": 3}),
        (False, {"phase": "Training", "progress": PROGRESS}),
        (False, {"phase": "Training"}),
        (False, {"phase": "RollingOut"}),
        (False, {"phase": "Pending"}),
        (False, {"phase": "Degraded"}),  # Kafka, say, which heals by itself
        (True, {"phase": "Degraded", "lastFailure": FAILURE}),
        (True, {"phase": "Failed", "lastFailure": FAILURE}),
        (False, {"phase": "Degraded", "lastFailure": {**FAILURE, "nextAttemptTime": "2026-11-30T12:05:00Z"}}),
        (True, {"phase": "Serving", "lastFailure": {**FAILURE, "hash": "of others"}}),
        (True, {"phase": "Failed"}),  # the gate let nothing pass
        (True, {"phase": "Paused"}),
    ],
)
def test_settled_is_what_only_an_edit_will_change(settled: bool, status: dict[str, Any]) -> None:  # noqa: FBT001
    assert is_settled(some_model(**status)) is settled


def test_the_version_that_served_before_is_the_last_other_one_that_is_still_there() -> None:
    assert served_before(some_model()).version == 1
    history = [
        {"version": each, "time": "2026-11-30T09:00:00Z", "reason": "Pinned"} for each in (2, 2, 3, 1, 2)
    ]
    assert served_before(some_model(history=history)).version == 1, "3 was removed, and 2 serves"


def test_without_one_the_versions_that_there_are_are_named() -> None:
    with pytest.raises(ClientError, match=r"^no version that served before is .* of pets: name one of 1$"):
        served_before(some_model(history=[]))
    with pytest.raises(ClientError, match="there is no other version"):
        served_before(some_model(history=[], versions=VERSIONS[:1]))


def test_a_version_that_is_not_there_is_refused_with_those_that_are() -> None:
    check_version(some_model(), 1)
    with pytest.raises(ClientError, match=r"^pets has no version 3: it has 1 and 2$"):
        check_version(some_model(), 3)
    with pytest.raises(ClientError, match=r"^pets has no version 1: nothing is trained yet$"):
        check_version(some_model(versions=[]), 1)


def test_a_revision_is_the_time_unless_it_is_given_and_never_the_present_one() -> None:
    now = datetime(2026, 11, 30, 12, 0, 1, tzinfo=UTC)
    model = some_model({"training": {"revision": "first"}})
    assert new_revision(model, None, now) == "2026-11-30T12:00:01Z"
    assert new_revision(model, "second", now) == "second"
    with pytest.raises(ClientError, match=r"has spec\.training\.revision 'first' already"):
        new_revision(model, "first", now)
