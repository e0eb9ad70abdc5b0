import io
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catdog_common.artifact import (
    MANIFEST_FILE,
    MODEL_FILE,
    TRUNK_FILE,
    Head,
    Resampling,
    VersionDamagedError,
    read_metadata,
    write_manifest,
)
from catdog_common.images import decode_image
from catdog_common.predictor import Predictor, Trunk
from tests.tiny_version import FLOAT32_TRUNK, SIDE, TINY_TRUNK, publish_tiny_version


def plain(red: int, green: int, blue: int) -> NDArray[np.uint8]:
    return np.full((SIDE, SIDE, 3), (red, green, blue), np.uint8)


def test_a_trunk_gives_features_and_imagenet_probabilities_as_floats() -> None:
    trunk = Trunk(TINY_TRUNK, threads=1)
    assert (trunk.image_size, trunk.width) == (SIDE, 3)
    features, probabilities = trunk.run(plain(255, 51, 0))
    assert features.dtype == np.float32
    assert features == pytest.approx([1.0, 0.2, 0.0], abs=0.01)
    assert probabilities is not None
    assert probabilities.shape == (1000,)
    assert probabilities[:4] == pytest.approx([1.0, 0.2, 0.0, 0.0], abs=0.01)


def test_a_published_version_predicts(tmp_path: Path) -> None:
    predictor = Predictor.load(publish_tiny_version(tmp_path), threads=1)
    probabilities = predictor.predict([plain(255, 0, 0), plain(0, 0, 255), plain(0, 255, 0)])
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (3, 2)
    assert probabilities.sum(axis=1) == pytest.approx([1, 1, 1])
    assert probabilities[:, 0] == pytest.approx([1, 0, 0.5], abs=0.001)


def rewritten(directory: Path, **changes: object) -> Path:
    """Change what a version says of itself, None taking it out, and make its manifest agree."""
    said = msgspec.json.decode((directory / MODEL_FILE).read_bytes(), type=dict[str, Any]) | changes
    content = {name: value for name, value in said.items() if value is not None}
    (directory / MODEL_FILE).write_bytes(msgspec.json.encode(content))
    write_manifest(directory)
    return directory


