"""When an object is as it is wanted, and what a patch has to say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog_operator.drift import differs, merge_patch, parse_quantity
from tests.unit.operator.fake_api import merged

WANTED: dict[str, Any] = {
    "spec": {"replicas": 2, "containers": [{"name": "a", "env": [{"name": "X", "value": "1"}]}]}
}


def test_what_others_add_is_no_drift() -> None:
    observed = {
        "status": {},
        "spec": {
            "replicas": 2,
            "paused": False,
            "containers": [{"name": "a", "env": [{"name": "X", "value": "1"}], "dnsPolicy": "ClusterFirst"}],
        },
    }
    assert not differs(WANTED, observed)


@pytest.mark.parametrize(
    "spec",
    [
        {"replicas": 1, "containers": WANTED["spec"]["containers"]},
        {"replicas": 2, "containers": []},
        {"replicas": 2, "containers": [{"name": "a", "env": [{"name": "X", "value": "2"}]}]},
        {"replicas": 2, "containers": [{"name": "a"}]},
        {"containers": WANTED["spec"]["containers"]},
        {"replicas": 2, "containers": [*WANTED["spec"]["containers"], {"name": "sidecar"}]},
    ],
)
def test_a_leaf_that_is_not_as_wanted_is_drift(spec: dict[str, Any]) -> None:
    assert differs(WANTED, {"spec": spec})


def test_quantities_are_compared_as_numbers() -> None:
    wanted = {"resources": {"requests": {"cpu": "0.5", "memory": "1024Mi"}, "limits": {"cpu": 2}}}
    stored = {"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "2"}}}
    assert not differs(wanted, stored)
    assert differs(wanted, {"resources": {"requests": {"cpu": "500m", "memory": "1G"}, "limits": {"cpu": 2}}})


@pytest.mark.parametrize(
    ("quantity", "number"),
    [("1", 1), (3, 3), ("1k", 1000), ("1Ki", 1024), ("1.5Gi", 1610612736), ("2e3", 2000), ("1E", 10**18)],
)
def test_quantities_are_read_as_kubernetes_reads_them(quantity: str | int, number: int) -> None:
    assert parse_quantity(quantity) == number


def test_what_is_no_quantity_is_refused() -> None:
    with pytest.raises(ValueError, match="much is no quantity"):
        parse_quantity("much")


LEAVES = st.integers(0, 3) | st.text("ab", max_size=2) | st.lists(st.integers(0, 2))
OBJECTS = st.dictionaries(
    st.sampled_from("abcd"),
    st.recursive(
        LEAVES,
        lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, min_size=1),
    ),
)


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_makes_what_is_observed_what_is_wanted(
    wanted: dict[str, Any], observed: dict[str, Any]
) -> None:
    patch = merge_patch(wanted, observed)
    assert merged(observed, patch) == wanted
    assert (patch == {}) == (wanted == observed)
