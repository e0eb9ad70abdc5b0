"""The tutorial, followed as it stands; each test goes on from the one before."""

import csv
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from catdog_common.artifact import LABELS, UNKNOWN
from tests.cluster.cache import REPOSITORY
from tests.cluster.commands import CommandError, run
from tests.cluster.instance import Instance
from tests.demo.photo_sets import LabelledPhoto
from tests.e2e.claims import reserve_claim
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.trunks import lay_trunk
from tests.howto import run_section

TUTORIAL = REPOSITORY / "docs" / "tutorial.md"
PER_LABEL = 30
TAKE_AWAY = "8. Take it away"


class Person:
    """Somebody who follows the tutorial, in a folder and a shell of their own."""

    def __init__(self, cluster: Instance, directory: Path) -> None:
        self.directory = directory
        self._environment = cluster.environment()

    def follow(self, section: str) -> str:
        """Do what the tutorial says under a heading; return what is printed."""
        return run_section(TUTORIAL, section, self.directory, self._environment)


@pytest.fixture(scope="module")
def person(
    cluster: Instance, photos: list[LabelledPhoto], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Person]:
    """Give a person with some photos, on a cluster that has nothing of the tutorial."""
    directory = tmp_path_factory.mktemp("tutorial")
    for label in LABELS:
        mine = [photo.path for photo in photos if photo.label == label]
        (directory / "photos" / label).mkdir(parents=True)
        for path in mine[:PER_LABEL]:
            shutil.copy(path, directory / "photos" / label)
        shutil.copy(mine[PER_LABEL], directory / f"{label}.jpg")
    person = Person(cluster, directory)
    _take_away(cluster)
    reserve_claim(cluster, "lab-models", lambda directory: lay_trunk(cluster, directory, "lab"))
    yield person
    _take_away(cluster)


@pytest.fixture(scope="module")
def lab(cluster: Instance, person: Person) -> Model:
    """Return the tutorial's model, which has version 1."""
    assert "photos are in topic lab-photos" in person.follow("1. Bring the photos")
    person.follow("2. Train on few photos, and for too short a time")
    return Model(cluster, "lab")


def test_it_trains_and_shows_its_curves(person: Person, lab: Model) -> None:
    said = person.follow("3. Look at the curves")
    version = person.directory / "lab-1"
    assert said.endswith((version / "model-card.md").read_text())
    assert (version / "training.png").read_bytes().startswith(b"\x89PNG")
    assert len(_epochs((version / "history.csv").read_text())) == 1
    assert [each["version"] for each in lab.status()["versions"]] == [1]


def test_it_gets_better(person: Person, lab: Model, figures: list[str]) -> None:
    said = person.follow("4. Send an image")
    before = _answer(said)
    assert "as it should be" in said
    said = person.follow("5. Change the spec, and watch it get better")
    after, losses = _answer(said), [float(each["val_loss"]) for each in _epochs(said)]
    figures.append(f"tutorial: the image was {before} by version 1, {after} by version 2")
    assert len(losses) == 20
    assert losses[-1] < losses[0]
    assert UNKNOWN in (before[0], after[0]) or after[1] > before[1], "version 2 is surer"
    assert [each["version"] for each in lab.status()["versions"]] == [2, 1]
    for compared, answered in zip(_compared(said), (before, after), strict=True):
        assert compared[0] == answered[0], "the same files say the same"
        assert compared[1] == pytest.approx(answered[1], abs=0.01)
    assert re.search(rf"^they agree on \d+ of {1 + 2 * PER_LABEL} photos$", said, re.MULTILINE)


def test_it_rolls_back_and_trains_nothing(person: Person, lab: Model) -> None:
    before = len(lab.status()["versions"])
    said = person.follow("6. Roll back")
    _, _, history = " ".join(said.split()).rpartition("came to serve: ")
    assert re.findall(r"version ([12]) [^()]*\(([A-Za-z]+)\)", history) == [
        ("2", "Promoted"),
        ("1", "Pinned"),
        ("2", "Promoted"),
        ("1", "Promoted"),
    ]
    assert _table_rows(said)[0][-3] == "1", "the version that answered"
    assert len(lab.status()["versions"]) == before


def test_it_scales(person: Person, lab: Model) -> None:
    said = person.follow("7. Scale")
    staying = [pod for pod in lab.workers() if "deletionTimestamp" not in pod["metadata"]]
    assert len(staying) == 2
    assert len([line for line in said.splitlines() if "photos/cat/" in line]) == PER_LABEL


def test_all_of_it_goes(cluster: Instance, person: Person, lab: Model) -> None:
    person.follow(TAKE_AWAY)
    assert lab.children("pods,jobs,deployments,pvc,kafkatopics") == []
    with pytest.raises(CommandError, match="NotFound"):
        cluster.kubectl("get", "kafkatopic", "lab-photos", "-n", NAMESPACE)


def test_where_there_are_no_photos_some_are_drawn(cluster: Instance, tmp_path: Path) -> None:
    """The command that the tutorial names, as it stands in a Makefile and not in a block."""
    assert cluster.is_running, "the font has come with it"
    run("make", "-s", "drawings", f"TO={tmp_path}", cwd=REPOSITORY)
    assert {path.parent.name for path in tmp_path.rglob("*.jpg")} == set(LABELS)


def _answer(said: str) -> tuple[str, float]:
    """Return label and probability of cat.jpg, from the first table that is printed, of `catdog send`."""
    return _judgement(_table_rows(said)[0][1:])


def _compared(said: str) -> list[tuple[str, float]]:
    """Return the same by both versions, from the table of `catdog compare` that comes after it."""
    _, *words = _table_rows(said)[1]
    first = _judgement(words)
    return [first, _judgement(words[1 if first[0] == UNKNOWN else 2 :])]


def _judgement(words: list[str]) -> tuple[str, float]:
    """Return what a row says first; what is unknown to the model has no probability there."""
    label, *rest = words
    assert label in {*LABELS, UNKNOWN}
    return label, 0.0 if label == UNKNOWN else float(rest[0])


def _table_rows(said: str) -> list[list[str]]:
    """Return the words of each row on cat.jpg."""
    return [line.split() for line in said.splitlines() if line.startswith("cat.jpg")]


def _epochs(text: str) -> list[dict[str, str]]:
    """Return the rows of a history, wherever it stands in what was printed."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("epoch,"))
    rows = [line for line in lines[start + 1 :] if re.match(r"\d+,", line)]
    return list(csv.DictReader([lines[start], *rows]))


def _take_away(cluster: Instance) -> None:
    model = Model(cluster, "lab")
    model.delete()
    for kind in ("pvc", "kafkatopic"):
        cluster.kubectl("delete", kind, "-n", NAMESPACE, "-l", "catdog.dev/model=lab", "--ignore-not-found")
    cluster.kubectl("delete", "kafkatopic", "lab-photos", "-n", NAMESPACE, "--ignore-not-found")