@pytest.mark.parametrize(
    ("said", "resampling"),
    [
        ({"format": 1, "resampling": None}, Resampling.BICUBIC),  # from before there was another
        ({"resampling": "bicubic"}, Resampling.BICUBIC),
        ({"resampling": "hamming"}, Resampling.HAMMING),
    ],
)
def test_a_version_decodes_as_it_learnt(tmp_path: Path, said: dict[str, Any], resampling: Resampling) -> None:
    predictor = Predictor.load(rewritten(publish_tiny_version(tmp_path), **said), threads=1)
    noise = np.random.default_rng(3).integers(0, 255, (60, 50, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    decoded = {each: decode_image(file.getvalue(), SIDE, each) for each in Resampling}
    seen = predictor.decode(file.getvalue())
    assert [each for each, square in decoded.items() if np.array_equal(seen, square)] == [resampling]


def test_a_temperature_softens_the_probabilities(tmp_path: Path) -> None:
    head = Head(weights=((1.0, 0.0), (0.0, 0.0), (0.0, 1.0)), bias=(0.0, 0.0), temperature=0.5)
    predictor = Predictor.load(publish_tiny_version(tmp_path, head=head), threads=1)
    [[cat, _]] = predictor.predict([plain(255, 0, 0)])
    assert cat == pytest.approx(1 / (1 + np.exp(-2)), abs=0.01)


def test_no_images_give_no_probabilities(tmp_path: Path) -> None:
    assert Predictor.load(publish_tiny_version(tmp_path), threads=1).predict([]).shape == (0, 2)


@pytest.mark.parametrize("copies", [1, 3])
def test_threads_may_share_a_predictor(tmp_path: Path, copies: int) -> None:
    predictor = Predictor.load(publish_tiny_version(tmp_path), threads=1, copies=copies)
    images = [plain(255, 0, 0), plain(0, 0, 255)] * 200
    with ThreadPoolExecutor(8) as threads:
        cats = [row[0][0] for row in threads.map(lambda image: predictor.predict([image]), images)]
    assert cats == pytest.approx([1.0, 0.0] * 200, abs=0.001)


def test_as_many_threads_get_into_a_trunk_as_it_has_copies() -> None:
    trunk = Trunk(TINY_TRUNK, threads=1, copies=2)
    inside = threading.Barrier(2, timeout=60)

    class Image:
        def __getitem__(self, _: object) -> NDArray[np.uint8]:  # asked by whoever is in the trunk
            inside.wait()
            return plain(255, 0, 0)[np.newaxis]

    with ThreadPoolExecutor(2) as threads:
        images: list[Any] = [Image(), Image()]
        features = [each.features for each in threads.map(trunk.run, images)]
    assert np.array(features)[:, 0] == pytest.approx([1, 1], abs=0.01)


@pytest.mark.parametrize("name", [TRUNK_FILE, MODEL_FILE, MANIFEST_FILE])
def test_a_version_with_a_file_missing_is_damaged(tmp_path: Path, name: str) -> None:
    directory = publish_tiny_version(tmp_path)
    (directory / name).unlink()
    with pytest.raises(VersionDamagedError, match=name):
        Predictor.load(directory, threads=1)


def test_a_version_with_a_changed_byte_is_damaged(tmp_path: Path) -> None:
    directory = publish_tiny_version(tmp_path)
    content = bytearray((directory / TRUNK_FILE).read_bytes())
    content[1000] ^= 1
    (directory / TRUNK_FILE).write_bytes(content)
    with pytest.raises(VersionDamagedError, match=r"trunk\.tflite is not the file that was published"):
        Predictor.load(directory, threads=1)


def test_a_trunk_that_is_no_network_is_damaged(tmp_path: Path) -> None:
    directory = publish_tiny_version(tmp_path)
    (directory / TRUNK_FILE).write_bytes(b"no flatbuffer")
    write_manifest(directory)
    with pytest.raises(VersionDamagedError, match="no network for LiteRT"):
        Predictor.load(directory, threads=1)


def test_a_head_that_does_not_fit_its_trunk_is_damaged(tmp_path: Path) -> None:
    directory = publish_tiny_version(tmp_path, head=Head(weights=((1.0, 0.0),), bias=(0.0, 0.0)))
    with pytest.raises(VersionDamagedError, match="does not fit 3 features and 2 labels"):
        Predictor.load(directory, threads=1)


def test_a_trunk_in_float32_serves_as_one_in_int8_does(tmp_path: Path) -> None:
    of_int8 = Predictor.load(publish_tiny_version(tmp_path), threads=1)
    of_float32 = Predictor.load(publish_tiny_version(tmp_path, "exact", trunk=FLOAT32_TRUNK), threads=1)
    images = [plain(255, 51, 0), plain(0, 51, 255), plain(130, 51, 120)]
    assert of_float32.trunk.run(images[0]).features == pytest.approx([1.0, 0.2, 0.0], abs=1e-6)
    assert of_float32.predict(images) == pytest.approx(of_int8.predict(images), abs=0.02)
    assert of_float32.image_size == SIDE


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 3}, "the version is of format 3, not 2"),
        ({"labels": ("dog", "cat")}, r"tells apart \('dog', 'cat'\), not \('cat', 'dog'\)"),
        ({"settings": {"imageSize": 224}}, "a version for 224 pixels has a trunk for 16"),
        ({"trunk": {"features": 4}}, r"a head for 4 features of the trunk sha256:\w+ does not fit 3 of the"),
        ({"trunk": {"digest": "sha256:00"}}, "a head for 3 features of the trunk sha256:00 does not fit"),
        ({"resampling": "nearest"}, "Invalid enum value 'nearest'"),
        ({"trunk": {"precision": "int4"}}, "Invalid enum value 'int4'"),
        ({"head": {"temperature": 0.0}}, "a temperature of 0.0 is not positive"),
        ({"head": {"bias": (1e300, 0.0)}}, "a head has weights that float32 can't hold"),
    ],
)
def test_a_version_that_describes_another_than_its_files_is_damaged(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    """Though its manifest holds: as if files of two versions had been put together, by another trainer."""
    directory = publish_tiny_version(tmp_path)
    fields = msgspec.json.decode((directory / MODEL_FILE).read_bytes())
    for name, value in change.items():
        fields[name] = fields[name] | value if isinstance(value, dict) else value
    (directory / MODEL_FILE).write_bytes(msgspec.json.encode(fields))
    write_manifest(directory)
    with pytest.raises(VersionDamagedError, match=says):
        Predictor.load(directory, threads=1)


def test_a_version_from_before_trunks_were_described_loads(tmp_path: Path) -> None:
    directory = publish_tiny_version(tmp_path)
    fields = msgspec.json.decode((directory / MODEL_FILE).read_bytes())
    for name in ("trunk", "int8Cost"):
        del fields[name]
    (directory / MODEL_FILE).write_bytes(msgspec.json.encode(fields))
    write_manifest(directory)
    assert Predictor.load(directory, threads=1).metadata.trunk is None


def test_metadata_survive_the_way_over_the_claim(tmp_path: Path) -> None:
    metadata = read_metadata(publish_tiny_version(tmp_path))
    assert msgspec.json.decode(msgspec.json.encode(metadata), type=type(metadata)) == metadata
