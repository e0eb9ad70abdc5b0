"""The how-tos and the README, followed as they stand; two versions of the model `pets` lie on its claim."""

import json
import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from catdog_common.artifact import LABELS, MODEL_CARD_FILE
from tests.cluster.cache import REPOSITORY
from tests.cluster.instance import Instance
from tests.demo.photo_sets import LabelledPhoto
from tests.e2e.claims import SAMPLE_HASH, make_claim
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.s3 import KEY, SECRET, S3Server, s3_server
from tests.howto import run_section
from tests.tiny_version import picture, publish_tiny_version

README = REPOSITORY / "README.md"
CONDITIONS = REPOSITORY / "docs" / "reference" / "conditions.md"
PHOTOS = REPOSITORY / "docs" / "how-to" / "photos.md"
VERSION_FILES = REPOSITORY / "docs" / "reference" / "model-version.md"
VERSIONS = REPOSITORY / "docs" / "how-to" / "versions.md"
PICTURES = ("training.png", "evaluation.png")
FROM_PHOTOS = ("claim-pets", "bucket-pets", "topic-pets")


class Person:
    """Somebody who follows a page in a folder and a shell of their own."""

    def __init__(self, cluster: Instance, directory: Path, **variables: str) -> None:
        self.directory = directory
        self._environment = {**cluster.environment(), **variables}

    def follow(self, page: Path, section: str, **instead: str) -> str:
        """Do what the page says under a heading; return what is printed."""
        where = REPOSITORY if page == README else self.directory
        return run_section(page, section, where, self._environment, instead)


@pytest.fixture(scope="module")
def person(cluster: Instance, tmp_path_factory: pytest.TempPathFactory) -> Person:
    """Return a person who is at the top of a checkout, with a cluster of this name."""
    wide = {"COLUMNS": "200"}  # so that no table is folded
    return Person(cluster, tmp_path_factory.mktemp("person"), NAME=cluster.name, **wide)


@pytest.fixture(scope="module")
def pets(cluster: Instance, person: Person) -> Iterator[Model]:
    """Give the README's first model, which finds versions 1 (of its settings) and 2 on its claim."""
    model = Model(cluster, "pets")
    _take_away(model)
    make_claim(cluster, "pets-models", fill=_two_versions)
    person.follow(README, "A first model")
    yield model
    _take_away(model)


def test_the_first_model_serves_and_answers_a_picture(pets: Model, person: Person) -> None:
    mine = person.directory / "mine.jpg"
    mine.write_bytes(picture("red"))
    said = person.follow(README, "Go on from there", **{"your-cat.jpg": str(mine)})
    [answer] = [line for line in said.splitlines() if line.startswith(str(mine))]
    assert answer.split()[1:2] == ["cat"]
    assert pets.status()["inference"]["servedVersion"] == 1


def test_what_is_said_of_a_model_is_found(pets: Model, person: Person) -> None:
    said = person.follow(CONDITIONS, "What is said when something fails")
    assert re.search(r"Reason: +Serving", said)
    shown = person.follow(VERSIONS, "See what there is")
    assert json.loads(shown[shown.rindex("[{") :])[0]["version"] == pets.status()["versions"][0]["version"]


def test_the_files_of_a_version_are_fetched(pets: Model, person: Person) -> None:
    assert pets.status()["versions"]
    person.follow(VERSION_FILES, "What lies in a version")
    assert (person.directory / MODEL_CARD_FILE).read_text() == "# pets\n"
    assert json.loads((person.directory / "model.json").read_bytes())["version"] == 1
    assert {(person.directory / name).read_bytes() for name in PICTURES} == {b"a picture"}


def test_versions_are_promoted_rolled_back_and_kept(pets: Model, person: Person) -> None:
    person.follow(VERSIONS, "Promote by hand")
    assert served(pets) == 2
    person.follow(VERSIONS, "Pin a version, and so roll back")
    assert served(pets) == 1
    person.follow(VERSIONS, "End a pin")
    person.follow(VERSIONS, "Pause, and go on")
    person.follow(VERSIONS, "Keep more of them, or fewer")
    keep = "jsonpath={.spec.storage.keepVersions} {.spec.paused} {.spec.inference.modelVersion}"
    stored = pets.cluster.kubectl("get", "catdogmodel", "pets", "-n", NAMESPACE, "-o", keep)
    assert stored.strip() == "10 false"


@pytest.fixture(scope="module")
def owner(
    cluster: Instance, photos: list[LabelledPhoto], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Person, S3Server]]:
    """Give a person with photos, and with keys to a bucket that is there."""
    directory = tmp_path_factory.mktemp("owner")
    for photo in photos[:60] + photos[-60:]:
        target = directory / "photos" / photo.label / photo.path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo.path, target)
    assert {path.name for path in (directory / "photos").iterdir()} == set(LABELS)
    _take_away_photos(cluster)
    with s3_server(cluster, directory) as s3:
        s3.make_bucket("photos")
        shutil.copy(s3.ca_file, directory / "rgw-ca.crt")
        keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
        yield Person(cluster, directory, **keys), s3
    _take_away_photos(cluster)


@pytest.mark.parametrize(
    ("section", "name", "stands_for_the_endpoint"),
    [
        ("On a claim", "claim-pets", False),
        ("In a bucket", "bucket-pets", True),
        ("In a topic", "topic-pets", False),
    ],
)
def test_photos_of_ones_own_are_read(
    cluster: Instance,
    owner: tuple[Person, S3Server],
    section: str,
    name: str,
    stands_for_the_endpoint: bool,  # noqa: FBT001 - a column of the table
) -> None:
    person, s3 = owner
    instead = {"https://rgw.example": s3.endpoint} if stands_for_the_endpoint else {}
    person.follow(PHOTOS, section, **instead)
    model = Model(cluster, name)
    model.await_photos_read()
    model.delete()


def served(model: Model) -> Any:  # noqa: ANN401 - a number in JSON
    """Return the version that serves."""
    return model.status()["inference"]["servedVersion"]


def _two_versions(directory: Path) -> None:
    for number, training_hash in ((1, SAMPLE_HASH), (2, "0123456789")):
        version = publish_tiny_version(directory, "pets", number, training_hash=training_hash)
        (version / MODEL_CARD_FILE).write_text("# pets\n")
        for name in PICTURES:
            (version / name).write_bytes(b"a picture")
    for path in directory.rglob("*"):
        path.chmod(0o2775 if path.is_dir() else 0o664)  # what pods of one claim share is the group


def _take_away(*models: Model) -> None:
    """Remove models, and what they leave."""
    for model in models:
        model.delete()
        delete = partial(model.cluster.kubectl, "delete", "-n", NAMESPACE, "--ignore-not-found")
        delete("kafkatopic", "-l", f"catdog.dev/model={model.name}")
        delete("pvc", f"{model.name}-models", "--timeout=240s")


def _take_away_photos(cluster: Instance) -> None:
    """Remove the models that learn from photos, and what the how-to makes beside them."""
    _take_away(*(Model(cluster, name) for name in FROM_PHOTOS))
    things = ("pod/photo-loader", "pvc/photos", "kafkatopic/catdog-training-images")
    secrets = ("secret/photos-s3", "secret/rgw-ca")
    cluster.kubectl("delete", "-n", NAMESPACE, "--ignore-not-found", "--timeout=240s", *things, *secrets)
