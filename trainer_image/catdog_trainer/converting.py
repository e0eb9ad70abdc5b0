"""Makes trunks of networks: once for each claim of one that comes with weights, and of a training's own."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from catdog_common.artifact import LABELS
from catdog_trainer.ahead import map_ahead
from catdog_trainer.data import DataError, Dataset, Photo, check
from catdog_trainer.features import decode_photo
from catdog_trainer.run import Run
from catdog_trainer.trunk import (
    CALIBRATION_PHOTOS,
    Image,
    convert_float32,
    convert_trunk,
    float32_path,
    is_usable,
    keep_trunk,
    pretrained_network,
    trunk_path,
)

if TYPE_CHECKING:
    import keras

MOST_LOOKED_AT = 1000  # photos, where there is too little to learn from: so many are decoded in some seconds

_logger = structlog.get_logger(__name__)


def find_or_make_trunk(run: Run, dataset: Dataset) -> tuple[Path, Dataset]:
    """Return the trunk kept on the claim, else a new one, and the dataset without what proved unreadable."""
    path = trunk_path(run.config.storage, run.config.model_name, run.architecture)
    if is_usable(path):
        _logger.info("trunk found", path=str(path))
        return path, dataset
    return path, convert(run, pretrained_network(run.architecture, run.weights), dataset, path)


def find_or_make_float32(run: Run, trunk: Path) -> Path:
    """Return the same network as `trunk` in float32; a claim from before there was one gets it now."""
    path = float32_path(trunk)
    if not is_usable(path):
        keep_trunk(path, convert_float32(pretrained_network(run.architecture, run.weights)))
    return path


def convert(run: Run, network: "keras.Model", dataset: Dataset, path: Path) -> Dataset:
    """Keep the network as a trunk in `path`, and in float32; return the dataset of what can be read.

    Raises:
        DataError: what can be read does not suffice.
    """
    size = int(network.input_shape[1])
    run.progress.start("Calibrating", photos=min(CALIBRATION_PHOTOS, len(dataset.of("training"))))
    images, unreadable = _calibration_images(run, dataset, size)
    dataset = dataset.without(unreadable)
    check_by_all(dataset, size, run.threads)
    keep_trunk(path, convert_trunk(network, images))
    keep_trunk(float32_path(path), convert_float32(network))
    return dataset


def check_by_all(dataset: Dataset, size: int, threads: int) -> None:
    """Check the dataset; where it falls short, say so after a look at all its photos, unless they are many.

    Raises:
        DataError: as `check` does.
    """
    try:
        check(dataset)
    except DataError:
        if len(dataset.photos) > MOST_LOOKED_AT:
            raise
        with ThreadPoolExecutor(threads) as pool:
            images = map_ahead(pool, lambda photo: decode_photo(photo, size), dataset.photos, threads)
            pairs = zip(dataset.photos, images, strict=True)
            unreadable = [photo for photo, image in pairs if image is None]
        check(dataset.without(unreadable))
        raise


def _calibration_images(run: Run, dataset: Dataset, size: int) -> tuple[list[Image], list[Photo]]:
    """Return the first readable training photos of each label, and those that were not readable."""
    images: list[Image] = []
    unreadable: list[Photo] = []
    for label in LABELS:
        photos = [photo for photo in dataset.of("training") if photo.label == label]
        wanted = len(images) + CALIBRATION_PHOTOS // len(LABELS)
        with ThreadPoolExecutor(run.threads) as pool:
            decoded = map_ahead(pool, lambda photo: decode_photo(photo, size), photos, run.threads)
            for photo, image in zip(photos, decoded, strict=False):
                if image is None:
                    unreadable.append(photo)
                    continue
                images.append(image)
                run.progress.photo()
                if len(images) == wanted:
                    break
    return images, unreadable
