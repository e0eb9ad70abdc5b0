"""What the Operator Lifecycle Manager makes of a bundle, as far as an install by it goes.

It is not at hand itself. By its code (operatorgroup.go, `ensureSingletonRBAC`) the rights are a Role in the
operator's own namespace, or a ClusterRole where all are watched, and the pods are told by an annotation.
"""

from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

_RBAC = "rbac.authorization.k8s.io"
ALL_NAMESPACES = ""


def read_bundle(directory: Path) -> dict[str, Manifest]:
    """Return a bundle's manifests by kind."""
    manifests = [
        yaml.safe_load(path.read_text()) for path in sorted((directory / "manifests").glob("*.yaml"))
    ]
    return {each["kind"]: each for each in manifests}


def install(bundle: dict[str, Manifest], namespace: str, watched: str) -> list[Manifest]:
    """Return the objects that OLM makes of a bundle, but for the CRD; `watched` is "" or `namespace`."""
    details = bundle["ClusterServiceVersion"]["spec"]["install"]["spec"]
    [deployment], [rights], [clusters] = (
        details[part] for part in ("deployments", "permissions", "clusterPermissions")
    )
    account = {"kind": "ServiceAccount", "name": rights["serviceAccountName"], "namespace": namespace}
    scope = "ClusterRole" if watched == ALL_NAMESPACES else "Role"
    template = deployment["spec"]["template"]
    annotations = {**template["metadata"].get("annotations", {}), "olm.targetNamespaces": watched}
    told = {**template, "metadata": {**template["metadata"], "annotations": annotations}}
    policy = bundle["NetworkPolicy"]
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _named(account["name"], namespace)},
        *_grant(scope, f"{namespace}-models", rights["rules"], account),
        *_grant("ClusterRole", f"{namespace}-clusters", clusters["rules"], account),
        {**policy, "metadata": {**policy["metadata"], "namespace": namespace}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {**_named(deployment["name"], namespace), "labels": deployment["label"]},
            "spec": {**deployment["spec"], "template": told},
        },
    ]


def _named(name: str, namespace: str) -> dict[str, str]:
    return {"name": name, "namespace": namespace}


def _grant(kind: str, name: str, rules: list[Manifest], account: dict[str, str]) -> list[Manifest]:
    metadata = {"name": name} if kind == "ClusterRole" else _named(name, account["namespace"])
    reference = {"apiGroup": _RBAC, "kind": kind, "name": name}
    return [
        {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": f"{kind}Binding",
            "metadata": metadata,
            "roleRef": reference,
            "subjects": [account],
        },
    ]
