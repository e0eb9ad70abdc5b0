"""The rights that the operator is granted are those that it used, by the API server's audit log of all tests.

It runs last (see conftest.py), as only then the log has all that an operator does.
"""

import json

import pytest

from tests.cluster.audit import Entry, read_audit
from tests.cluster.instance import Instance

Right = tuple[str, str, str]  # API group, resource or resource/subresource, verb
# What calls for rights that no other module's tests need.
MODULES = {"test_main_job", "test_bad_input", "test_versions", "test_failures"}


def test_the_rights_are_those_that_were_used(cluster: Instance, request: pytest.FixtureRequest) -> None:
    run = {item.path.stem for item in request.session.items}
    if missing := MODULES - run:
        pytest.skip(f"only the whole suite uses all rights; it ran without {', '.join(sorted(missing))}")
    entries = read_audit(cluster.layout.audit_log)
    used = {right for entry in entries for right in rights_used(entry)}
    granted = rights_granted(cluster)
    assert used - granted == set(), "what was refused"
    assert granted - used == set(), "what was never used"


def test_secrets_were_never_asked_for(cluster: Instance) -> None:
    entries = read_audit(cluster.layout.audit_log)
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
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
