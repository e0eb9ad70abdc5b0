"""docs/how-to/install.md can be followed, on an API server that stores what it is told."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from release.bundle import product_version
from release.images import write_installs
from release.service_version import Release
from tests.cluster.cache import REPOSITORY
from tests.cluster.images import PRODUCT_IMAGES
from tests.cluster.instance import Instance, down, up_api_server
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
    run_section(HOWTO, "Upgrade", checkout, environment)
    run_section(HOWTO, "Remove", checkout, environment)
    for each in ("crd/catdogmodels.catdog.dev", "clusterrole/catdog-operator"):
        assert not exists(api_server, each)


def test_and_for_one_namespace_without_a_right_of_the_clusters(api_server: Instance, checkout: Path) -> None:
    run_section(HOWTO, "For one namespace", checkout, api_server.environment())
    assert exists(api_server, "role/catdog-operator", "--namespace=catdog")
    assert not exists(api_server, "clusterrole/catdog-operator")
    api_server.kubectl("delete", "namespace", "catdog", "--wait=false")
    api_server.kubectl("delete", "-k", str(checkout / "crds"))
