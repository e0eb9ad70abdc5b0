import json
import shutil
import sys
import threading
from pathlib import Path
from types import FrameType

import msgspec
import numpy as np
import pytest
from PIL import Image

from catdog_common.artifact import LABELS, Metrics, list_versions, read_metadata, verify_manifest, version_dir
from catdog_common.predictor import Predictor
from catdog_trainer.data import Dataset, Photo
from catdog_trainer.export import describe_dataset, draft_dir, draw_measured, publish, write_draft
from catdog_trainer.measure import Answer, Measurement
from catdog_trainer.model_card import FILES
from catdog_trainer.train import Epoch
from tests.unit.trainer.builders import TINY_TRUNK, metadata, metrics, photo

DATASET = Dataset(
    "the claim's folder data/",
    ("{label}/",),
    (
        *(photo(n, label, "training") for n, label in enumerate(["cat", "dog"] * 4)),
        *(photo(100 + n, label, "validation") for n, label in enumerate(["cat", "dog", "dog"])),
    ),
    unreadable=("cat/broken.jpg",),
    copies=("cat/again.jpg",),
    contradictory=("cat/both.jpg", "dog/both.jpg"),
    near_copies=tuple(f"cat/{number}.jpg" for number in range(120)),
)
HISTORY = [Epoch(1, 0.5, 0.8, 0.6, 0.7), Epoch(2, 0.3, 0.9, 0.4, 0.8)]


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    directory = draft_dir(tmp_path / "pets" / "work" / "0123456789")
    write_draft(directory, TINY_TRUNK, metadata(), DATASET, HISTORY)
    return directory


def test_a_draft_has_all_that_a_version_has(draft: Path) -> None:
    assert {path.name for path in draft.iterdir()} == {
        "trunk.tflite",
        "model.json",
        "photos.csv",
        "history.csv",
        "training.png",
        "manifest.json",
    }
    assert (draft / "history.csv").read_text().splitlines() == [
        "epoch,loss,accuracy,val_loss,val_accuracy",
        "1,0.5,0.8,0.6,0.7",
        "2,0.3,0.9,0.4,0.8",
    ]
    photos = (draft / "photos.csv").read_text().splitlines()
    assert photos[0] == "digest,split,label"
    assert f"{DATASET.photos[0].digest},training,cat" in photos
    assert len(photos) == 12
    with Image.open(draft / "training.png") as plot:
        assert plot.width > plot.height > 400


def test_a_published_version_is_whole_and_is_what_the_predictor_loads(draft: Path, tmp_path: Path) -> None:
    final = msgspec.structs.replace(metadata(), metrics=metrics(), provenance=describe_dataset(DATASET))
    assert publish(draft, tmp_path, final) == 1
    directory = version_dir(tmp_path, "pets", 1)
    verify_manifest(directory)
    assert read_metadata(directory) == msgspec.structs.replace(final, version=1)
    assert read_metadata(directory).provenance.photos == {
        "training": {"cat": 4, "dog": 4},
        "validation": {"cat": 1, "dog": 2},
    }
    assert Predictor.load(directory, threads=1).metadata.version == 1
    assert not draft.exists()


def test_what_was_not_used_is_recorded_a_hundred_files_of_each_kind_by_name() -> None:
    provenance = describe_dataset(DATASET)
    assert (provenance.unreadable_photos, provenance.unreadable) == (1, ("cat/broken.jpg",))
    assert (provenance.copies, provenance.copy_names) == (1, ("cat/again.jpg",))
    assert (provenance.contradictory, provenance.contradictory_names) == (2, ("cat/both.jpg", "dog/both.jpg"))
    assert (provenance.near_copies, provenance.near_copy_names) == (120, DATASET.near_copies[:100])


