"""The kustomize overlays that install the operator and the console with images of one's own."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.cluster.cache import REPOSITORY

OPERATOR_NAMESPACE = "catdog-system"
CONSOLE = REPOSITORY / "manifests" / "console"


def write_overlay(
    directory: Path,
    images: Mapping[str, str],
    settings: Mapping[str, str],
    *,
    base: Path = REPOSITORY / "manifests",
    namespace: str = OPERATOR_NAMESPACE,
) -> None:
    """Write what `kubectl apply -k` takes: the manifests, with these images and variables of the operator.

    `base` is the directory of the manifests, `namespace` where they put the operator.
    """
    directory.mkdir(parents=True, exist_ok=True)
    manifests = os.path.relpath(base, directory.resolve())
    text = yaml.safe_dump(build_overlay(manifests, images, settings, namespace), sort_keys=False)
    (directory / "kustomization.yaml").write_text(text)


def build_overlay(
    manifests: str,
    images: Mapping[str, str],
    settings: Mapping[str, str],
    namespace: str = OPERATOR_NAMESPACE,
) -> dict[str, object]:
    """Return a kustomization over `manifests/` that names images by reference."""
    environment = [{"name": name, "value": value} for name, value in settings.items()]
    container = {"name": "operator", "env": environment}
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "catdog-operator", "namespace": namespace},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [manifests],
        "images": [{"name": "catdog-operator", **_name_and_version(images["catdog-operator"])}],
        "configMapGenerator": [
            {
                "name": "catdog-images",
                "namespace": namespace,
                "behavior": "merge",
                "literals": [
                    f"RELATED_IMAGE_TRAINER={images['catdog-trainer']}",
                    f"RELATED_IMAGE_INFERENCE={images['catdog-inference']}",
                ],
            }
        ],
        **({"patches": [{"patch": json.dumps(patch)}]} if environment else {}),
    }


def write_console_overlay(directory: Path, images: Mapping[str, str]) -> None:
    """Write what `kubectl apply -k` takes: the console's manifests, with this image."""
    directory.mkdir(parents=True, exist_ok=True)
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(CONSOLE, directory.resolve())],
        "images": [{"name": "catdog-console", **_name_and_version(images["catdog-console"])}],
    }
    (directory / "kustomization.yaml").write_text(yaml.safe_dump(overlay, sort_keys=False))


def _name_and_version(reference: str) -> dict[str, str]:
    if "@" in reference:
        name, digest = reference.split("@")
        return {"newName": name, "digest": digest}
    name, tag = reference.rsplit(":", maxsplit=1)
    return {"newName": name, "newTag": tag}
