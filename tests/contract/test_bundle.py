"""The OLM bundle says what manifests, CRD and operator say. tests/release makes it anew and validates it."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from catdog_operator.config import read_config, read_images
from release.bundle import product_version
from release.descriptors import fields_of, title_of
from tests.crd import model_schema

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "bundle"
SAMPLES = ROOT / "manifests" / "samples"
NAMESPACED = ROOT / "manifests" / "overlays" / "namespaced"
CONSOLE = "urn:alm:descriptor:com.tectonic.ui:"


def documents(path: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


@pytest.fixture(scope="module")
def service_version() -> dict[str, Any]:
    [found] = documents(BUNDLE / "manifests" / "catdog.clusterserviceversion.yaml")
    return found


@pytest.fixture(scope="module")
def model(service_version: dict[str, Any]) -> dict[str, Any]:
    [owned] = service_version["spec"]["customresourcedefinitions"]["owned"]
    assert isinstance(owned, dict)
    return owned


@pytest.fixture(scope="module")
def container(service_version: dict[str, Any]) -> dict[str, Any]:
    [deployment] = service_version["spec"]["install"]["spec"]["deployments"]
    [found] = deployment["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def test_the_crd_is_the_one_that_kustomize_applies() -> None:
    assert documents(BUNDLE / "manifests" / "catdog.dev_catdogmodels.yaml") == documents(
        ROOT / "crds" / "catdogmodels.yaml"
    )


def test_the_version_is_the_products(service_version: dict[str, Any]) -> None:
    assert service_version["spec"]["version"] == product_version()
    assert service_version["metadata"]["name"] == f"catdog.v{product_version()}"


def test_every_field_of_the_spec_has_its_place_in_a_form(model: dict[str, Any]) -> None:
    wanted = [path for path, _ in fields_of(model_schema()["properties"]["spec"])]
    assert [each["path"] for each in model["specDescriptors"]] == wanted
    assert len({each["displayName"] for each in model["specDescriptors"]}) == len(wanted)


def test_every_value_of_the_status_is_shown(model: dict[str, Any]) -> None:
    fields = dict(fields_of(model_schema()["properties"]["status"]))
    lists = {path for path, field in fields.items() if field["type"] == "array"}
    assert lists == {"conditions", "versions", "history"}
    assert {each["path"] for each in model["statusDescriptors"]} == fields.keys() - lists | {"conditions"}


@pytest.mark.parametrize(
    ("path", "widget"),
    [
        ("paused", f"{CONSOLE}booleanSwitch"),
        ("training.epochs", f"{CONSOLE}number"),
        ("training.architecture", f"{CONSOLE}select:cnn"),
        ("training.pod.resources", f"{CONSOLE}resourceRequirements"),
        ("training.dataset.s3.credentialsSecret.name", "urn:alm:descriptor:io.kubernetes:Secret"),
        ("storage.existingClaim", "urn:alm:descriptor:io.kubernetes:PersistentVolumeClaim"),
        ("inference.replicas", f"{CONSOLE}podCount"),
        ("kafka.strimzi.name", "urn:alm:descriptor:io.kubernetes:kafka.strimzi.io:v1:Kafka"),
    ],
)
def test_a_field_is_filled_in_by_what_fits_it(model: dict[str, Any], path: str, widget: str) -> None:
    [descriptor] = [each for each in model["specDescriptors"] if each["path"] == path]
    assert widget in descriptor["x-descriptors"]


def test_a_path_is_told_in_words() -> None:
    assert title_of("training.dataset.s3.caSecret.name") == "Training dataset S3 CA secret name"


def test_the_examples_are_the_samples_and_the_smallest_is_first(service_version: dict[str, Any]) -> None:
    examples = json.loads(service_version["metadata"]["annotations"]["alm-examples"])
    samples = [each for path in sorted(SAMPLES.glob("catdogmodel*.yaml")) for each in documents(path)]
    assert examples[0] == documents(SAMPLES / "catdogmodel.yaml")[0]
    assert {each["metadata"]["name"] for each in examples} == {each["metadata"]["name"] for each in samples}
    assert all(each in samples for each in examples)


def test_the_operator_reads_the_environment(container: dict[str, Any]) -> None:
    environment = {each["name"]: each["value"] for each in container["env"] if "value" in each}
    assert read_images(environment).trainer == "catdog-trainer:latest"
    assert read_config(environment).retry_seconds == 60
    assert "envFrom" not in container


def test_the_namespaces_that_are_watched_are_those_that_olm_writes(container: dict[str, Any]) -> None:
    [watched] = [each for each in container["env"] if each["name"] == "CATDOG_NAMESPACES"]
    field = watched["valueFrom"]["fieldRef"]["fieldPath"]
    assert field == "metadata.annotations['olm.targetNamespaces']"
    assert read_config({"CATDOG_NAMESPACES": ""}).namespaces == (), "in an install for all"


def test_images_that_a_mirror_needs_are_all_that_are_used(
    service_version: dict[str, Any], container: dict[str, Any]
) -> None:
    related = {each["name"]: each["image"] for each in service_version["spec"]["relatedImages"]}
    variables = {each["name"]: each.get("value") for each in container["env"]}
    assert related == {
        "operator": container["image"],
        "trainer": variables["RELATED_IMAGE_TRAINER"],
        "inference": variables["RELATED_IMAGE_INFERENCE"],
    }


def test_it_is_installed_as_kustomize_can_for_all_namespaces_or_its_own(
    service_version: dict[str, Any],
) -> None:
    modes = {each["type"] for each in service_version["spec"]["installModes"] if each["supported"]}
    assert modes == {"AllNamespaces", "OwnNamespace"}


def test_the_rights_in_a_namespace_are_the_namespaced_installs(service_version: dict[str, Any]) -> None:
    install = service_version["spec"]["install"]["spec"]
    role, _ = documents(NAMESPACED / "role.yaml")
    [in_namespace], [clusters] = install["permissions"], install["clusterPermissions"]
    assert in_namespace["rules"] == role["rules"]
    [crds] = clusters["rules"]
    assert (crds["resources"], crds["verbs"]) == (["customresourcedefinitions"], ["list", "watch"])


def test_the_icon_is_our_drawing(service_version: dict[str, Any]) -> None:
    [icon] = service_version["spec"]["icon"]
    assert base64.b64decode(icon["base64data"]) == (ROOT / "release" / "icon.svg").read_bytes()
    assert icon["mediatype"] == "image/svg+xml"


def test_the_images_labels_are_the_annotations() -> None:
    [metadata] = documents(BUNDLE / "metadata" / "annotations.yaml")
    lines = (BUNDLE / "Containerfile").read_text().splitlines()
    labels = dict(line.removeprefix("LABEL ").split("=", 1) for line in lines if line.startswith("LABEL "))
    assert metadata["annotations"].items() <= labels.items()