@pytest.mark.parametrize("wrong", [0, 1])
def test_a_published_version_has_its_card_and_its_pictures_and_all_are_in_the_manifest(
    draft: Path, tmp_path: Path, wrong: int
) -> None:
    validation = DATASET.of("validation")
    measured = measurement(validation, wrong)
    final = msgspec.structs.replace(metadata(), metrics=measured.metrics)
    draw_measured(draft, final, measured)
    directory = version_dir(tmp_path, "pets", publish(draft, tmp_path, final))
    manifest = json.loads((directory / "manifest.json").read_bytes())["files"]
    assert set(FILES) - set(manifest) == {"manifest.json"} | (set() if wrong else {"contact-sheet.jpg"})
    assert set(manifest) - set(FILES) == {"model-card.md"}
    assert (directory / "model-card.md").read_text().startswith("# pets, version 1\n")
    with Image.open(directory / "evaluation.png") as plot:
        assert plot.width > 3 * plot.height
    pictures = [path for path in directory.iterdir() if path.suffix in (".png", ".jpg")]
    assert sum(path.stat().st_size for path in pictures) < 500_000


def measurement(photos: tuple[Photo, ...], wrong: int) -> Measurement:
    """Return that the first `wrong` of the photos were taken for the other label, with certainty."""
    answers = []
    confusion = {label: dict.fromkeys(LABELS, 0) for label in LABELS}
    for number, each in enumerate(photos):
        index = LABELS.index(each.label) ^ (number < wrong)
        confusion[each.label][LABELS[index]] += 1
        answers.append(
            Answer(each, np.eye(2, dtype=np.float32)[index], is_unknown=False, champion_is_right=None)
        )
    correct = len(photos) - wrong
    metrics = Metrics(len(photos), correct, correct / len(photos), 0.1, confusion)
    return Measurement(metrics, None, tuple(answers))


def test_the_number_is_one_more_than_the_last_even_where_earlier_ones_are_gone(
    draft: Path, tmp_path: Path
) -> None:
    version_dir(tmp_path, "pets", 7).mkdir(parents=True)
    assert publish(draft, tmp_path, metadata()) == 8


def test_versions_that_are_published_at_once_get_numbers_of_their_own(tmp_path: Path) -> None:
    drafts = {f"{number:010}": tmp_path / f"draft-{number}" for number in range(8)}
    for training_hash, draft in drafts.items():
        write_draft(draft, TINY_TRUNK, metadata(training_hash=training_hash), DATASET, HISTORY)
    start = threading.Barrier(len(drafts))

    def publish_at_once(training_hash: str, draft: Path) -> None:
        start.wait()
        publish(draft, tmp_path, metadata(training_hash=training_hash))

    threads = [threading.Thread(target=publish_at_once, args=item) for item in drafts.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    published = [read_metadata(version_dir(tmp_path, "pets", n)) for n in list_versions(tmp_path, "pets")]
    assert [one.version for one in published] == list(range(1, 9))
    assert sorted(one.hash for one in published) == list(drafts)


def test_a_draft_that_was_cut_off_is_begun_anew(draft: Path) -> None:
    (draft / "half of a file").write_bytes(b"")
    write_draft(draft, TINY_TRUNK, metadata(), DATASET, HISTORY)
    assert not (draft / "half of a file").exists()


def test_of_one_training_that_two_pods_publish_at_once_there_is_one_version(tmp_path: Path) -> None:
    drafts = [tmp_path / f"draft-{number}" for number in range(8)]
    for draft in drafts:
        write_draft(draft, TINY_TRUNK, metadata(), DATASET, HISTORY)
    start = threading.Barrier(len(drafts))
    numbers: list[int] = []

    def publish_at_once(draft: Path) -> None:
        start.wait()
        numbers.append(publish(draft, tmp_path, metadata()))

    threads = [threading.Thread(target=publish_at_once, args=(draft,)) for draft in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers == [1] * 8
    assert list_versions(tmp_path, "pets") == [1]


@pytest.mark.parametrize("moment", ["next_version", "find_version"])
def test_another_pod_that_publishes_in_between_is_not_missed(
    draft: Path, tmp_path: Path, moment: str
) -> None:
    other = tmp_path / "other"
    shutil.copytree(draft, other)

    def publish_the_other(frame: FrameType, event: str, _: object) -> None:
        if event == "return" and frame.f_code.co_name == moment:
            sys.setprofile(None)
            assert publish(other, tmp_path, metadata()) == 1

    sys.setprofile(publish_the_other)
    assert publish(draft, tmp_path, metadata()) == 1
    assert list_versions(tmp_path, "pets") == [1]
