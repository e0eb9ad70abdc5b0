"""Commands of the README and the how-tos that need an API server and nothing that runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.cache import REPOSITORY
from tests.cluster.commands import CommandError
from tests.cluster.instance import Instance, down, up_api_server
from tests.howto import run_section

README = REPOSITORY / "README.md"
KAFKA = REPOSITORY / "docs" / "how-to" / "kafka.md"
TRAINING = REPOSITORY / "docs" / "how-to" / "training.md"
MODEL = {"apiVersion": "catdog.dev/v1alpha1", "kind": "CatDogModel"}


@pytest.fixture(scope="module")
def api_server(bare: str) -> Iterator[Instance]:
    """Give an API server that knows no CatDogModel yet, with the namespaces that the pages are of."""
    cluster = up_api_server(bare, with_crds=False)
    for namespace in ("kafka", "catdog"):
        cluster.kubectl("create", "namespace", namespace)
    yield cluster
    down(bare)


def follow(cluster: Instance, page: Path, section: str, **instead: str) -> None:
    """Do what a page says under a heading; of the images that were pushed there is nothing here."""
    built = {f"build/{name.replace('_', '-')}": overlay for name, overlay in instead.items()}
    run_section(page, section, REPOSITORY, cluster.environment(), built)


def test_the_install_for_one_namespace_is_taken(api_server: Instance) -> None:
    follow(api_server, README, "For one namespace", install_namespaced="manifests/overlays/namespaced")
    assert api_server.kubectl("get", "deployment", "catdog-operator", "-n", "catdog", "-o", "name")
    with pytest.raises(CommandError):
        api_server.kubectl("get", "clusterrole", "catdog-operator")


def test_the_install_for_all_namespaces_is_taken_and_set_up(api_server: Instance) -> None:
    follow(api_server, README, "For all namespaces", install="manifests")
    follow(api_server, README, "Upgrade")
    look = ("get", "deployment", "catdog-operator", "-n", "catdog-system", "-o")
    variables = "jsonpath={.spec.template.spec.containers[0].env[*].name}"
    assert "CATDOG_PARALLEL_ROLLOUTS" in api_server.kubectl(*look, variables).split()


def test_a_model_over_any_kafka_is_taken(api_server: Instance) -> None:
    follow(api_server, KAFKA, "By addresses")
    security = "jsonpath={.spec.kafka.authentication.type}"
    look = ("get", "catdogmodel", "pets-elsewhere", "-n", "kafka", "-o", security)
    assert api_server.kubectl(*look) == "scram-sha-512"


def test_a_training_is_changed(api_server: Instance) -> None:
    apply = (
        "apply",
        "--namespace=kafka",
        "--filename",
        str(REPOSITORY / "manifests/samples/catdogmodel.yaml"),
    )
    api_server.kubectl(*apply)
    follow(api_server, TRAINING, "Train the next version")
    follow(api_server, TRAINING, "Give a training more memory, or time")
    training = (
        "{.spec.training.epochs} {.spec.training.revision} {.spec.training.pod.resources.limits.memory}"
    )
    assert (
        api_server.kubectl("get", "catdogmodel", "pets", "-n", "kafka", "-o", f"jsonpath={training}")
        == "30 more photos 6Gi"
    )


def test_all_of_it_is_taken_away(api_server: Instance) -> None:
    follow(api_server, README, "Take it away", install="manifests")
    for what in ("crd/catdogmodels.catdog.dev", "clusterrole/catdog-operator"):
        with pytest.raises(CommandError, match="NotFound"):
            api_server.kubectl("get", what)
