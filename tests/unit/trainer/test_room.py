import errno
import os
from pathlib import Path

import pytest

from catdog_trainer.architectures import ARCHITECTURES
from catdog_trainer.config import Config
from catdog_trainer.data import DataError
from catdog_trainer.files import write_file
from catdog_trainer.room import check_room, telling_when_full

FULL_DEVICE = Path("/dev/full")  # the kernel's own: whoever writes finds no room


def test_a_write_to_the_claim_that_finds_no_room_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "model.json").symlink_to(FULL_DEVICE)
    with pytest.raises(DataError, match="make the claim larger") as told, telling_when_full(tmp_path):
        write_file(tmp_path / "model.json", b"{}")
    assert told.value.reason == "ClaimFull"
    assert "keepVersions" in str(told.value)


def test_a_copy_to_the_claim_that_finds_no_room_is_told_as_well(tmp_path: Path) -> None:
    error = OSError(errno.EDQUOT, "Disk quota exceeded", str(FULL_DEVICE), None, str(tmp_path / "trunk"))
    with pytest.raises(DataError, match="the claim for models is full"), telling_when_full(tmp_path):
        raise error


def test_another_place_without_room_is_not_the_claim(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as told, telling_when_full(tmp_path):
        os.close(os.open(write_to(FULL_DEVICE), os.O_RDONLY))
    assert not isinstance(told.value, DataError)


def test_another_fault_of_the_claim_is_not_that_it_is_full(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), telling_when_full(tmp_path):
        (tmp_path / "gone").read_bytes()


def test_what_trains_a_network_itself_needs_room_for_its_epochs_too() -> None:
    """The last, the best and the next, beside the version; a head is nothing."""
    needed = {
        (name, fine_tune): config(name, fine_tune=fine_tune).needed_mebibytes
        for name in ARCHITECTURES
        for fine_tune in (False, True)
        if not (name == "cnn" and fine_tune)
    }
    assert needed == {
        ("efficientnet-lite0", False): 64,
        ("efficientnet-lite0", True): 184,
        ("efficientnet-lite2", False): 64,
        ("efficientnet-lite2", True): 244,
        ("cnn", False): 386,
    }


def config(architecture: str, *, fine_tune: bool, storage: Path = Path("/models")) -> Config:
    return Config(
        model_name="pets",
        training_hash="aaaaaaaaaa",
        storage_dir=str(storage),
        dataset="sample",
        architecture=architecture,
        epochs=1,
        batch_size=8,
        learning_rate=0.1,
        seed=1,
        fine_tune=fine_tune,
    )


def test_a_claim_with_room_has_room(tmp_path: Path) -> None:
    check_room(tmp_path, 64, tmp_path / "work")


def test_a_training_that_was_interrupted_needs_no_room_for_what_it_has_already(tmp_path: Path) -> None:
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize // 2**20
    work = tmp_path / "work"
    with pytest.raises(DataError, match=f"may take {free + 1000} MiB"):
        check_room(tmp_path, free + 1000, work)
    work.mkdir()
    with (work / "epoch-1.weights.h5").open("wb") as epoch:
        epoch.truncate(2000 * 2**20)  # of holes: it takes no room itself
    check_room(tmp_path, free + 1000, work)


def write_to(path: Path) -> Path:
    write_file(path, b"more than there is room for")
    return path
