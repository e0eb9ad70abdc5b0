"""Wherever a trainer is killed while it publishes, there is no half of a version, and the next goes on."""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from catdog_common.artifact import list_versions, verify_manifest, version_dir
from catdog_trainer.export import draft_dir, publish, write_draft
from catdog_trainer.files import write_whole
from catdog_trainer.inventory import find_version
from catdog_trainer.retention import clear_leftovers, clear_work, next_version, prune
from tests.unit.trainer.builders import TINY_TRUNK, metadata
from tests.unit.trainer.test_export import DATASET, HISTORY
from tests.unit.trainer.test_inventory import put_version

HASH = "0123456789"
STEPS = {"write", "fsync", "mkdir", "rename", "replace", "unlink", "rmdir"}  # what changes a claim
MOST_STEPS = 200


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a claim on which a draft is, as a training has it that is about to publish."""
    storage = tmp_path_factory.mktemp("drafted")
    write_draft(draft_of(storage), TINY_TRUNK, metadata(), DATASET, HISTORY)
    return storage


def test_a_trainer_killed_at_any_step_of_publishing_leaves_no_half_and_the_next_ends_the_same(
    drafted: Path, tmp_path: Path
) -> None:
    expected = {1: published(drafted, tmp_path / "undisturbed")}
    found = set()
    for storage in killed_at_each_step(drafted, tmp_path, publish_draft):
        found.add(len(digests(storage)))  # each is whole
        go_on_as_another_pod(storage, drafted)
        assert digests(storage) == expected
        assert leftovers(storage) == []
    assert found == {0, 1}, "it was killed before the rename and after it"


def test_a_trainer_killed_while_it_removes_versions_removes_them_whole_and_gives_no_number_again(
    tmp_path: Path,
) -> None:
    storage = tmp_path / "versions"
    for version in (1, 2, 3):
        put_version(storage, version, f"{version:010}")

    def remove(storage: Path) -> None:
        clear_leftovers(storage, "pets")
        prune(storage, "pets", (2, 3), HASH, champion=1)

    for killed in killed_at_each_step(storage, tmp_path, remove):
        assert set(list_versions(killed, "pets")) <= {1, 2, 3}
        remove(killed)
        assert list_versions(killed, "pets") == [1]
        assert leftovers(killed) == []
        assert next_version(killed, "pets") == 4


def test_a_file_that_is_written_whole_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "claim" / "pets" / "trunks" / "some").mkdir(parents=True)

    def write(storage: Path) -> None:
        write_whole(storage / "pets" / "trunks" / "some" / "trunk.tflite", b"all of it")

    for killed in killed_at_each_step(tmp_path / "claim", tmp_path, write):
        trunk = killed / "pets" / "trunks" / "some" / "trunk.tflite"
        assert not trunk.exists() or trunk.read_bytes() == b"all of it"
        clear_leftovers(killed, "pets")
        assert [path for path in killed.rglob(".*") if path.is_file()] == []


def killed_at_each_step(template: Path, directory: Path, act: Callable[[Path], object]) -> Iterator[Path]:
    """Yield claims like `template` on which a process that did `act` was killed, one for each step of it."""
    for step in range(1, MOST_STEPS):
        storage = directory / f"killed-{step}"
        shutil.copytree(template, storage)
        if not kill_at(step, storage, act):
            assert step > 1, "nothing was killed"
            return
        yield storage
    raise AssertionError(f"more than {MOST_STEPS} steps")


def kill_at(step: int, storage: Path, act: Callable[[Path], object]) -> bool:
    """Do `act` in a process that is killed before its so manieth step; return whether it had as many."""
    process = os.fork()
    if process == 0:
        steps = iter(range(step - 1))

        def strike(_: FrameType, event: str, called: Any) -> None:  # noqa: ANN401 - any builtin
            if event == "c_call" and called.__name__ in STEPS and next(steps, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(strike)
        act(storage)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL)
    return code != 0


def go_on_as_another_pod(storage: Path, drafted: Path) -> None:
    """Do what the next trainer does, which has another name than the one that was killed."""
    for draft in storage.glob("pets/work/*/version-*"):
        draft.rename(draft.with_name("version-former-pod"))
    clear_leftovers(storage, "pets")
    if find_version(storage, "pets", HASH) is None:
        shutil.copytree(draft_of(drafted), draft_of(storage))
        publish(draft_of(storage), storage, metadata())
    clear_work(work_of(storage))


def publish_draft(storage: Path) -> None:
    publish(draft_of(storage), storage, metadata())
    clear_work(work_of(storage))


def published(drafted: Path, storage: Path) -> str:
    """Return what a version is whose publishing nobody disturbed."""
    shutil.copytree(drafted, storage)
    publish_draft(storage)
    return digests(storage)[1]


def digests(storage: Path) -> dict[int, str]:
    """Return the digests of the versions, each of which is whole."""
    versions = list_versions(storage, "pets")
    return {version: verify_manifest(version_dir(storage, "pets", version)) for version in versions}


def leftovers(storage: Path) -> list[Path]:
    return [*storage.glob("pets/work/*"), *storage.rglob(".draft-*")]


def work_of(storage: Path) -> Path:
    return storage / "pets" / "work" / HASH


def draft_of(storage: Path) -> Path:
    return draft_dir(work_of(storage))
