"""The rights that the operator is granted are those that it used, by the API server's audit log of all tests.

`make e2e` runs it at last, over the clusters of all lanes: only then the logs have all that an operator does.
"""

import json

import pytest

from tests.cluster.audit import Entry, Right, read_audit, rights_of
from tests.cluster.instance import Instance
from tests.lanes import clusters_of_the_run


@pytest.fixture(scope="module")
def clusters() -> list[Instance]:
    """Return the clusters that the whole suite has left up."""
    clusters = clusters_of_the_run()
    assert clusters, "no cluster is up: `make e2e` leaves them, and runs this at last"
    return clusters


@pytest.fixture(scope="module")
def entries(clusters: list[Instance]) -> list[Entry]:
    """Return all that the operator asked of them."""
    return [entry for cluster in clusters for entry in read_audit(cluster.layout.audit_log)]


def test_the_rights_are_those_that_were_used(clusters: list[Instance], entries: list[Entry]) -> None:
    used = {right for entry in entries for right in rights_used(entry)}
    granted = rights_granted(clusters[0])
    assert used - granted == set(), "what was refused"
    assert granted - used == set(), "what was never used"


def test_secrets_were_never_asked_for(entries: list[Entry]) -> None:
    assert entries
    assert {entry.resource for entry in entries}.isdisjoint({"secrets", "configmaps"})


def rights_used(entry: Entry) -> set[Right]:
    """Return the rights that a request took; one that applied what was not there yet took two."""
    if not entry.resource or entry.code in (403, 404):
        return set()
    resource = f"{entry.resource}/{entry.subresource}" if entry.subresource else entry.resource
    right = (entry.group, resource, entry.verb)
    if (entry.verb, entry.code) == ("patch", 201):
        return {right, (entry.group, resource, "create")}
    return {right}


def rights_granted(cluster: Instance) -> set[Right]:
    """Return what the operator's ClusterRole grants."""
    role = json.loads(cluster.kubectl("get", "clusterrole", "catdog-operator", "-o", "json"))
    return rights_of(role)
