"""The operator of the commit before, with models that train and serve, is replaced by this one."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cache import REPOSITORY
from tests.cluster.images import tag_image
from tests.cluster.instance import Instance
from tests.cluster.operator_process import deployment_scaled_down, install_rights, operator_process
from tests.cluster.volumes import parse_stream
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.claims import SAMPLE_HASH, make_claim
from tests.e2e.models import NAMESPACE, Model, watched
from tests.e2e.trainers import await_trainer
from tests.tiny_version import publish_tiny_version

WHAT_AN_OPERATOR_IS = ("operator", "common", "crds", "manifests/base")
SERVING = tuple(f"before-{number}" for number in range(1, 5))
AT_ONCE = 2


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkout of what an operator is, as it was before the last change to it."""
    directory = tmp_path_factory.mktemp("before")
    archive = subprocess.run(
        ["git", "archive", commit_before(), *WHAT_AN_OPERATOR_IS],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    )
    subprocess.run(["tar", "--extract", "--directory", directory], input=archive.stdout, check=True)
    return directory


@pytest.fixture(scope="module")
def still_cluster(cluster: Instance) -> Iterator[Instance]:
    """Return the cluster without an operator; afterwards it has the present one, and its CRD and rights."""
    with deployment_scaled_down(cluster):
        yield cluster
        install(cluster, REPOSITORY)


@pytest.fixture(scope="module")
def models(still_cluster: Instance, before: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Have models serve, and one train, by the operator of before; return the directory of their claim."""
    cluster = still_cluster
    claim = make_claim(cluster, "before", fill=lay_versions)
    install(cluster, before)
    apply = {name: Model(cluster, name) for name in (*SERVING, "before-training")}
    with operator_process(cluster, tmp_path_factory.mktemp("operator-before"), source=before):
        for name in SERVING:
            apply[name].apply(spec(existing_claim="before"))
        for name in SERVING:
            apply[name].await_ready(version=1)
        apply["before-training"].apply(spec(epochs=3))
        await_trainer(apply["before-training"]).await_stage("Loading")
    yield claim
    for model in apply.values():
        model.delete()


@pytest.mark.usefixtures("models")
def test_an_upgrade_restarts_nothing_and_trains_nothing_again(
    still_cluster: Instance, tmp_path: Path
) -> None:
    cluster = still_cluster
    serving, training = running(cluster, "deployments", "pods"), running(cluster, "jobs")
    versions = {name: Model(cluster, name).status()["versions"][0]["hash"] for name in SERVING}
    install(cluster, REPOSITORY)
    with operator_process(cluster, tmp_path):
        status = Model(cluster, "before-training").await_ready(version=1, timeout=600)
        for name in SERVING:
            Model(cluster, name).await_status(
                lambda status: any(each["type"] == "Promoted" for each in status["conditions"]), "looked at"
            )
    after = running(cluster, "deployments", "pods")
    assert {key: after[key] for key in serving if "before-training" not in key} == {
        key: value for key, value in serving.items() if "before-training" not in key
    }
    assert running(cluster, "jobs").keys() == training.keys(), "the Job that ran is the one that ended"
    assert [each["version"] for each in status["versions"]] == [1]
    assert versions == dict.fromkeys(SERVING, SAMPLE_HASH)


@pytest.mark.soak
@pytest.mark.usefixtures("models")
def test_where_the_workers_image_changed_models_roll_a_few_at_a_time(
    still_cluster: Instance, tmp_path: Path
) -> None:
    cluster = still_cluster
    image = cluster.images["catdog-inference"]
    new = f"{image}-next"
    tag_image(cluster.layout.containerd_socket, image, new)
    settings = {"RELATED_IMAGE_INFERENCE": new, "CATDOG_PARALLEL_ROLLOUTS": str(AT_ONCE)}
    rolling: set[str] = set()
    most, done = 0, set[str]()
    look = ("deployments", "-n", NAMESPACE, "-l", "catdog.dev/model", "-o", "json")
    with (
        watched(cluster, *look, timeout=2 * PATIENCE_SECONDS) as lines,
        operator_process(cluster, tmp_path, settings=settings),
    ):
        for deployment in parse_stream(lines):
            name = deployment["metadata"]["name"]
            [container] = deployment["spec"]["template"]["spec"]["containers"]
            if container["image"] != new:
                continue
            complete = is_complete(deployment)
            rolling = rolling - {name} if complete else rolling | {name}
            done = done | {name} if complete else done
            most = max(most, len(rolling))
            if len(done) == len(SERVING) + 1:
                break
    assert len(done) == len(SERVING) + 1
    assert most == AT_ONCE


def commit_before() -> str:
    """Return the commit before the last that changed what an operator is; HEAD where that is changed now.

    CATDOG_UPGRADE_FROM in the environment names another.
    """
    if chosen := os.environ.get("CATDOG_UPGRADE_FROM"):
        return chosen
    compare = ["git", "diff", "--quiet", "HEAD", "--", *WHAT_AN_OPERATOR_IS]
    if subprocess.run(compare, cwd=REPOSITORY, check=False).returncode:
        return "HEAD"
    last = ask_git("rev-list", "--first-parent", "--max-count=1", "HEAD", "--", *WHAT_AN_OPERATOR_IS)
    return ask_git("rev-parse", f"{last}^")


def ask_git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def install(cluster: Instance, checkout: Path) -> None:
    """Install a checkout's CRD and rights."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(checkout / "crds"))
    install_rights(cluster, checkout / "manifests" / "base")


def lay_versions(directory: Path) -> None:
    """Lay a version on the claim for each model that serves."""
    for name in SERVING:
        publish_tiny_version(directory, name, training_hash=SAMPLE_HASH, resampling=None)
    for path in directory.rglob("*"):
        path.chmod(0o2775 if path.is_dir() else 0o664)


def spec(existing_claim: str | None = None, **training: object) -> dict[str, Any]:
    """Return a model's spec, of fields that the operator of before has as well."""
    storage = {"storage": {"existingClaim": existing_claim}} if existing_claim else {}
    return {
        "training": {"dataset": {"sample": {}}, **training},
        "kafka": {"strimzi": {"name": "my-cluster"}},
        **storage,
    }


def running(cluster: Instance, *kinds: str) -> dict[str, Any]:
    """Return of each of the models' objects what changes when it is replaced, changed or restarted."""
    look = ("get", ",".join(kinds), "-n", NAMESPACE, "-l", "catdog.dev/model", "-o", "json")
    objects = json.loads(cluster.kubectl(*look))["items"]
    return {
        f"{each['kind']} {each['metadata']['name']} {each['metadata']['uid']}": (
            each.get("spec", {}).get("template"),
            [status["restartCount"] for status in each["status"].get("containerStatuses", [])],
        )
        for each in objects
        if each["metadata"]["labels"].get("app.kubernetes.io/component") != "training" or "jobs" in kinds
    }


def is_complete(deployment: dict[str, Any]) -> bool:
    """Return whether all pods of a Deployment are of its present form, and ready."""
    status, replicas = deployment["status"], deployment["spec"]["replicas"]
    counts = [status.get(count, 0) for count in ("replicas", "updatedReplicas", "readyReplicas")]
    current = status.get("observedGeneration") == deployment["metadata"]["generation"]
    return current and counts == [replicas] * 3
