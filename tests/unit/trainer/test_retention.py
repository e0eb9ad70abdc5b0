from pathlib import Path

from catdog_common.artifact import list_versions, version_dir
from catdog_trainer.retention import clear_leftovers, clear_other_work, keep_only, next_version, prune
from tests.unit.trainer.builders import put
from tests.unit.trainer.test_inventory import put_version

OWN = "aaaaaaaaaa"


def put_versions(storage: Path, *versions: int) -> None:
    for version in versions:
        put_version(storage, version, "bbbbbbbbbb")


def test_the_versions_asked_for_are_removed_and_no_others(tmp_path: Path) -> None:
    put_versions(tmp_path, 1, 2, 3)
    prune(tmp_path, "pets", (1, 2), OWN, champion=None)
    assert list_versions(tmp_path, "pets") == [3]
    assert list((tmp_path / "pets" / "work").iterdir()) == []


def test_what_is_gone_already_is_no_error(tmp_path: Path) -> None:
    prune(tmp_path, "pets", (1,), OWN, champion=None)
    put_versions(tmp_path, 2, 3)
    prune(tmp_path, "pets", (1, 2), OWN, champion=None)
    prune(tmp_path, "pets", (1, 2), OWN, champion=None)
    assert list_versions(tmp_path, "pets") == [3]


def test_a_version_of_the_trainings_own_hash_and_the_champion_are_kept(tmp_path: Path) -> None:
    put_version(tmp_path, 1, OWN)
    put_versions(tmp_path, 2, 3)
    prune(tmp_path, "pets", (1, 2, 3), OWN, champion=2)
    assert list_versions(tmp_path, "pets") == [1, 2]


def test_a_damaged_version_is_removed_like_any_other(tmp_path: Path) -> None:
    version_dir(tmp_path, "pets", 1).mkdir(parents=True)
    prune(tmp_path, "pets", (1,), OWN, champion=None)
    assert list_versions(tmp_path, "pets") == []


def test_what_a_removal_left_that_was_cut_off_is_cleaned_up_and_work_in_progress_stays(
    tmp_path: Path,
) -> None:
    work = tmp_path / "pets" / "work"
    put(work / "removed-1-some-pod" / "trunk.tflite", b"half of it")
    put(work / OWN / "version-some-pod" / "trunk.tflite", b"a draft")
    prune(tmp_path, "pets", (), OWN, champion=None)
    assert [path.name for path in work.iterdir()] == [OWN]


def test_no_number_is_given_twice_though_the_newest_version_was_removed(tmp_path: Path) -> None:
    put_versions(tmp_path, 1, 9, 10)
    prune(tmp_path, "pets", (9, 10), OWN, champion=1)
    assert next_version(tmp_path, "pets") == 11
    prune(tmp_path, "pets", (1,), OWN, champion=None)
    assert next_version(tmp_path, "pets") == 11


def test_the_first_version_is_number_one(tmp_path: Path) -> None:
    assert next_version(tmp_path, "pets") == 1


def test_what_was_never_published_is_cleared_and_what_can_be_gone_on_with_stays(tmp_path: Path) -> None:
    pets = tmp_path / "pets"
    put(pets / "work" / OWN / "version-some-pod" / "trunk.tflite", b"a draft")
    put(pets / "work" / "bbbbbbbbbb" / "version-other-pod" / "trunk.tflite", b"of settings that were edited")
    put(pets / "work" / OWN / "offsets.json", b"[]")
    put(pets / "features" / "0123" / ".draft-some.npy.pod.1", b"half of it")
    put(pets / "features" / "0123" / "some.npy", b"all of it")
    put(pets / "trunks" / "lite" / ".draft-trunk.tflite.pod.1", b"half of it")
    put(pets / "work" / OWN / ".draft-trunk.tflite.pod.1", b"half of it")
    put(pets / "work" / OWN / "network" / ".draft-epoch-2.weights.h5.pod.1", b"half of it")
    clear_leftovers(tmp_path, "pets")
    files = {str(path.relative_to(pets)) for path in pets.rglob("*") if path.is_file()}
    assert files == {f"work/{OWN}/offsets.json", "features/0123/some.npy"}


def test_work_of_other_settings_is_cleared_and_ones_own_stays(tmp_path: Path) -> None:
    work = tmp_path / "pets" / "work"
    put(work / OWN / "offsets.json", b"[]")
    put(work / "bbbbbbbbbb" / "network" / "epoch-3.weights.h5", b"of settings that were edited")
    clear_other_work(work / OWN)
    assert [path.name for path in work.iterdir()] == [OWN]
    clear_other_work(tmp_path / "none" / "work" / OWN)


def test_what_lies_beside_a_folder_that_alone_is_to_be_kept_goes(tmp_path: Path) -> None:
    network = tmp_path / "network"
    put(network / "0123" / "epoch-3.weights.h5", b"of these photos")
    put(network / "4567" / "epoch-1.weights.h5", b"of others")
    put(network / "epoch-2.weights.h5", b"as trainers kept them before")
    assert keep_only(network / "0123") == network / "0123"
    assert [path.name for path in network.rglob("*")] == ["0123", "epoch-3.weights.h5"]
    assert keep_only(tmp_path / "none" / "0123") == tmp_path / "none" / "0123"


def test_a_removal_writes_nothing_while_a_higher_number_is_there(tmp_path: Path) -> None:
    """On a full claim it is removals that make room."""
    put_versions(tmp_path, 1, 2)
    prune(tmp_path, "pets", (1,), OWN, champion=None)
    assert {path.name for path in (tmp_path / "pets").iterdir()} == {"versions", "work"}
    prune(tmp_path, "pets", (2,), OWN, champion=None)
    assert {path.name for path in (tmp_path / "pets").iterdir()} == {"highest-removed", "versions", "work"}
