"""`catdog watch`, `dead-letters`, `compare` and `plot` on a real cluster, with the rights of the how-to.

Two versions lie on the model's claim: the first takes everything for a cat, the second has learnt.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from catdog_common.artifact import EVALUATION_FILE, MANIFEST_FILE, MODEL_CARD_FILE, Head, write_manifest
from tests.cluster.cache import REPOSITORY
from tests.cluster.instance import Instance
from tests.cluster.person import write_persons_kubeconfig
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.claims import SAMPLE_HASH, make_claim, served_from
from tests.e2e.kafka import produce, records_in
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.strimzi import eventually
from tests.howto import run_section
from tests.tiny_version import RED_IS_CAT, picture, publish_tiny_version

HOWTO = REPOSITORY / "docs" / "how-to" / "answers-and-versions.md"
RIGHTS, ANSWERS, DEAD_LETTERS, VERSIONS = (
    "The rights that these take",
    "Answers as they come",
    "Dead letters",
    "Versions side by side",
)
NAME = "pets"
ALL_ARE_CATS = Head(weights=((1.0, -1.0),) * 3, bias=(3.0, -3.0))
BESIDE = {MODEL_CARD_FILE: "# Ein Kärtchen 🐈\n".encode(), EVALUATION_FILE: os.urandom(300_000)}
UNSAFE = "../../../etc/\x1b[2J/猫.jpg"


class Person:
    """Somebody with the rights that the how-to names, and their terminal."""

    def __init__(self, cluster: Instance, kubeconfig: Path) -> None:
        self.environment = cluster.environment() | {"KUBECONFIG": str(kubeconfig)}
        # Left by `make env` for another model: what is said of MODEL counts.
        self.environment["CATDOG_OUTPUT_TOPIC"] = "another-models-predictions"
        self.directory = kubeconfig.parent

    def catdog(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the command, and expect its exit code."""
        done = subprocess.run(
            [self._program(), *arguments],
            env=self.environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def told(self, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        """Run the command, and return what it says as JSON."""
        done = self.catdog(*arguments, "--output", "json", code=code)
        return [json.loads(line) for line in done.stdout.splitlines()]

    @contextmanager
    def begin(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start the command; it ends with the context."""
        pipe, command = subprocess.PIPE, [self._program(), *arguments]
        with subprocess.Popen(command, env=self.environment, stdout=pipe, stderr=pipe, text=True) as process:
            try:
                yield process
            finally:
                process.kill()  # if it has not ended

    def _program(self) -> str:
        found = shutil.which("catdog", path=self.environment["PATH"])
        assert found is not None
        return found


@pytest.fixture(scope="module")
def pets(cluster: Instance) -> Iterator[Model]:
    """Give a model whose second version serves."""
    model = Model(cluster, NAME)
    _take_away(model)
    make_claim(cluster, f"{NAME}-models", fill=_publish)
    topics = {"whenDeleted": "Delete", "input": {"partitions": 1}}
    spec = served_from(f"{NAME}-models", {"strimzi": {"name": "my-cluster"}, "topics": topics})
    model.apply(spec)
    model.await_ready(version=2)
    yield model
    _take_away(model)


@pytest.fixture(scope="module")
def person(cluster: Instance, pets: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Give Jane, who has the how-to's rights and no others."""
    assert pets
    directory = tmp_path_factory.mktemp("jane")
    _take_rights(cluster)
    run_section(HOWTO, RIGHTS, directory, cluster.environment())
    write_persons_kubeconfig(cluster, "jane", directory / "kubeconfig")
    (directory / "cat.jpg").write_bytes(picture("red"))
    (directory / "dog.jpg").write_bytes(picture("blue"))
    yield Person(cluster, directory / "kubeconfig")
    _take_rights(cluster)


def test_what_becomes_of_images_is_seen_as_it_comes(cluster: Instance, person: Person) -> None:
    with person.begin("watch", NAME, "--output", "json") as watching:
        assert watching.stderr is not None
        assert watching.stdout is not None
        assert watching.stderr.readline() == "watching topics pets-predictions and pets-dead-letters\n"
        asyncio.run(produce(cluster, "pets-images", picture("blue"), key=b"a dog"))
        answer = json.loads(watching.stdout.readline())
        asyncio.run(produce(cluster, "pets-images", b"no image", headers=[("id", UNSAFE.encode())]))
        dead_letter = json.loads(watching.stdout.readline())
        watching.send_signal(signal.SIGINT)
        assert watching.wait(PATIENCE_SECONDS) == 0
    assert (answer["kind"], answer["id"], answer["label"], answer["version"]) == ("Answer", "a dog", "dog", 2)
    assert (dead_letter["kind"], dead_letter["reason"]) == ("DeadLetter", "NotAnImage")
    assert dead_letter["id"] == r"../../../etc/\x1b[2J/猫.jpg"
    table = person.catdog("watch", NAME, "--from-beginning", "--count", "2").stdout
    assert "dog" in table
    assert "NotAnImage: these 8 bytes are none of JPEG" in table
    assert "\x1b" not in table
    [sent] = person.told("send", "--model", NAME, "--wait", "--timeout=240", "cat.jpg")
    assert (sent["label"], sent["version"]) == ("cat", 2)


def test_dead_letters_are_listed_and_saved_within_the_folder(person: Person, tmp_path: Path) -> None:
    [letter] = person.told("dead-letters", "list", NAME)
    assert (letter["reason"], letter["size"], letter["source"]["topic"]) == ("NotAnImage", 8, "pets-images")
    place = f"{letter['partition']}-{letter['offset']}"
    folder = tmp_path / "rejected"
    [saved] = person.told("dead-letters", "save", NAME, "--to", str(folder))
    assert list(tmp_path.rglob("*")) == [folder, folder / f"{place}-_.._.._etc__x1b[2J_猫.jpg"]
    assert Path(saved["file"]).read_bytes() == b"no image"
    again = person.catdog("dead-letters", "save", NAME, "--to", str(folder))
    assert again.stdout == f"1 of 1 dead letters are in {folder}\n"
    Path(saved["file"]).write_bytes(b"mine")
    refused = person.catdog("dead-letters", "save", NAME, "--to", str(folder), code=1)
    assert "is there already, with another content" in refused.stderr
    assert Path(saved["file"]).read_bytes() == b"mine"


async def test_what_is_sent_again_is_marked_and_goes_round_no_more(cluster: Instance, person: Person) -> None:
    [letter] = await asyncio.to_thread(person.told, "dead-letters", "list", NAME)
    done = await asyncio.to_thread(person.catdog, "dead-letters", "resend", NAME, "--reason", "notanimage")
    assert done.stdout == "1 of 1 dead letters were sent to topic pets-images again\n"

    async def failed_anew() -> bool:
        return len(await records_in(cluster, "pets-dead-letters")) > 1

    await eventually(failed_anew, "it is a dead letter again")
    *_, sent = await records_in(cluster, "pets-images")
    place = f"pets-dead-letters/{letter['partition']}/{letter['offset']}"
    marks = (("catdog-resent", b"1"), ("catdog-resent-from", place.encode()))
    assert (sent.value, tuple(sent.headers)) == (b"no image", (("id", UNSAFE.encode()), *marks))
    first, second = await asyncio.to_thread(person.told, "dead-letters", "list", NAME)
    assert first == letter, "Kafka keeps what was sent again"
    assert second["resent"] == 1
    offset = f"{second['partition']}:{second['offset']}"
    kept = await asyncio.to_thread(person.catdog, "dead-letters", "resend", NAME, "--offset", offset)
    assert kept.stdout == "0 of 1 dead letters were sent to topic pets-images again\n"
    assert f"{offset} was sent again before, and failed anew; --again sends it all the same" in kept.stderr
    missing = await asyncio.to_thread(person.catdog, "dead-letters", "list", NAME, "--offset", "0:99", code=1)
    assert "0:99 is no dead letter of this model that the topic still has" in missing.stderr
    unsaid = await asyncio.to_thread(person.catdog, "dead-letters", "resend", NAME, code=2)
    assert "say which: --reason, --offset, --since, or --all" in unsaid.stderr


def test_two_versions_answer_the_same_photos_side_by_side(person: Person) -> None:
    (person.directory / "notes.txt").write_text("no photo")
    cat, dog, notes = person.told("compare", NAME, "1", "2", "cat.jpg", "dog.jpg", "notes.txt", code=1)
    assert [each["label"] for each in cat["answers"]] == ["cat", "cat"]
    assert [each["label"] for each in dog["answers"]] == ["cat", "dog"]
    assert notes["error"].startswith("NotAnImage")
    table = person.catdog("compare", NAME, "1", "2", "cat.jpg", "dog.jpg").stdout
    assert table.splitlines()[-1] == "they agree on 1 of 2 photos"
    assert (
        "has no version 7; it has 1, 2" in person.catdog("compare", NAME, "1", "7", "cat.jpg", code=1).stderr
    )


def test_the_how_to_can_be_followed(person: Person) -> None:
    for section in (ANSWERS, DEAD_LETTERS, VERSIONS):
        run_section(HOWTO, section, person.directory, person.environment)
    assert all((person.directory / "pets-2" / name).read_bytes() == BESIDE[name] for name in BESIDE)


def test_without_a_worker_a_job_of_a_moment_reads_the_files(
    cluster: Instance, pets: Model, person: Person, tmp_path: Path
) -> None:
    pets.patch({"inference": {"replicas": 0}})
    pets.await_status(lambda status: status["inference"].get("replicas") == 0, "scaled to none")
    workers = f"catdog.dev/model={NAME},app.kubernetes.io/component=inference"
    cluster.kubectl("wait", "pods", "-n", NAMESPACE, "-l", workers, "--for=delete", "--timeout=240s")
    done = person.catdog("plot", NAME, "1", "--all", "--to", str(tmp_path / "1"))
    assert {Path(line).name for line in done.stdout.splitlines()} == {
        *BESIDE,
        MANIFEST_FILE,
        "trunk.tflite",
        "model.json",
    }
    assert all((tmp_path / "1" / name).read_bytes() == BESIDE[name] for name in BESIDE)
    look = ("-n", NAMESPACE, "-l", "app.kubernetes.io/component=files", "--for=delete", "--timeout=240s")
    cluster.kubectl("wait", "jobs,pods", *look)


def test_a_file_that_is_not_what_was_published_is_refused(
    cluster: Instance, pets: Model, person: Person, tmp_path: Path
) -> None:
    claim = cluster.claim_path(NAMESPACE, f"{NAME}-models")
    picture_file = claim / NAME / "versions" / "1" / EVALUATION_FILE
    picture_file.write_bytes(b"another")
    pets.patch({"inference": {"replicas": 1}})
    pets.await_ready()
    done = person.catdog("plot", NAME, "1", "--to", str(tmp_path), code=1)
    assert (
        "version 1 on the claim is damaged: evaluation.png is not the file that was published" in done.stderr
    )
    assert not (tmp_path / EVALUATION_FILE).exists()


def test_without_the_rights_one_line_says_which(cluster: Instance, person: Person, tmp_path: Path) -> None:
    write_persons_kubeconfig(cluster, "nobody", tmp_path / "kubeconfig")
    done = person.catdog("plot", NAME, "--kubeconfig", str(tmp_path / "kubeconfig"), code=1)
    [line] = done.stderr.splitlines()
    assert 'User "nobody" cannot' in line


def _publish(claim: Path) -> None:
    for version, head in ((1, ALL_ARE_CATS), (2, RED_IS_CAT)):
        directory = publish_tiny_version(claim, NAME, version, head, SAMPLE_HASH)
        for name, content in BESIDE.items():
            (directory / name).write_bytes(content)
        write_manifest(directory)
    for path in claim.rglob("*"):
        path.chmod(0o2775 if path.is_dir() else 0o664)


def _take_away(model: Model) -> None:
    """Remove the model and all that it leaves."""
    model.delete()
    delete = partial(model.cluster.kubectl, "delete", "-n", model.namespace, "--ignore-not-found")
    delete("kafkatopic", "-l", f"catdog.dev/model={model.name}")
    delete("pvc", f"{model.name}-models", "--timeout=240s")


def _take_rights(cluster: Instance) -> None:
    delete = partial(cluster.kubectl, "delete", "-n", NAMESPACE, "--ignore-not-found")
    delete("rolebinding", "catdog-versions-jane")
    delete("role", "catdog-versions")
