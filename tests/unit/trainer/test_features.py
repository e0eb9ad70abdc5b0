import io
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catdog_common.images import decode_image
from catdog_common.predictor import Trunk
from catdog_common.unknown import pet_log_odds
from catdog_trainer.ahead import map_ahead
from catdog_trainer.data import Dataset, Photo
from catdog_trainer.feature_store import RESAMPLING
from catdog_trainer.features import extract_features, look_over
from catdog_trainer.views import AUGMENTED, PLAIN, View
from tests.unit.trainer.builders import BLUE, RED, TINY_TRUNK, photo


def test_features_are_the_serving_trunks_row_by_row_whatever_the_threads() -> None:
    photos = [photo(n, "dog" if n % 3 else "cat", "training") for n in range(40)]
    features = extract_features(photos, TINY_TRUNK, threads=3, on_photo=lambda: None)
    trunk = Trunk(TINY_TRUNK, threads=1)
    expected = [trunk.run(decode_image(photo.read(), 16, RESAMPLING)).features for photo in photos]
    assert features.photos == tuple(photos)
    assert np.array_equal(features.matrix, expected)
    assert features.matrix[:].dtype == np.float32
    classes = [trunk.run(decode_image(photo.read(), 16, RESAMPLING)).class_probabilities for photo in photos]
    assert features.log_odds is not None
    assert features.log_odds == pytest.approx(pet_log_odds(np.array(classes, np.float32)))


def test_what_cannot_be_read_is_left_out_and_named(tmp_path: Path) -> None:
    photos = [photo(n, "cat", "training") for n in range(5)]
    photos[1] = photo(1, "cat", "training", b"no image")
    photos[3] = Photo("f" * 64, "cat", "training", "gone.png", partial((tmp_path / "gone.png").read_bytes))
    seen: list[None] = []
    features = extract_features(photos, TINY_TRUNK, threads=2, on_photo=lambda: seen.append(None))
    assert features.photos == (photos[0], photos[2], photos[4])
    assert features.unreadable == (photos[1], photos[3])
    assert features.matrix.shape == (3, 3)
    assert len(seen) == 5


def test_a_split_has_its_own_rows() -> None:
    photos = [photo(1, "cat", "training"), photo(2, "dog", "validation"), photo(3, "dog", "training")]
    features = extract_features(photos, TINY_TRUNK, threads=1, on_photo=lambda: None)
    assert features.of("training").photos == (photos[0], photos[2])
    validation = features.of("validation")
    assert np.array_equal(validation.matrix, features.matrix[[1]])
    assert features.log_odds is not None
    assert validation.log_odds == features.log_odds[[1]]


def test_further_views_are_rows_for_the_head_of_training_photos_alone() -> None:
    photos = [
        photo(1, "cat", "training", split_picture(BLUE, RED)),
        photo(2, "dog", "validation", split_picture(RED, RED)),
        photo(3, "dog", "training", b"no image"),
        photo(4, "dog", "training", split_picture(RED, BLUE)),
    ]
    upper_left = View("corner", lambda image: np.tile(image[:8, :8], (2, 2, 1)))
    features = extract_features(
        photos, TINY_TRUNK, 2, lambda: None, views=[upper_left, View("same", PLAIN.show)]
    )
    plain = extract_features(photos, TINY_TRUNK, 1, lambda: None)
    assert features.photos == plain.photos == (photos[0], photos[1], photos[3])
    assert np.array_equal(features.matrix, plain.matrix)
    assert features.unreadable == (photos[2],)
    training = features.of("training").with_views()
    assert [each.label for each in training.photos] == ["cat", "dog"] * 3
    red, _, blue = training.matrix[2:4].T
    assert (red < blue).tolist() == [True, False], "the first photo is blue on the left, the second red"
    assert np.array_equal(training.matrix[:2], plain.of("training").matrix)
    assert np.array_equal(training.matrix[4:], training.matrix[:2])
    validation = features.of("validation").with_views()
    assert np.array_equal(validation.matrix, plain.of("validation").matrix)
    left = features.without([photos[0]]).of("training").with_views()
    assert np.array_equal(left.matrix, training.matrix[[1, 3, 5]])


def test_an_augmented_training_sees_two_corners_of_each_photo_enlarged() -> None:
    image = np.zeros((16, 16, 3), np.uint8)
    image[:4, :4], image[-4:, -4:] = RED, BLUE
    upper_left, lower_right = (view.show(image) for view in AUGMENTED)
    assert upper_left.shape == lower_right.shape == image.shape
    assert upper_left.dtype == lower_right.dtype == np.uint8
    assert upper_left[0, 0].tolist() == list(RED)
    assert lower_right[-1, -1].tolist() == list(BLUE)
    assert upper_left[4, 4, 0] > 100, "4 of 12 pixels have become 5.3 of 16"
    assert lower_right[-5, -5, 2] > 100
    assert not upper_left[8:, 8:].any()
    assert not lower_right[:8, :8].any()
    assert len({view.name for view in (PLAIN, *AUGMENTED)}) == 3, "each has a folder of its own"


def test_only_a_few_items_are_under_way_at_a_time() -> None:
    taken: list[int] = []

    def item(number: int) -> int:
        taken.append(number)
        return number

    with ThreadPoolExecutor(2) as pool:
        results = map_ahead(pool, lambda number: number * 2, map(item, range(1000)), threads=2)
        assert next(results) == 0
        assert len(taken) < 20
        assert list(results) == list(range(2, 2000, 2))


def test_validation_photos_that_are_nearly_equal_to_training_photos_are_found_and_left_out() -> None:
    scene = Image.fromarray(np.random.default_rng(1).integers(0, 255, (9, 9, 3), np.uint8)).resize((300, 200))
    photos = [
        photo(1, "cat", "training", jpeg(scene)),
        photo(2, "cat", "validation", jpeg(scene.resize((150, 100)), quality=60)),
        photo(3, "cat", "training", jpeg(scene, quality=50)),
        photo(4, "dog", "validation", jpeg(scene.transpose(Image.Transpose.ROTATE_180))),
    ]
    features = extract_features(photos, TINY_TRUNK, threads=2, on_photo=lambda: None)
    assert features.near_copies() == (photos[1],)
    rest = features.without(features.near_copies())
    assert rest.photos == (photos[0], photos[2], photos[3])
    assert np.array_equal(rest.matrix, features.matrix[[0, 2, 3]])
    assert rest.near_copies() == ()


def test_photos_can_be_looked_over_before_there_is_a_trunk() -> None:
    scene = Image.fromarray(np.random.default_rng(1).integers(0, 255, (9, 9, 3), np.uint8)).resize((300, 200))
    photos = (
        photo(1, "cat", "training", jpeg(scene)),
        photo(2, "cat", "validation", jpeg(scene.resize((150, 100)), quality=60)),
        photo(3, "dog", "training", b"no image"),
        photo(4, "dog", "validation", jpeg(scene.transpose(Image.Transpose.ROTATE_180))),
    )
    seen: list[int] = []
    dataset = look_over(Dataset("here", (), photos), 200, threads=2, on_photo=lambda: seen.append(1))
    assert dataset.photos == (photos[0], photos[3])
    assert (dataset.unreadable, dataset.near_copies) == ((photos[2].name,), (photos[1].name,))
    assert len(seen) == 4


def split_picture(left: tuple[int, int, int], right: tuple[int, int, int]) -> bytes:
    """Return a PNG of two colours beside each other."""
    image = Image.new("RGB", (20, 20), left)
    image.paste(right, (10, 0, 20, 20))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()
