import json
from pathlib import Path

import msgspec
import pytest

from catdog_common.artifact import (
    MODEL_FILE,
    ChampionComparison,
    VersionDamagedError,
    list_versions,
    read_metadata,
    verify_manifest,
    version_dir,
    write_manifest,
)
from tests.tiny_version import publish_tiny_version


def test_versions_are_listed_by_number_and_other_folders_are_not(tmp_path: Path) -> None:
    for name in ("2", "10", "1", "tmp", "03", "0"):
        version_dir(tmp_path, "pets", 1).parent.joinpath(name).mkdir(parents=True)
    assert list_versions(tmp_path, "pets") == [1, 2, 10]


def test_a_model_without_versions_has_an_empty_list(tmp_path: Path) -> None:
    assert list_versions(tmp_path, "pets") == []


def test_what_was_published_verifies_by_the_digest_that_publishing_gave(tmp_path: Path) -> None:
    (tmp_path / "trunk.tflite").write_bytes(b"flat")
    (tmp_path / "model.json").write_bytes(b"{}")
    digest = write_manifest(tmp_path)
    assert verify_manifest(tmp_path) == digest


@pytest.mark.parametrize("change", ["changed", "removed"])
def test_a_file_that_is_not_what_was_published_is_named(tmp_path: Path, change: str) -> None:
    trunk = tmp_path / "trunk.tflite"
    trunk.write_bytes(b"flat")
    (tmp_path / "model.json").write_bytes(b"{}")
    write_manifest(tmp_path)
    trunk.write_bytes(b"other") if change == "changed" else trunk.unlink()
    with pytest.raises(VersionDamagedError, match=r"trunk\.tflite"):
        verify_manifest(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"files": 1}', b"null", b'{"files": {"\xff": ""}}'])
def test_a_manifest_that_says_nothing_is_damage_not_a_crash(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(VersionDamagedError):
        verify_manifest(tmp_path)


@pytest.mark.parametrize("name", ["trunk.tflite", "model.json"])
def test_a_manifest_that_does_not_vouch_for_a_file_that_serves_is_damage(tmp_path: Path, name: str) -> None:
    directory = publish_tiny_version(tmp_path)
    manifest = json.loads((directory / "manifest.json").read_text())
    del manifest["files"][name]
    (directory / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(VersionDamagedError, match=f"manifest.json lacks {name}"):
        verify_manifest(directory)


def test_a_version_without_metadata_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(VersionDamagedError, match=r"model\.json"):
        read_metadata(tmp_path)


def test_metadata_of_which_a_byte_was_lost_are_damage_not_a_crash(tmp_path: Path) -> None:
    directory = publish_tiny_version(tmp_path)
    content = (directory / MODEL_FILE).read_bytes()
    (directory / MODEL_FILE).write_bytes(content.replace(b"cat", b"c\xe1t", 1))  # no UTF-8
    with pytest.raises(VersionDamagedError, match=r"model\.json"):
        read_metadata(directory)


def test_a_version_that_was_written_before_versions_were_compared_still_loads(tmp_path: Path) -> None:
    directory = publish_tiny_version(tmp_path)
    old = json.loads((directory / MODEL_FILE).read_text())
    del old["comparison"]
    (directory / MODEL_FILE).write_text(json.dumps(old))
    assert read_metadata(directory).comparison is None


def test_a_comparison_is_written_with_names(tmp_path: Path) -> None:
    metadata = read_metadata(publish_tiny_version(tmp_path))
    compared = msgspec.structs.replace(metadata, comparison=ChampionComparison(1, 10, 9, 8))
    assert json.loads(msgspec.json.encode(compared))["comparison"] == {
        "champion": 1,
        "photos": 10,
        "correct": 9,
        "championCorrect": 8,
    }
