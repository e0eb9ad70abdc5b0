"""OpenShift is known by its API group: there the platform chooses a pod's users, elsewhere the operator does.

A CRD of the group is all that this API server has of OpenShift.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.bare.cluster import bare_cluster
from tests.bare.conftest import INSTANCE
from tests.bare.measuring import at_rest
from tests.cluster.audit import Entry, read_audit
from tests.cluster.instance import Instance, down
from tests.cluster.operator_process import operator_process
from tests.cluster.strimzi.kube import Kube
from tests.cluster.waiting import PATIENCE_SECONDS

NAMESPACE = "zoo"
CONSTRAINTS_CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: securitycontextconstraints.security.openshift.io}
spec:
  group: security.openshift.io
  scope: Cluster
  names: {kind: SecurityContextConstraints, plural: securitycontextconstraints}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""


class Story(msgspec.Struct):
    """The templates of a model's Job and Deployment, before and after the operator's restart."""

    openshift: bool
    before: dict[str, Any]
    after: dict[str, Any]
    asked_after: list[Entry]


@pytest.fixture(scope="module", params=[True, False], ids=["on OpenShift", "elsewhere"])
def story(request: pytest.FixtureRequest, bare: str, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Let a model be trained and served on a cluster of the one sort and the other."""
    down(bare)
    return asyncio.run(_live(request.param, tmp_path_factory.mktemp("operator")))


async def _live(openshift: bool, directory: Path) -> Story:  # noqa: FBT001 - the fixture's parameter
    async with bare_cluster(INSTANCE, [NAMESPACE]) as (cluster, kube, fleet):
        if openshift:
            await asyncio.to_thread(_pretend_openshift, cluster)
        with operator_process(cluster, directory):
            await fleet.grow(1)
            await fleet.rest(PATIENCE_SECONDS)
        before, ended = await _templates(kube), datetime.now(UTC)
        with operator_process(cluster, directory) as operator:
            await at_rest(operator, cluster)
        asked = read_audit(cluster.layout.audit_log, ended)
        return Story(openshift, before, await _templates(kube), asked)


def _pretend_openshift(cluster: Instance) -> None:
    cluster.kubectl("apply", "-f", "-", input=CONSTRAINTS_CRD)
    crd = "crd/securitycontextconstraints.security.openshift.io"
    cluster.kubectl("wait", crd, "--for=condition=Established", "--timeout=240s")


async def _templates(kube: Kube) -> dict[str, Any]:
    children = [child for kind in ("Job", "Deployment") for child in await kube.list(kind, NAMESPACE)]
    return {child["kind"]: child["spec"]["template"] for child in children}


@pytest.mark.parametrize("kind", ["Job", "Deployment"])
def test_users_and_groups_are_the_platforms_on_openshift_and_the_operators_elsewhere(
    story: Story, kind: str
) -> None:
    security = story.before[kind]["spec"]["securityContext"]
    chosen = {field for field in security if field.startswith(("runAs", "fsGroup"))} - {"runAsNonRoot"}
    ours = {"runAsUser", "runAsGroup", "fsGroup", "fsGroupChangePolicy"}
    assert chosen == (set() if story.openshift else ours)


@pytest.mark.parametrize("kind", ["Job", "Deployment"])
def test_the_pods_are_restricted_on_both(story: Story, kind: str) -> None:
    spec = story.before[kind]["spec"]
    [container] = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_a_restart_changes_no_template(story: Story) -> None:
    assert story.after == story.before
    assert [entry for entry in story.asked_after if entry.is_write] == []
