import threading
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from catdog_common.artifact import list_versions, read_metadata, verify_manifest, version_dir
from catdog_common.predictor import Predictor
from catdog_trainer.data import Dataset
from catdog_trainer.export import describe_dataset, draft_dir, publish, write_draft
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
