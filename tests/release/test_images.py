"""Images are pushed and named by digest; for several platforms as lists."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from release.bundle import render
from release.images import publish
from tests.cluster.cache import default_cache
from tests.cluster.images import PRODUCT_IMAGES, ImageStore
from tests.cluster.packages import install_packages
from tests.release.registry import INDEX, MANIFEST, Registry, registry

PLATFORMS = ("linux/amd64", "linux/arm64")


@pytest.fixture(scope="module")
def store() -> ImageStore:
    install_packages(default_cache(), ("buildah",))
    return ImageStore(default_cache())


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """Give an image without steps: such can be built for any platform, on any machine."""
    (tmp_path / "Containerfile").write_text("FROM scratch\nCOPY word /word\n")
    (tmp_path / "word").write_text("meow")
    return tmp_path


def test_an_image_for_one_platform_is_named_by_its_own_digest(
    store: ImageStore, here: Registry, context: Path
) -> None:
    reference = store.publish_directory(context, f"{here.address}/me/one:v1", ["linux/arm64"])
    assert reference.startswith(f"{here.address}/me/one@sha256:")
    assert here.config(reference)["architecture"] == "arm64"


def test_an_image_for_two_is_a_list_that_has_an_image_for_each(
    store: ImageStore, here: Registry, context: Path
) -> None:
    name = f"{here.address}/me/two"
    for word in ("meow", "woof"):  # the second time the list is made anew, not longer
        (context / "word").write_text(word)
        reference = store.publish_directory(context, f"{name}:v1", PLATFORMS)
        listed = here.read(reference, INDEX)["manifests"]
        assert [platform_of(each["platform"]) for each in listed] == [*PLATFORMS]
        for each, platform in zip(listed, PLATFORMS, strict=True):
            config = here.config(f"{name}@{each['digest']}")
            assert platform_of(config) == platform


def platform_of(fields: dict[str, Any]) -> str:
    return f"{fields['os']}/{fields['architecture']}"


def test_our_own_base_is_for_this_machine_alone(store: ImageStore) -> None:
    with pytest.raises(ValueError, match="BASE=local is for one platform"):
        store.publish(PRODUCT_IMAGES[0], "quay.io/you", "local", PLATFORMS)


@pytest.mark.soak
def test_what_make_images_pushes_is_what_its_installs_name(here: Registry, tmp_path: Path) -> None:
    references = publish(f"{here.address}/me", "local", [PLATFORMS[0]], "", tmp_path)
    *images, bundle = references
    for reference in references:
        assert here.read(reference, MANIFEST)["layers"]
    labels = here.config(bundle)["config"]["Labels"]
    assert labels["operators.operatorframework.io.bundle.package.v1"] == "catdog"
    [service_version] = tmp_path.glob("bundle/manifests/*.clusterserviceversion.yaml")
    related = yaml.safe_load(service_version.read_text())["spec"]["relatedImages"]
    [console] = [each for each in images if "/catdog-console@" in each]
    assert {each["image"] for each in related} == set(images) - {console}
    applied = str(render(tmp_path / "install", tmp_path / "install-namespaced").cluster_wide)
    assert all(reference in applied for reference in images if reference != console)
    assert console in str(render(tmp_path / "console").cluster_wide)
