import gc
import tempfile
import weakref
from pathlib import Path

import msgspec
import pytest

from catdog_client.errors import ClientError
from catdog_client.version_files import Published
from catdog_common.artifact import MANIFEST_FILE, MODEL_FILE, TRUNK_FILE, file_digest, write_manifest
from catdog_console.predictors import Predictors
from tests.poison import png
from tests.tiny_version import RED_IS_CAT, picture, publish_tiny_version

BLUE_IS_CAT = msgspec.structs.replace(RED_IS_CAT, weights=((-9.0, 9.0), (0.0, 0.0), (9.0, -9.0)))


class Claim:
    """Gives out what lies on a claim, and notes it."""

    def __init__(self, storage: Path) -> None:
        self.storage = storage
        self.read_files: list[str] = []

    def publish(self, version: int) -> Published:
        head = RED_IS_CAT if version % 2 else BLUE_IS_CAT
        directory = publish_tiny_version(self.storage, "pets", version, head)
        return Published(version, file_digest(directory / MANIFEST_FILE))

    async def read(self, published: Published, name: str) -> bytes:
        self.read_files.append(f"{published.version}/{name}")
        return (self.storage / "pets" / published.directory / name).read_bytes()


@pytest.fixture
def claim(tmp_path: Path) -> Claim:
    return Claim(tmp_path)


async def test_versions_answer_side_by_side_by_their_own_files(claim: Claim) -> None:
    predictors, red = Predictors(), picture("red")
    first, second = claim.publish(1), claim.publish(2)
    one, other = [await predictors.answer(each, claim, red) for each in (first, second)]
    assert (one.version, one.label, other.version, other.label) == (1, "cat", 2, "dog")
    assert one.probabilities["cat"] == pytest.approx(other.probabilities["dog"])
    assert (await predictors.answer(first, claim, picture("blue"))).label == "dog"


async def test_nothing_is_written_to_any_disk(claim: Claim, monkeypatch: pytest.MonkeyPatch) -> None:
    published = claim.publish(1)
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    assert (await Predictors().answer(published, claim, picture("red"))).label == "cat"
    assert sorted(claim.read_files) == ["1/manifest.json", "1/model.json", "1/trunk.tflite"]


async def test_a_version_of_a_later_form_is_said_to_be_damaged(claim: Claim) -> None:
    directory = claim.storage / "pets" / claim.publish(1).directory
    (directory / MODEL_FILE).write_bytes(b"{}")
    (directory / MANIFEST_FILE).unlink()
    published = Published(1, write_manifest(directory))
    with pytest.raises(
        ClientError, match=r"^version 1 is damaged: model\.json: Object missing required field"
    ):
        await Predictors().answer(published, claim, picture("red"))
    (directory / TRUNK_FILE).write_bytes(b"no network")
    (directory / MODEL_FILE).write_bytes((claim_of_two(claim) / MODEL_FILE).read_bytes())
    (directory / MANIFEST_FILE).unlink()
    published = Published(1, write_manifest(directory))
    with pytest.raises(ClientError, match=r"^version 1 is damaged: trunk\.tflite is no network for LiteRT"):
        await Predictors().answer(published, claim, picture("red"))


def claim_of_two(claim: Claim) -> Path:
    return claim.storage / "pets" / claim.publish(2).directory


async def test_few_versions_are_kept_and_those_that_were_asked_last(claim: Claim) -> None:
    predictors, red = Predictors(kept=2), picture("red")
    first, second, third = (claim.publish(each) for each in (1, 2, 3))
    await predictors.answer(first, claim, red)
    first_loaded = weakref.ref(next(iter(predictors.ready.values())))
    await predictors.answer(second, claim, red)
    await predictors.answer(first, claim, red)
    claim.read_files.clear()
    await predictors.answer(third, claim, red)
    await predictors.answer(first, claim, red)
    assert {each.partition("/")[0] for each in claim.read_files} == {"3"}, "the first is still there"
    await predictors.answer(second, claim, red)
    await predictors.answer(third, claim, red)
    gc.collect()
    assert first_loaded() is None, "its memory is free"


async def test_files_that_are_not_what_was_published_answer_nothing(claim: Claim) -> None:
    published = claim.publish(1)
    trunk = claim.storage / "pets" / published.directory / TRUNK_FILE
    trunk.write_bytes(trunk.read_bytes() + b"x")
    with pytest.raises(
        ClientError, match=r"^version 1 on the claim is damaged: trunk\.tflite is not the file that"
    ):
        await Predictors().answer(published, claim, picture("red"))
    (trunk.parent / MANIFEST_FILE).write_bytes(b"{}")
    with pytest.raises(
        ClientError, match=r"version 1 on the claim is damaged: manifest\.json is not the file"
    ):
        await Predictors().answer(published, claim, picture("red"))
    with pytest.raises(ClientError, match=r"the status names no digest of version 1"):
        await Predictors().answer(Published(1), claim, picture("red"))


async def test_a_photo_that_is_none_is_said_to_be(claim: Claim) -> None:
    with pytest.raises(ClientError, match=r"^the console can't decode the photo: these 4 bytes are none of"):
        await Predictors().answer(claim.publish(1), claim, b"text")


async def test_a_photo_that_would_take_too_much_memory_is_not_decoded(claim: Claim) -> None:
    with pytest.raises(ClientError, match=r"can't decode the photo: it takes 16781312 pixels in memory"):
        await Predictors().answer(claim.publish(1), claim, png((4097, 4096), 1))
