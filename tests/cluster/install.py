"""What is installed into a node that is up: Kafka, and the operator."""

import shlex
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.cache import REPOSITORY
from tests.cluster.layout import Layout
from tests.cluster.node_spec import Program
from tests.cluster.overlay import OPERATOR_NAMESPACE, write_console_overlay, write_overlay
from tests.cluster.state import Instance
from tests.cluster.strimzi.client_files import write_client_files

PRODUCT_CRDS = REPOSITORY / "crds" / "catdogmodels.yaml"
STRIMZI_CRDS = Path(__file__).parent / "strimzi" / "crds"

_KAFKA = Path(__file__).parent / "kafka.yaml"
_KINDS = (
    *(f"{kind}.kafka.strimzi.io" for kind in ("kafkas", "kafkanodepools", "kafkatopics", "kafkausers")),
    "kafkaaccesses.access.strimzi.io",
)


def strimzi_stand_in(layout: Layout, kafka_image: str) -> Program:
    """Return the program that does what Strimzi's operators would do."""
    options = ("--kubeconfig", str(layout.kubeconfig), "--kafka-image", kafka_image)
    return Program("strimzi", [sys.executable, "-m", "tests.cluster.strimzi", *options])


def apply_crds(instance: Instance, *paths: Path) -> None:
    """Apply CRDs from files or directories, and await that they are served."""
    files = [f"--filename={path}" for path in paths]
    names = instance.kubectl("apply", "--server-side", "-o", "name", *files).split()
    _await_crds(instance, [name.partition("/")[2] for name in names])


def apply_kafka(instance: Instance) -> None:
    """Ask for the local cluster's Kafka."""
    _await_crds(instance, list(_KINDS))
    instance.kubectl("apply", "-f", str(_KAFKA))


def _await_crds(instance: Instance, names: list[str]) -> None:
    # One by one: of several that are not there yet kubectl says so at once (1.34). And a CRD that is new
    # has no conditions for a moment, and to await one is an error then.
    for name in names:
        for condition in ("create", "jsonpath={.status.acceptedNames.plural}", "condition=Established"):
            instance.kubectl("wait", f"crd/{name}", f"--for={condition}", "--timeout=240s")


def await_kafka(instance: Instance) -> None:
    """Await that Kafka is ready, and write what a client on the host needs."""
    write_client_files(instance.kubeconfig, instance.client_dir)


def apply_operator(instance: Instance, settings: Mapping[str, str]) -> None:
    """Install the operator as a person would, by an overlay with the local images and these settings.

    One for the console lies beside it, for who wants it.
    """
    write_console_overlay(instance.console_dir, instance.images)
    overlay = instance.state_dir / "operator"
    write_overlay(overlay, instance.images, settings)
    instance.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(overlay))


def await_operator(instance: Instance) -> None:
    """Await that the operator's present version runs."""
    instance.kubectl(
        "rollout", "status", "deployment/catdog-operator", "-n", OPERATOR_NAMESPACE, "--timeout=240s"
    )


def write_commands(directory: Path, kubectl: Path) -> None:
    """Put `kubectl` and `catdog`, and catdog as kubectl's plugin, into a directory for the PATH."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "kubectl").unlink(missing_ok=True)
    (directory / "kubectl").symlink_to(kubectl)
    path = f"{REPOSITORY / 'client'}:{REPOSITORY / 'common'}"
    python = f"PYTHONPATH={shlex.quote(path)} exec {shlex.quote(sys.executable)}"
    for name, target in read_scripts().items():
        module, function = target.split(":")
        code = f"import sys; sys.argv[0] = {name!r}; from {module} import {function}; {function}()"
        (directory / name).write_text(f'#!/bin/sh\n{python} -c {shlex.quote(code)} "$@"\n')
        (directory / name).chmod(0o755)


def read_scripts() -> dict[str, str]:
    """Return the commands that an installation of the client gives, and the functions that they run."""
    scripts: dict[str, str] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["scripts"]
    return scripts
