"""The operator's configuration: what nobody can mean ends it as it starts, by its name."""

import pytest

from catdog_operator.config import read_config


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CATDOG_WORKERS", "0"),
        ("CATDOG_RETRY_SECONDS", "-1"),
        ("CATDOG_LONGEST_RETRY_SECONDS", "0"),
        ("CATDOG_PARALLEL_ROLLOUTS", "-1"),
        ("CATDOG_HTTP_PORT", "65536"),
        ("CATDOG_METRICS_PORT", "0"),
    ],
)
def test_a_value_that_would_have_it_stand_still_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name.removeprefix("CATDOG_").lower()):
        read_config({name: value})


def test_upgrades_may_be_held_back() -> None:
    assert read_config({"CATDOG_PARALLEL_ROLLOUTS": "0"}).parallel_rollouts == 0
