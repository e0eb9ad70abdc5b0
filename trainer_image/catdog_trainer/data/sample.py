"""The dataset `sample`: drawings of cats and dogs that were made when the image was built."""

from pathlib import Path

from catdog_trainer.data import Dataset
from catdog_trainer.data.directory import read_directory


def read_sample(directory: Path) -> Dataset:
    """Return the drawings baked into the image."""
    return read_directory(directory, "the sample in the trainer's image")
