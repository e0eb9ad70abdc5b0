"""Builds OLM's ClusterServiceVersion from what kustomize renders: the same Deployment, the same rights.

https://olm.operatorframework.io/docs/concepts/crds/clusterserviceversion/
"""

import base64
import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catdog_operator.kinds import KIND_OF, MODEL
from release.descriptors import build_spec_descriptors, build_status_descriptors

Manifest = dict[str, Any]

NAME = "catdog"
# OLM writes the namespaces that are to be watched into this annotation of the operator's pods; "" means all.
WATCHED_NAMESPACES = {
    "name": "CATDOG_NAMESPACES",
    "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['olm.targetNamespaces']"}},
}


@dataclass(frozen=True)
class Release:
    """What distinguishes one release from another beside its manifests."""

    version: str
    architectures: Sequence[str]  # that the images are built for, such as amd64
    source: str = ""  # URL of the repository


@dataclass(frozen=True)
class Rendered:
    """What kustomize makes of the two installs."""

    cluster_wide: Sequence[Manifest]
    namespaced: Sequence[Manifest]
    crd: Manifest
    samples: Sequence[Manifest]  # shown as examples, the first one as the form's start

    def find(self, kind: str) -> Manifest:
        """Return the only object of a kind in the cluster-wide install."""
        return find(self.cluster_wide, kind)


def find(manifests: Sequence[Manifest], kind: str) -> Manifest:
    """Return the only object of a kind.

    Raises:
        LookupError: there is none, or several.
    """
    found = [each for each in manifests if each["kind"] == kind]
    if len(found) != 1:
        raise LookupError(f"{len(found)} objects of kind {kind} are rendered, not one")
    return found[0]


def build_service_version(
    rendered: Rendered, about: Mapping[str, Any], icon: bytes, release: Release
) -> Manifest:
    """Return the ClusterServiceVersion.

    Raises:
        LookupError: the manifests have not what an install needs, or several of it.
        ValueError: the namespaced install has a right that the cluster-wide one has not.
    """
    deployment = build_deployment(rendered)
    spec = {
        **{key: value for key, value in about.items() if key != "annotations"},
        "links": [*about["links"], *([{"name": "Source", "url": release.source}] if release.source else [])],
        "version": release.version,
        "icon": [{"base64data": base64.b64encode(icon).decode(), "mediatype": "image/svg+xml"}],
        # Those that there are kustomizations for.
        "installModes": [
            {"type": mode, "supported": mode in {"AllNamespaces", "OwnNamespace"}}
            for mode in ("OwnNamespace", "SingleNamespace", "MultiNamespace", "AllNamespaces")
        ],
        "customresourcedefinitions": {"owned": [_describe_model(rendered)]},
        "install": {"strategy": "deployment", "spec": _build_install(rendered, deployment)},
        "relatedImages": related_images(deployment),
    }
    return {
        "apiVersion": "operators.coreos.com/v1alpha1",
        "kind": "ClusterServiceVersion",
        "metadata": {
            "name": f"{NAME}.v{release.version}",
            "annotations": _annotations(rendered, about, deployment, release),
            "labels": {
                "operatorframework.io/os.linux": "supported",
                **{f"operatorframework.io/arch.{each}": "supported" for each in release.architectures},
            },
        },
        "spec": spec,
    }


def build_deployment(rendered: Rendered) -> Manifest:
    """Return the operator's Deployment: its variables written out, as tools look for images there."""
    deployment = copy.deepcopy(rendered.find("Deployment"))
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    [source] = container.pop("envFrom")
    images = rendered.find("ConfigMap")
    if source != {"configMapRef": {"name": images["metadata"]["name"]}}:
        raise LookupError(f"the operator's variables come from {source}, which is not rendered")
    given = [{"name": name, "value": value} for name, value in sorted(images["data"].items())]
    container["env"] = [*given, *container["env"], WATCHED_NAMESPACES]
    return deployment


def related_images(deployment: Manifest) -> list[dict[str, str]]:
    """Return the images of the operator's pod and of the pods that it makes, for mirrors of them."""
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    prefix = "RELATED_IMAGE_"
    made = [
        {"name": each["name"].removeprefix(prefix).lower(), "image": each["value"]}
        for each in container["env"]
        if each["name"].startswith(prefix)
    ]
    return [{"name": container["name"], "image": container["image"]}, *made]


def split_rules(rendered: Rendered) -> tuple[list[Manifest], list[Manifest]]:
    """Return the rules for the namespaces that are watched, and those that are the cluster's in any install.

    OLM makes a Role of the former in an OwnNamespace install, and a ClusterRole in an AllNamespaces one.
    """
    cluster_wide: list[Manifest] = rendered.find("ClusterRole")["rules"]
    in_namespaces: list[Manifest] = find(rendered.namespaced, "Role")["rules"]
    if more := [rule for rule in in_namespaces if rule not in cluster_wide]:
        raise ValueError(f"the ClusterRole lacks rules that the Role has: {more}")
    return in_namespaces, [rule for rule in cluster_wide if rule not in in_namespaces]


def _build_install(rendered: Rendered, deployment: Manifest) -> Manifest:
    account = rendered.find("ServiceAccount")["metadata"]["name"]
    in_namespaces, clusters = split_rules(rendered)
    return {
        "deployments": [
            {
                "name": deployment["metadata"]["name"],
                "label": deployment["metadata"]["labels"],
                "spec": deployment["spec"],
            }
        ],
        "permissions": [{"serviceAccountName": account, "rules": in_namespaces}],
        "clusterPermissions": [{"serviceAccountName": account, "rules": clusters}],
    }


def _describe_model(rendered: Rendered) -> Manifest:
    crd = rendered.crd
    [version] = crd["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    children = [kind for kind in KIND_OF.values() if "create" in kind.verbs and kind.name != "Event"]
    return {
        "name": crd["metadata"]["name"],
        "kind": crd["spec"]["names"]["kind"],
        "version": version["name"],
        "displayName": "Cat and dog model",
        "description": schema["description"],
        "resources": [
            {"kind": kind.name, "version": kind.version, "name": ""}
            for kind in sorted(children, key=lambda kind: kind.name)
        ],
        "specDescriptors": build_spec_descriptors(schema["properties"]["spec"]),
        "statusDescriptors": build_status_descriptors(schema["properties"]["status"]),
    }


def _annotations(
    rendered: Rendered, about: Mapping[str, Any], deployment: Manifest, release: Release
) -> dict[str, str]:
    namespace = rendered.find("Namespace")
    examples = [each for each in rendered.samples if each["kind"] == MODEL.name]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    return {
        **about["annotations"],
        "alm-examples": json.dumps(examples, indent=2),
        "containerImage": container["image"],
        "operatorframework.io/suggested-namespace-template": json.dumps(namespace),
        **({"repository": release.source} if release.source else {}),
    }
