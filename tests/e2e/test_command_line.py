"""Jane, who has the how-to's rights and no more, looks after a model; the tests go on from one another."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from catdog_operator.resource import parse_model, training_hash
from tests.cluster.cache import REPOSITORY
from tests.cluster.instance import Instance
from tests.cluster.person import write_persons_kubeconfig
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.crd import model_schema, with_defaults
from tests.e2e.claims import make_claim
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.trunks import ARCHITECTURE, lay_trunk
from tests.howto import read_blocks, run_section
from tests.tiny_version import publish_tiny_version

HOWTO = REPOSITORY / "docs" / "how-to" / "command-line.md"
SECTIONS = RIGHTS, DOCTOR, STATUS, VERSIONS, TRAIN, LOGS, SCRIPT, COMPLETION = (
    "The rights that it takes",
    "See whether all is there",
    "See how a model is",
    "Have another version serve",
    "Train again",
    "Read what its pods say",
    "Use it in a script",
    "Complete names in a shell",
)
SPEC: dict[str, Any] = {
    "training": {"dataset": {"sample": {}}, "architecture": ARCHITECTURE, "epochs": 1},
    "kafka": {"strimzi": {"name": "my-cluster"}},
}


class Jane:
    """A person at a terminal that is none: what she runs is captured."""

    def __init__(self, cluster: Instance, directory: Path) -> None:
        self.directory = directory
        kubeconfig = directory / "kubeconfig"
        write_persons_kubeconfig(cluster, "jane", kubeconfig)
        self.environment = {**cluster.environment(), "KUBECONFIG": str(kubeconfig), "HOME": str(directory)}

    def follow(self, section: str) -> None:
        """Do what the how-to says under a heading."""
        run_section(HOWTO, section, self.directory, self.environment)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=240
        )

    @contextmanager
    def start(self, *command: str) -> Iterator[subprocess.Popen[str]]:
        """Start a command that Ctrl-C ends, and hand over what it prints on standard output.

        It ends with the context.
        """
        interruptible = ("env", "--default-signal=INT", *command)  # a shell's background jobs are not
        pipe = subprocess.PIPE
        with subprocess.Popen(interruptible, env=self.environment, stdout=pipe, text=True) as process:
            try:
                yield process
            finally:
                process.kill()  # if it has not ended


@pytest.fixture(scope="module")
def pets(cluster: Instance) -> Iterator[Model]:
    """Give a model with two versions: an older one, and one of its present settings, which serves."""
    model = Model(cluster, "pets")
    _take_away(model)
    make_claim(cluster, "pets-models", fill=partial(_publish, cluster))
    model.apply(SPEC)
    model.await_ready(version=2)
    yield model
    _take_away(model)


@pytest.fixture(scope="module")
def jane(cluster: Instance, pets: Model, tmp_path_factory: pytest.TempPathFactory) -> Jane:
    """Return who has been given the rights."""
    assert {block.section for block in read_blocks(HOWTO.read_text())} == set(SECTIONS)
    cluster.kubectl("delete", "rolebinding", "catdog-jane", "-n", NAMESPACE, "--ignore-not-found")
    run_section(HOWTO, RIGHTS, REPOSITORY, cluster.environment())
    assert pets
    return Jane(cluster, tmp_path_factory.mktemp("jane"))


def test_all_that_a_model_needs_is_found_and_what_may_not_be_seen_is_no_fault(jane: Jane) -> None:
    jane.follow(DOCTOR)
    checks = json.loads(jane.run("catdog", "doctor", "--output=json").stdout)
    verdicts = {each["name"]: each["verdict"] for each in checks}
    ours = "Kafka kafka/my-cluster"  # others' may have come or gone
    assert {
        name: each for name, each in verdicts.items() if name == ours or not name.startswith("Kafka ")
    } == {
        "Kubernetes": "ok",
        "CRD catdogmodels.catdog.dev": "ok",
        "operator": "ok",
        "your rights in kafka": "ok",
        "Strimzi": "ok",
        ours: "ok",
        "storage": "unknown",
    }


def test_an_administrator_sees_the_operator_and_the_storage_class_too(cluster: Instance) -> None:
    command = ("kubectl", "catdog", "doctor", "--output=json")
    run = subprocess.run(command, env=cluster.environment(), capture_output=True, text=True, check=False)
    checks = {each["name"]: each for each in json.loads(run.stdout)}
    assert checks["operator"]["message"] == "Deployment catdog-operator in catdog-system runs"
    assert checks["storage"]["verdict"] == "ok"


def test_the_status_is_told_by_the_plugin_of_kubectl(jane: Jane) -> None:
    jane.follow(STATUS)
    shown = jane.run("kubectl", "catdog", "status", "pets")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.splitlines()[0] == (
        "pets in kafka: Serving, version 2 (100.0% right), 1 of 1 workers ready"
    )
    assert "\x1b" not in shown.stdout
    assert "pets" in jane.run("kubectl", "catdog", "status").stdout


def test_a_model_that_is_not_there_is_told_with_those_that_are(jane: Jane) -> None:
    shown = jane.run("kubectl", "catdog", "status", "pats")
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr.startswith("kubectl catdog: namespace kafka has no CatDogModel pats; it has ")
    assert "pets" in shown.stderr


def test_without_the_right_to_look_one_line_says_which(jane: Jane) -> None:
    shown = jane.run("catdog", "status", "--namespace=catdog-system")
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr.startswith('catdog: catdogmodels.catdog.dev is forbidden: User "jane" cannot list ')
    assert shown.stderr.endswith("has a Role that suffices\n")


def test_names_and_versions_are_completed_from_the_cluster(jane: Jane) -> None:
    jane.follow(COMPLETION)
    models = jane.run("kubectl", "__complete", "catdog", "status", "pet").stdout.splitlines()
    assert models == ["pets\tServing", ":4"]
    versions = jane.run("kubectl", "__complete", "catdog", "promote", "pets", "").stdout.splitlines()
    assert versions == ["2\t100.0% Passed", "1\t100.0% Passed", ":4"]


def test_a_version_is_promoted_rolled_back_and_unpinned(jane: Jane, pets: Model) -> None:
    jane.follow(VERSIONS)
    status = pets.await_ready(version=2)
    assert [each["version"] for each in status["history"]] == [2, 1, 2]
    missing = jane.run("catdog", "promote", "pets", "7")
    assert (missing.returncode, missing.stderr) == (1, "catdog: pets has no version 7: it has 1 and 2\n")


def test_a_training_is_followed_to_its_end(jane: Jane, pets: Model) -> None:
    jane.follow(TRAIN)
    status = pets.await_ready(version=3)
    assert [each["version"] for each in status["versions"]] == [3, 2, 1]
    same = jane.run("catdog", "retrain", "pets", "--revision=more-photos")
    assert same.returncode == 1
    assert "has spec.training.revision 'more-photos' already" in same.stderr


def test_the_pods_words_are_shown_and_followed(jane: Jane, pets: Model) -> None:
    jane.follow(LOGS)
    workers = {each["metadata"]["name"] for each in pets.workers()}  # one of them may be about to end
    with jane.start("catdog", "logs", "pets", "--component=inference", "--follow") as following:
        assert following.stdout is not None
        assert following.stdout.readline().split(" ", 1)[0] in workers
        following.send_signal(signal.SIGINT)
        following.stdout.read()
        assert following.wait(PATIENCE_SECONDS) == 0


def test_a_script_learns_from_the_exit_code_that_a_model_is_not_ready(jane: Jane, pets: Model) -> None:
    jane.follow(SCRIPT)
    assert json.loads((jane.directory / "pets.json").read_text())["metadata"]["name"] == "pets"
    pets.patch({"kafka": {"strimzi": {"name": "no-such-kafka"}}, "paused": True})
    pets.await_status(lambda each: each["observedGeneration"] == pets.generation(), "the edit was seen")
    refused = jane.run("catdog", "promote", "pets", "1", "--wait")
    assert refused.returncode == 1
    assert "spec.paused is true, so the operator changes nothing of pets yet" in refused.stderr
    assert jane.run("catdog", "status", "no-such-model").returncode == 1
    assert jane.run("catdog", "status", "pets", "--no-such-option").returncode == 2


def _publish(cluster: Instance, directory: Path) -> None:
    lay_trunk(cluster, directory, "pets")
    for number, settings in ((1, "0123456789"), (2, _present_hash())):
        publish_tiny_version(directory, "pets", number, training_hash=settings)
    for path in directory.rglob("*"):
        path.chmod(0o2775 if path.is_dir() else 0o664)  # what pods of one claim share is the group


def _present_hash() -> str:
    metadata = {"name": "pets", "namespace": NAMESPACE, "uid": "", "generation": 1}
    body = with_defaults({"metadata": metadata, "spec": SPEC}, model_schema())
    return training_hash(parse_model(body).spec.training)


def _take_away(model: Model) -> None:
    model.delete()
    model.cluster.kubectl("delete", "pvc", "pets-models", "-n", NAMESPACE, "--ignore-not-found")
    model.cluster.kubectl(
        "delete", "kafkatopics", "-n", NAMESPACE, "-l", f"catdog.dev/model={model.name}", "--ignore-not-found"
    )
