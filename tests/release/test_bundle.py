"""The OLM bundle is what kustomize installs, object by object, and valid for OLM and for an API server."""

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from release.bundle import BUNDLE, build_bundle, product_version, render
from release.images import write_installs
from release.service_version import Manifest, Release, Rendered, find
from tests.cluster.cache import default_cache
from tests.cluster.commands import CommandError, run
from tests.cluster.images import PRODUCT_IMAGES
from tests.cluster.instance import Instance, down, up_api_server
from tests.cluster.programs import build_bundle_validator
from tests.lanes import instance_name
from tests.olm import ALL_NAMESPACES, install, read_bundle

HERE = f"{instance_name()}-bundle"
HOME = "catdog-system"


@pytest.fixture(scope="module")
def rendered() -> Rendered:
    return render()


@pytest.fixture(scope="module")
def bundle() -> dict[str, Manifest]:
    return read_bundle(BUNDLE)


@pytest.fixture(scope="module")
def details(bundle: dict[str, Manifest]) -> dict[str, Any]:
    found = bundle["ClusterServiceVersion"]["spec"]["install"]["spec"]
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def validator() -> Path:
    return build_bundle_validator(default_cache())


@pytest.fixture(scope="module")
def api_server() -> Iterator[Instance]:
    down(HERE)
    cluster = up_api_server(HERE)
    cluster.kubectl("create", "namespace", HOME)
    yield cluster
    down(HERE)


def test_the_bundle_is_as_make_bundle_makes_it(rendered: Rendered) -> None:
    files = build_bundle(rendered, Release(product_version(), ["amd64"], ""))
    there = {str(path.relative_to(BUNDLE)): path.read_text() for path in BUNDLE.rglob("*") if path.is_file()}
    assert there.keys() == files.keys()
    for name, text in files.items():
        assert there[name] == text, f"{name} is out of date: make bundle"


def test_nothing_is_installed_by_kustomize_that_has_no_place_in_the_bundle(rendered: Rendered) -> None:
    """A new kind needs its place in the bundle, and its comparison here."""
    assert sorted(each["kind"] for each in rendered.cluster_wide) == [
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "CustomResourceDefinition",
        "Deployment",
        "Namespace",
        "NetworkPolicy",
        "ServiceAccount",
    ]


def test_the_deployment_is_kustomizes_but_for_its_environment(
    rendered: Rendered, details: dict[str, Any]
) -> None:
    [made] = details["deployments"]
    applied = rendered.find("Deployment")
    assert (made["name"], made["label"]) == (applied["metadata"]["name"], applied["metadata"]["labels"])
    assert without_environment(made["spec"]) == without_environment(applied["spec"])


def without_environment(spec: dict[str, Any]) -> dict[str, Any]:
    spec = copy.deepcopy(spec)
    [container] = spec["template"]["spec"]["containers"]
    for key in ("env", "envFrom"):
        container.pop(key, None)
    return spec


