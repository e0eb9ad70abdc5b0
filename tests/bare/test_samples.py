"""What people are given to apply is what the schemas have: Kubernetes', Strimzi's, KEDA's and our own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.cache import REPOSITORY, default_cache
from tests.cluster.commands import CommandError
from tests.cluster.install import apply_crds
from tests.cluster.instance import Instance, down, up_api_server
from tests.cluster.programs import make_keda_crds
from tests.howto import run_section

SAMPLES = REPOSITORY / "manifests" / "samples"
SCALED_OBJECT = SAMPLES / "keda-scaledobject.yaml"
HOWTO = REPOSITORY / "docs" / "how-to" / "autoscaling.md"
DRY_RUN = ("apply", "--namespace=kafka", "--dry-run=server", "--validate=strict")


@pytest.fixture(scope="module")
def api_server(bare: str) -> Iterator[Instance]:
    """Give an API server with the CRDs of KEDA beside Strimzi's and ours."""
    cluster = up_api_server(bare)
    crds = make_keda_crds(default_cache())
    apply_crds(cluster, crds / "keda.sh_scaledobjects.yaml", crds / "keda.sh_triggerauthentications.yaml")
    cluster.kubectl("create", "namespace", "kafka")
    yield cluster
    down(bare)


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_a_sample_is_taken_as_it_stands(api_server: Instance, sample: Path) -> None:
    applied = api_server.kubectl(*DRY_RUN, "--filename", str(sample)).splitlines()
    assert applied
    assert all(line.endswith("created (server dry run)") for line in applied), applied


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("maxReplicaCount: 6", "maxReplicas: 6"),
        ("- type: kafka", "- kind: kafka"),
        ("parameter: ca,", "param: ca,"),
        ('lagThreshold: "200"', "lagThreshold: 200"),
    ],
)
def test_and_would_not_be_with_a_mistake_in_it(api_server: Instance, right: str, wrong: str) -> None:
    text = SCALED_OBJECT.read_text()
    assert right in text
    with pytest.raises(CommandError):
        api_server.kubectl(*DRY_RUN, "--filename=-", input=text.replace(right, wrong))


def test_the_howto_for_keda_can_be_followed(api_server: Instance) -> None:
    run_section(HOWTO, "By what waits in Kafka, with KEDA", REPOSITORY, api_server.environment())
    target = "jsonpath={.spec.scaleTargetRef.kind}/{.spec.scaleTargetRef.name}"
    scaled = api_server.kubectl("get", "scaledobject/pets", "-n", "kafka", "-o", target)
    assert scaled == "CatDogModel/pets"
