"""A Job whose pod sees a model's claim and does nothing: files are read in it where no worker runs.

A Job, and no pod, as on OpenShift a pod of an administrator's own would run as another user than the model's;
and because a Job goes by itself, whatever becomes of who made it.
"""

from typing import Any

Manifest = dict[str, Any]

DEADLINE_SECONDS = 300  # after which it goes, finished or not
COMPONENT = "files"
STORAGE_VARIABLE = "CATDOG_STORAGE_DIR"

# Of the model's own pods: what decides where they may run, and as whom.
_KEPT = (
    "automountServiceAccountToken",
    "enableServiceLinks",
    "securityContext",
    "nodeSelector",
    "tolerations",
    "affinity",
    "priorityClassName",
    "imagePullSecrets",
)
_KEPT_OF_CONTAINER = ("name", "image", "imagePullPolicy", "resources", "securityContext")


def build_files_job(model: Manifest, template: Manifest) -> Manifest:
    """Return the Job, by a pod template of the model's; of its volumes only the claim is mounted, to be read.

    Its labels are none of those by which workers, trainers and their network policies are found.
    """
    labels = {
        "app.kubernetes.io/name": "catdog",
        "app.kubernetes.io/component": COMPONENT,
        "app.kubernetes.io/managed-by": "catdog-client",
    }
    owner = {
        "apiVersion": model["apiVersion"],
        "kind": model["kind"],
        "name": model["metadata"]["name"],
        "uid": model["metadata"]["uid"],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "generateName": f"{model['metadata']['name']}-files-",
            "labels": labels,
            "ownerReferences": [owner],
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": DEADLINE_SECONDS,
            "ttlSecondsAfterFinished": 0,
            "template": {"metadata": {"labels": labels}, "spec": _build_pod(template["spec"])},
        },
    }


def own_container(spec: Manifest) -> Manifest:
    """Return the container of a pod that has the claim: others may have put theirs beside it."""
    return next(each for each in spec["containers"] if _variables(each).get(STORAGE_VARIABLE))


def storage_dir(container: Manifest) -> str:
    """Return where a container of the model's has the claim."""
    return _variables(container)[STORAGE_VARIABLE]


def _variables(container: Manifest) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in container.get("env", ())}


def _build_pod(spec: Manifest) -> Manifest:
    container = own_container(spec)
    directory = storage_dir(container)
    mount = next(each for each in container["volumeMounts"] if each["mountPath"] == directory)
    waiting = {
        **{name: container[name] for name in _KEPT_OF_CONTAINER if name in container},
        "command": ["sleep", str(DEADLINE_SECONDS)],
        "env": [{"name": STORAGE_VARIABLE, "value": directory}],
        "volumeMounts": [mount | {"readOnly": True}],
    }
    return {
        **{name: spec[name] for name in _KEPT if name in spec},
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,  # there is nothing to end in order
        "containers": [waiting],
        "volumes": [each for each in spec["volumes"] if each["name"] == mount["name"]],
    }
