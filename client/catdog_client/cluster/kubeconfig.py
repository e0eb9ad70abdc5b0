"""Which cluster, namespace and person: found as kubectl finds them."""

import os
from pathlib import Path

import msgspec
import yaml
from kubernetes.client import Configuration
from kubernetes.config import ConfigException, load_incluster_config
from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger

from catdog_client.errors import ClientError

_DEFAULT = "~/.kube/config"
_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class Where(msgspec.Struct, frozen=True):
    """What a person says of the cluster; None leaves it to the kubeconfig."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None


class Login(msgspec.Struct, frozen=True):
    """How the API server is reached, and the namespace to look into."""

    configuration: Configuration
    namespace: str


def find_login(where: Where) -> Login:
    """Return what leads to the cluster: --kubeconfig, else $KUBECONFIG, ~/.kube/config, the pod's account.

    Raises:
        ClientError: there is no such file or context, or nothing can be made of it.
    """
    files = where.kubeconfig or os.environ.get("KUBECONFIG") or _DEFAULT
    there = [each for each in files.split(os.pathsep) if Path(each).expanduser().is_file()]
    if not there:
        if where.kubeconfig is None and _POD_NAMESPACE.exists():
            return _find_pod_login(where)
        raise ClientError(
            f"there is no kubeconfig {files}: name one in --kubeconfig or KUBECONFIG, or log in"
        )
    try:
        return _read(files, where)
    except (ConfigException, yaml.YAMLError, OSError) as error:
        raise ClientError(f"kubeconfig {files}: {' '.join(str(error).split())}") from error


def _read(files: str, where: Where) -> Login:
    merger = KubeConfigMerger(files)
    config = merger.config
    if config is None or not config.safe_get("contexts"):
        raise ClientError(f"kubeconfig {files} has no contexts: name another in --kubeconfig or KUBECONFIG")
    if where.context is None and not config.safe_get("current-context"):
        raise ClientError(f"kubeconfig {files} has no current context: name one in --context")
    names = [each["name"] for each in config.value["contexts"]]
    wanted = where.context or config.value["current-context"]
    if wanted not in names:
        raise ClientError(f"kubeconfig {files} has no context {wanted}; it has {', '.join(sorted(names))}")
    loader = KubeConfigLoader(config, active_context=wanted, config_persister=merger.save_changes)
    configuration = _new_configuration()
    loader.load_and_set(configuration)
    context = next(each for each in loader.list_contexts() if each["name"] == wanted)["context"]
    return Login(configuration, where.namespace or context.get("namespace") or "default")


def _find_pod_login(where: Where) -> Login:
    configuration = _new_configuration()
    load_incluster_config(client_configuration=configuration)
    return Login(configuration, where.namespace or _POD_NAMESPACE.read_text().strip())


def _new_configuration() -> Configuration:
    configuration = Configuration()
    configuration.retries = 1  # what can't be reached is told at once
    return configuration