def test_the_environment_is_kustomizes_with_the_namespaces_that_olm_names(
    rendered: Rendered, details: dict[str, Any]
) -> None:
    [deployment] = details["deployments"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    [applied] = rendered.find("Deployment")["spec"]["template"]["spec"]["containers"]
    wanted = {each["name"]: each["value"] for each in applied["env"]} | rendered.find("ConfigMap")["data"]
    assert {each["name"]: each["value"] for each in container["env"] if "value" in each} == wanted
    assert [each["name"] for each in container["env"] if "value" not in each] == ["CATDOG_NAMESPACES"]


def test_the_rights_are_kustomizes_in_either_install(rendered: Rendered, details: dict[str, Any]) -> None:
    [in_namespace], [clusters] = details["permissions"], details["clusterPermissions"]
    assert in_namespace["rules"] == find(rendered.namespaced, "Role")["rules"]
    together = [*in_namespace["rules"], *clusters["rules"]]
    assert sorted(map(str, together)) == sorted(map(str, rendered.find("ClusterRole")["rules"]))


def test_the_account_is_kustomizes(rendered: Rendered, details: dict[str, Any]) -> None:
    account = rendered.find("ServiceAccount")["metadata"]["name"]
    assert [each["name"] for each in rendered.find("ClusterRoleBinding")["subjects"]] == [account]
    for grants in (details["permissions"], details["clusterPermissions"]):
        assert [each["serviceAccountName"] for each in grants] == [account]


def test_crd_network_policy_and_namespace_are_kustomizes(
    rendered: Rendered, bundle: dict[str, Manifest]
) -> None:
    assert bundle["CustomResourceDefinition"] == rendered.find("CustomResourceDefinition")
    policy = rendered.find("NetworkPolicy")
    assert bundle["NetworkPolicy"]["spec"] == policy["spec"]
    assert bundle["NetworkPolicy"]["metadata"] | {"namespace": HOME} == policy["metadata"]
    annotations = bundle["ClusterServiceVersion"]["metadata"]["annotations"]
    suggested = json.loads(annotations["operatorframework.io/suggested-namespace-template"])
    assert suggested == rendered.find("Namespace")


def test_with_images_that_were_pushed_everything_names_them_by_digest(tmp_path: Path) -> None:
    names = [source.name for source in PRODUCT_IMAGES]
    pushed = {name: f"quay.io/you/{name}@sha256:{number:064x}" for number, name in enumerate(names)}
    write_installs(tmp_path, pushed, Release("1.2.3", ["amd64", "arm64"], "https://example.org/catdog"))
    service_version = read_bundle(tmp_path / "bundle")["ClusterServiceVersion"]
    related = {each["image"] for each in service_version["spec"]["relatedImages"]}
    of_the_operator = {image for name, image in pushed.items() if name != "catdog-console"}
    assert related == of_the_operator
    [deployment] = service_version["spec"]["install"]["spec"]["deployments"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == pushed["catdog-operator"]
    labels = service_version["metadata"]["labels"]
    assert {label for label in labels if "/arch." in label} == {
        f"operatorframework.io/arch.{each}" for each in ("amd64", "arm64")
    }
    assert service_version["metadata"]["annotations"]["repository"] == "https://example.org/catdog"
    for name in ("install", "install-namespaced"):
        applied = render(tmp_path / name).cluster_wide
        [container] = find(applied, "Deployment")["spec"]["template"]["spec"]["containers"]
        named = {container["image"], *find(applied, "ConfigMap")["data"].values()}
        assert named == of_the_operator
    [console] = find(render(tmp_path / "console").cluster_wide, "Deployment")["spec"]["template"]["spec"][
        "containers"
    ]
    assert console["image"] == pushed["catdog-console"]


def test_olms_own_rules_have_nothing_to_say(validator: Path) -> None:
    assert run(validator, BUNDLE) == ""


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("minKubeVersion: 1.30.0", "minKubeVersion: one", "MinKubeVersion"),
        ("kind: CatDogModel\n      version", "kind: CatModel\n      version", "CatModel"),
        ("AI/Machine Learning", "AI", "categor"),
        ("supported: true", "supported: false", "InstallModeTypes"),
    ],
)
def test_and_would_have_with_a_mistake_in_it(
    validator: Path, tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    shutil.copytree(BUNDLE, tmp_path / "bundle")
    file = tmp_path / "bundle" / "manifests" / "catdog.clusterserviceversion.yaml"
    assert right in file.read_text()
    file.write_text(file.read_text().replace(right, wrong))
    with pytest.raises(CommandError, match=said):
        run(validator, tmp_path / "bundle")


@pytest.mark.parametrize("watched", [ALL_NAMESPACES, HOME], ids=["for all namespaces", "for its own"])
def test_an_api_server_takes_what_olm_makes_of_it(
    api_server: Instance, bundle: dict[str, Manifest], watched: str
) -> None:
    crd, objects = bundle["CustomResourceDefinition"], install(bundle, HOME, watched)
    text = yaml.safe_dump_all([crd, *objects])
    applied = api_server.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", input=text)
    assert len(applied.splitlines()) == len(objects) + 1
