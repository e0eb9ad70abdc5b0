"""A pod that passes the `restricted` pod security standard; trainer and worker differ in their container."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from catdog_operator.manifests.common import Manifest, without_empty
from catdog_operator.resource import Pod, Resources
from catdog_operator.views import MODEL_LABEL

STORAGE_DIR = "/models"
HTTP_PORT = 8080  # of metrics, and of a worker's health
USER = 1001  # the images' own; any other works as well
TMP_DIRECTORIES = ("HOME", "TMPDIR", "MPLCONFIGDIR", "KERAS_HOME")


class Container(msgspec.Struct, frozen=True):
    """What makes a pod a trainer or a worker; `extra` are further fields of the container."""

    name: str
    image: str
    environment: dict[str, str]
    resources: Manifest  # by default
    tmp_size: str
    mounts: tuple[Manifest, ...]
    volumes: tuple[Manifest, ...]
    extra: Manifest = {}


def build_pod_spec(
    container: Container, settings: Pod, *, openshift: bool, near: str | None = None
) -> Manifest:
    """Return a pod's spec; with `near`, the pod is drawn to the node where pods of that model are."""
    return without_empty(
        {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": _pod_security(openshift=openshift),
            "containers": [_build_container(container, settings)],
            "volumes": [
                *container.volumes,
                {"name": "tmp", "emptyDir": {"sizeLimit": container.tmp_size}},
            ],
            "nodeSelector": settings.node_selector,
            "tolerations": list(settings.tolerations),
            "affinity": settings.affinity or (_affinity(near) if near else {}),
            "priorityClassName": settings.priority_class_name,
            # Each once: to what is applied with one twice the API server answers that it failed.
            "imagePullSecrets": [{"name": each.name} for each in dict.fromkeys(settings.image_pull_secrets)],
        }
    )


def claim_volume(name: str, claim_name: str, *, read_only: bool = False) -> Manifest:
    """Return a volume that is a claim."""
    source: Manifest = {"claimName": claim_name}
    # A read-only volume is not given to the pod's group by the kubelet: the user's photos stay the user's.
    return {"name": name, "persistentVolumeClaim": source | ({"readOnly": True} if read_only else {})}


def secret_volume(name: str, secret_name: str, keys: Iterable[str] = ()) -> Manifest:
    """Return a volume that is a Secret; where keys are named, nothing else of it."""
    source: Manifest = {"secretName": secret_name}
    items = [{"key": key, "path": key} for key in keys]
    return {"name": name, "secret": source | ({"items": items} if items else {})}


def projected_secrets(name: str, sources: Sequence[Manifest]) -> Manifest:
    """Return a volume in which several Secrets lie side by side."""
    return {"name": name, "projected": {"sources": [{"secret": source} for source in sources]}}


def mount(name: str, path: str, *, read_only: bool = False) -> Manifest:
    """Return a volume's mount."""
    return {"name": name, "mountPath": path} | ({"readOnly": True} if read_only else {})


def build_environment(environment: Mapping[str, str]) -> Sequence[Manifest]:
    """Return a container's environment, with what writes files led to /tmp."""
    led = dict.fromkeys(TMP_DIRECTORIES, "/tmp")  # noqa: S108 - the pod's own
    return [{"name": name, "value": value} for name, value in (environment | led).items()]  # type: ignore[operator]


def _build_container(container: Container, settings: Pod) -> Manifest:
    return {
        "name": container.name,
        "image": container.image,
        "imagePullPolicy": "IfNotPresent",
        "env": build_environment(container.environment),
        "resources": _merge_resources(settings.resources, container.resources),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [*container.mounts, mount("tmp", "/tmp")],  # noqa: S108 - the pod's own
        **container.extra,
    }


def _merge_resources(chosen: Resources, defaults: Manifest) -> Manifest:
    """Return what the user chose, and the defaults of those resources that they do not name."""
    named = chosen.requests.keys() | chosen.limits.keys()
    merged: Manifest = {}
    for field, own in (("requests", chosen.requests), ("limits", chosen.limits)):
        default = {name: value for name, value in defaults.get(field, {}).items() if name not in named}
        merged[field] = default | own
    return without_empty(merged)


def _pod_security(*, openshift: bool) -> Manifest:
    security: Manifest = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if openshift:
        return security  # its security context constraints choose user and groups
    return security | {
        "runAsUser": USER,
        "runAsGroup": 0,
        "fsGroup": USER,
        "fsGroupChangePolicy": "OnRootMismatch",
    }


def _affinity(model_name: str) -> Manifest:
    term = {
        "labelSelector": {"matchLabels": {MODEL_LABEL: model_name}},
        "topologyKey": "kubernetes.io/hostname",
    }
    preferred = [{"weight": 100, "podAffinityTerm": term}]
    return {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
