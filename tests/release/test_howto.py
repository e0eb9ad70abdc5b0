"""docs/how-to/install.md can be followed, on an API server that stores what it is told."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from release.bundle import product_version
from release.images import write_installs
from release.service_version import Release
from tests.cluster.cache import REPOSITORY
from tests.cluster.images import PRODUCT_IMAGES
from tests.cluster.instance import Instance, down, up_api_server
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.howto import run_section
from tests.lanes import instance_name

HERE = f"{instance_name()}-howto"
HOWTO = REPOSITORY / "docs" / "how-to" / "install.md"


@pytest.fixture(scope="module")
def api_server() -> Iterator[Instance]:
    down(HERE)
    yield up_api_server(HERE, with_crds=False)
    down(HERE)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a checkout's manifests, with what `make images` would have written."""
    directory = tmp_path_factory.mktemp("checkout")
    for name in ("crds", "manifests"):
        shutil.copytree(REPOSITORY / name, directory / name)
    images = {source.name: f"quay.io/you/{source.name}@sha256:{'0' * 64}" for source in PRODUCT_IMAGES}
    write_installs(directory / "build", images, Release(product_version(), ["amd64"], ""))
    return directory


def exists(cluster: Instance, *what: str) -> bool:
    return cluster.kubectl("get", *what, "--ignore-not-found", "--output=name") != ""


def test_the_operator_is_installed_upgraded_and_removed_as_it_says(
    api_server: Instance, checkout: Path
) -> None:
    environment = api_server.environment()
    run_section(HOWTO, "For the whole cluster", checkout, environment)
    for each in ("crd/catdogmodels.catdog.dev", "clusterrole/catdog-operator"):
        assert exists(api_server, each)
    check_people(api_server)
    run_section(HOWTO, "Upgrade", checkout, environment)
    run_section(HOWTO, "Remove", checkout, environment)
    for each in ("crd/catdogmodels.catdog.dev", "clusterrole/catdog-operator"):
        assert not exists(api_server, each)


def check_people(cluster: Instance) -> None:
    """See that whoever may view or edit a namespace may do so with its models, and no more."""
    cluster.kubectl("create", "namespace", "people")
    for role in ("view", "edit", "admin"):
        cluster.kubectl(
            "create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}er", "-n", "people"
        )
        await_right(cluster, f"{role}er", "list", "catdogmodels")
    writes = (("create", "catdogmodels"), ("patch", "catdogmodels"), ("patch", "catdogmodels/scale"))
    for verb, what in writes:
        assert not may(cluster, "viewer", verb, what)
        assert may(cluster, "editer", verb, what)
        assert may(cluster, "adminer", verb, what)
    assert not may(cluster, "adminer", "patch", "catdogmodels/status"), "that is the operator's"
    cluster.kubectl("delete", "namespace", "people", "--wait=false")


def may(cluster: Instance, user: str, verb: str, what: str) -> bool:
    resource, _, part = what.partition("/")
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": user,
            "resourceAttributes": {
                "namespace": "people",
                "verb": verb,
                "group": "catdog.dev",
                "resource": resource,
                "subresource": part,
            },
        },
    }
    answer = cluster.kubectl(
        "create", "-f", "-", "-o", "jsonpath={.status.allowed}", input=json.dumps(review)
    )
    return answer == "true"


def await_right(cluster: Instance, user: str, verb: str, what: str) -> None:
    """Await that a controller has added to a role what it is to have; nothing tells a user of it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not may(cluster, user, verb, what):
        assert time.monotonic() < deadline, f"{user} may never {verb} {what}"
        time.sleep(0.2)


def test_and_for_one_namespace_without_a_right_of_the_clusters(api_server: Instance, checkout: Path) -> None:
    run_section(HOWTO, "For one namespace", checkout, api_server.environment())
    assert exists(api_server, "role/catdog-operator", "--namespace=catdog")
    assert not exists(api_server, "clusterrole/catdog-operator")
    api_server.kubectl("delete", "namespace", "catdog", "--wait=false")
    api_server.kubectl("delete", "-k", str(checkout / "crds"))
