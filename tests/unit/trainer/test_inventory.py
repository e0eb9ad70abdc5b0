from pathlib import Path

import msgspec

from catdog_common.artifact import MODEL_FILE, TRUNK_FILE, ChampionComparison, version_dir, write_manifest
from catdog_common.training import TERMINATION_MESSAGE_BYTES, Comparison, TrainingFailure
from catdog_trainer.data import Dataset
from catdog_trainer.inventory import describe_version, find_version
from tests.unit.trainer.builders import metadata, metrics, put
from tests.unit.trainer.test_data import failure


def put_version(
    storage: Path,
    version: int,
    training_hash: str,
    *,
    name: str = "pets",
    photos: int = 5,
    comparison: ChampionComparison | None = None,
) -> Path:
    """Put a version on the claim, with what is no network."""
    directory = version_dir(storage, name, version)
    content = msgspec.structs.replace(
        metadata(name, training_hash, version), metrics=metrics(photos, photos - 1), comparison=comparison
    )
    put(directory / MODEL_FILE, msgspec.json.encode(content))
    put(directory / TRUNK_FILE, b"a network")
    write_manifest(directory)
    return directory


def test_the_version_of_a_hash_is_found_the_newest_of_several(tmp_path: Path) -> None:
    for version, training_hash in (
        (1, "aaaaaaaaaa"),
        (2, "bbbbbbbbbb"),
        (3, "aaaaaaaaaa"),
        (10, "cccccccccc"),
    ):
        put_version(tmp_path, version, training_hash)
    assert find_version(tmp_path, "pets", "aaaaaaaaaa") == 3
    assert find_version(tmp_path, "pets", "dddddddddd") is None
    assert find_version(tmp_path, "others", "aaaaaaaaaa") is None


def test_a_damaged_version_is_passed_over(tmp_path: Path) -> None:
    put_version(tmp_path, 1, "aaaaaaaaaa")
    damaged = put_version(tmp_path, 2, "aaaaaaaaaa")
    (damaged / MODEL_FILE).write_bytes((damaged / MODEL_FILE).read_bytes() + b" ")
    version_dir(tmp_path, "pets", 3).mkdir()
    put(version_dir(tmp_path, "pets", 4) / MODEL_FILE, b'{"name": "p\xe5ts"}')
    assert find_version(tmp_path, "pets", "aaaaaaaaaa") == 1


def test_a_version_is_described_by_its_own_files(tmp_path: Path) -> None:
    put_version(tmp_path, 1, "aaaaaaaaaa")
    put_version(tmp_path, 2, "bbbbbbbbbb")
    result = describe_version(tmp_path, "pets", 1, already_present=True)
    assert (result.version, result.hash, result.already_present) == (1, "aaaaaaaaaa", True)
    assert (result.accuracy, result.photos, result.training_photos) == (0.8, 5, 21)
    assert [(one.version, one.hash) for one in result.versions] == [(2, "bbbbbbbbbb"), (1, "aaaaaaaaaa")]


def test_a_comparison_is_told_of_the_version_and_in_the_inventory(tmp_path: Path) -> None:
    put_version(tmp_path, 1, "aaaaaaaaaa")
    put_version(tmp_path, 2, "bbbbbbbbbb", comparison=ChampionComparison(1, 4, 3, 2))
    result = describe_version(tmp_path, "pets", 2, already_present=False)
    assert result.comparison == Comparison(champion=1, photos=4, correct=3, champion_correct=2)
    assert [one.comparison for one in result.versions] == [result.comparison, None]


def test_accuracies_are_told_to_six_digits(tmp_path: Path) -> None:
    put_version(tmp_path, 1, "aaaaaaaaaa", photos=7)
    result = describe_version(tmp_path, "pets", 1, already_present=False)
    assert (result.accuracy, result.versions[0].accuracy) == (0.857143, 0.857143)


def test_the_longest_result_fits_into_the_termination_message(tmp_path: Path) -> None:
    name = "n" * 40
    for version in range(99_970, 100_000):
        compared = ChampionComparison(99_969, 9_999_996, 9_999_995, 9_999_994)
        put_version(tmp_path, version, "0123456789", name=name, photos=9_999_997, comparison=compared)
    result = describe_version(tmp_path, name, 99_970, already_present=False)
    assert [one.version for one in result.versions] == list(range(99_999, 99_979, -1))
    assert len(msgspec.json.encode(result)) <= TERMINATION_MESSAGE_BYTES


def test_the_longest_failure_fits_into_the_termination_message() -> None:
    awkward = "\x01" * 4000  # six bytes each in JSON
    source = f"the claim's folder {'p' * 1024}/"
    data = Dataset(source, ("training/{label}/", "validation/{label}/"), (), (awkward,) * 4)
    message = msgspec.json.encode(TrainingFailure(*failure(data)))
    assert len(message) <= TERMINATION_MESSAGE_BYTES
