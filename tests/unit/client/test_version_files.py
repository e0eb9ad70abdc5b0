"""Fetching a version: what its manifest names, as it was published, and into the very folder."""

import resource
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from catdog_client.errors import ClientError
from catdog_client.model_versions import find_version
from catdog_client.saving import save_new
from catdog_client.version_files import Published, fetch_version
from catdog_common.artifact import MANIFEST_FILE, file_digest, write_manifest
from tests.tiny_version import publish_tiny_version

Edit = Callable[[dict[str, str]], object]


class Claim:
    """A claim's folder of one model, as a worker sees it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.asked: list[str] = []

    def read(self, path: str) -> bytes:
        self.asked.append(path)
        return (self.directory / path).read_bytes()


@pytest.fixture
def claim(tmp_path: Path) -> Claim:
    """Give a claim with version 1, which has a picture."""
    directory = publish_tiny_version(tmp_path)
    (directory / "training.png").write_bytes(b"a picture")
    write_manifest(directory)
    return Claim(tmp_path / "pets")


def rewrite(claim: Claim, edit: Edit) -> None:
    """Change what the manifest names."""
    manifest = claim.directory / "versions" / "1" / MANIFEST_FILE
    content = msgspec.json.decode(manifest.read_bytes())
    edit(content["files"])
    manifest.write_bytes(msgspec.json.encode(content))


def test_every_file_that_is_wanted_is_there_as_it_was_published(claim: Claim, tmp_path: Path) -> None:
    to = tmp_path / "to" / "1"
    fetched = list(fetch_version(claim, Published(1), to, lambda name: name != "trunk.tflite"))
    names = ["model.json", "training.png", MANIFEST_FILE]
    assert fetched == [to / name for name in names]
    assert sorted(to.iterdir()) == sorted(fetched)
    for name in names:
        assert (to / name).read_bytes() == (claim.directory / "versions" / "1" / name).read_bytes()
    assert "versions/1/trunk.tflite" not in claim.asked


def test_what_is_there_by_the_same_name_is_replaced_and_no_link_is_followed(
    claim: Claim, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.write_bytes(b"mine")
    to = tmp_path / "to"
    to.mkdir()
    (to / "training.png").symlink_to(mine)
    (to / ".training.png.partial").symlink_to(mine)
    list(fetch_version(claim, Published(1), to))
    assert ((to / "training.png").read_bytes(), mine.read_bytes()) == (b"a picture", b"mine")


def test_what_is_of_another_version_does_not_stay_beside_this_one(claim: Claim, tmp_path: Path) -> None:
    """A version without mistakes has no contact sheet, and would seem to have the one fetched before."""
    old, to = claim.directory / "versions" / "1", tmp_path / "to"
    (old / "contact-sheet.jpg").write_bytes(b"mistakes")
    (old / "notes.md").write_bytes(b"as published")
    write_manifest(old)
    list(fetch_version(claim, Published(1), to))
    (to / "notes.md").write_bytes(b"changed by a person")
    (to / "mine.txt").write_bytes(b"a person's")
    new = claim.directory / "versions" / "2"
    new.mkdir()
    (new / "training.png").write_bytes(b"another picture")
    (new / "trunk.tflite").write_bytes(b"another network")
    write_manifest(new)
    list(fetch_version(claim, Published(2), to, lambda name: name != "trunk.tflite"))
    left = {"training.png", MANIFEST_FILE, "notes.md", "mine.txt"}
    assert {path.name for path in to.iterdir()} == left
    list(fetch_version(claim, Published(2), to))
    list(fetch_version(claim, Published(2), to, lambda name: name != "trunk.tflite"))
    assert {path.name for path in to.iterdir()} == left | {"trunk.tflite"}


def test_a_file_that_is_another_is_refused_and_not_written(claim: Claim, tmp_path: Path) -> None:
    (claim.directory / "versions" / "1" / "training.png").write_bytes(b"another")
    with pytest.raises(ClientError, match=r"version 1 .* training.png is not the file that was published"):
        list(fetch_version(claim, Published(1), tmp_path / "to"))
    assert not (tmp_path / "to" / "training.png").exists()


@pytest.mark.parametrize(
    "name", ["../../.bashrc", "/etc/passwd", "a/b", "..", ".profile", "", "a\0b", "x" * 200, MANIFEST_FILE]
)
def test_a_name_that_is_no_plain_file_is_refused_before_anything_is_read(
    claim: Claim, tmp_path: Path, name: str
) -> None:
    rewrite(claim, lambda files: files.update({name: "sha256:00"}))
    with pytest.raises(ClientError, match="which is no plain file"):
        list(fetch_version(claim, Published(1), tmp_path / "to"))
    assert claim.asked == [f"versions/1/{MANIFEST_FILE}"]
    assert not (tmp_path / "to").exists()


def test_a_manifest_that_is_no_text_is_damage_not_a_crash(claim: Claim, tmp_path: Path) -> None:
    (claim.directory / "versions" / "1" / MANIFEST_FILE).write_bytes(b'{"files": {"\xff": "sha256:00"}}')
    with pytest.raises(ClientError, match="version 1 on the claim is damaged"):
        list(fetch_version(claim, Published(1), tmp_path / "to"))


def test_where_there_is_no_room_it_is_said_where(claim: Claim, tmp_path: Path) -> None:
    """As on a full disk the error of the system names no file."""
    (claim.directory / "versions" / "1" / "training.png").write_bytes(bytes(1024 * 1024))
    write_manifest(claim.directory / "versions" / "1")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * 1024 - 1, hard))
    try:
        with pytest.raises(ClientError) as raised:
            list(fetch_version(claim, Published(1), tmp_path / "to", lambda name: name == "training.png"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(raised.value) == f"{tmp_path / 'to'} can't be written: File too large"


def test_the_manifest_is_held_to_what_the_operator_knows(claim: Claim, tmp_path: Path) -> None:
    known = Published(1, file_digest(claim.directory / "versions" / "1" / MANIFEST_FILE))
    assert list(fetch_version(claim, known, tmp_path / "to"))
    rewrite(claim, lambda files: files.pop("training.png"))
    with pytest.raises(ClientError, match=r"manifest.json is not the file that was published"):
        list(fetch_version(claim, known, tmp_path / "to"))


def test_the_version_that_serves_is_meant_then_the_newest() -> None:
    body = {
        "metadata": {"name": "pets"},
        "status": {"versions": [{"version": 3, "digest": "d"}, {"version": 1}]},
    }
    assert find_version(body, None) == Published(3, "d")
    serving = {**body, "status": {**body["status"], "inference": {"servedVersion": 1}}}  # type: ignore[dict-item]
    assert find_version(serving, None) == Published(1)
    assert find_version(serving, 3) == Published(3, "d")
    with pytest.raises(ClientError, match="model pets has no version 2; it has 1, 3"):
        find_version(body, 2)
    with pytest.raises(ClientError, match="model pets has no version yet"):
        find_version({"metadata": {"name": "pets"}}, None)


def test_a_saved_file_replaces_none(tmp_path: Path) -> None:
    file, elsewhere = tmp_path / "new" / "0-7", tmp_path / "elsewhere"
    assert save_new(file, b"bytes") is None
    assert save_new(file, b"bytes") is None, "the same once more"
    assert save_new(file, b"other") == f"{file} is there already, with another content"
    link = tmp_path / "0-8"
    link.symlink_to(elsewhere)
    assert save_new(link, b"bytes") is not None
    assert not elsewhere.exists()
    assert "can't be written: File exists" in str(save_new(file / "below", b""))
