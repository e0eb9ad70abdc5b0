import json
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.overlay import CONSOLE, build_overlay, write_console_overlay

LOCAL = {name: f"localhost/{name}:0a1b" for name in ("catdog-operator", "catdog-trainer", "catdog-inference")}
PUSHED = {name: f"quay.io:443/me/{name}@sha256:0a1b" for name in LOCAL}


def overlay(images: dict[str, str], settings: dict[str, str]) -> dict[str, Any]:
    return build_overlay("../manifests", images, settings)


def test_the_operators_image_is_named_by_its_tag() -> None:
    [image] = overlay(LOCAL, {})["images"]
    assert image == {"name": "catdog-operator", "newName": "localhost/catdog-operator", "newTag": "0a1b"}


def test_an_image_that_was_pushed_is_named_by_its_digest() -> None:
    [image] = overlay(PUSHED, {})["images"]
    assert image == {
        "name": "catdog-operator",
        "newName": "quay.io:443/me/catdog-operator",
        "digest": "sha256:0a1b",
    }


def test_the_images_of_its_pods_are_told_to_the_operator() -> None:
    [generator] = overlay(LOCAL, {})["configMapGenerator"]
    assert generator["literals"] == [
        "RELATED_IMAGE_TRAINER=localhost/catdog-trainer:0a1b",
        "RELATED_IMAGE_INFERENCE=localhost/catdog-inference:0a1b",
    ]


def test_settings_become_variables_of_the_operators_container() -> None:
    [patch] = overlay(LOCAL, {"CATDOG_RETRY_SECONDS": "5"})["patches"]
    [container] = json.loads(patch["patch"])["spec"]["template"]["spec"]["containers"]
    assert container == {"name": "operator", "env": [{"name": "CATDOG_RETRY_SECONDS", "value": "5"}]}


def test_without_settings_there_is_nothing_to_patch() -> None:
    assert "patches" not in overlay(LOCAL, {})


def test_another_install_is_changed_in_its_own_namespace() -> None:
    changed: dict[str, Any] = build_overlay("../namespaced", LOCAL, {"CATDOG_RETRY_SECONDS": "5"}, "catdog")
    [generator], [patch] = changed["configMapGenerator"], changed["patches"]
    assert generator["namespace"] == "catdog"
    assert json.loads(patch["patch"])["metadata"]["namespace"] == "catdog"


def test_the_console_is_installed_by_its_own_manifests_with_its_image(tmp_path: Path) -> None:
    write_console_overlay(tmp_path / "console", {"catdog-console": "localhost/catdog-console:0a1b"})
    written = yaml.safe_load((tmp_path / "console" / "kustomization.yaml").read_text())
    assert (tmp_path / "console" / written["resources"][0]).resolve() == CONSOLE
    assert written["images"] == [
        {"name": "catdog-console", "newName": "localhost/catdog-console", "newTag": "0a1b"}
    ]
