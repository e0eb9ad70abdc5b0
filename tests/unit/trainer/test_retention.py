import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest

from catdog_common.artifact import list_versions, version_dir
from catdog_trainer.export import draft_dir, publish
from catdog_trainer.retention import next_version, prune
from tests.unit.trainer.builders import metadata, put
from tests.unit.trainer.test_inventory import put_version

OWN = "aaaaaaaaaa"
GROUP = 5000


def put_versions(storage: Path, *versions: int) -> None:
    for version in versions:
        put_version(storage, version, "bbbbbbbbbb")


def test_the_versions_asked_for_are_removed_and_no_others(tmp_path: Path) -> None:
    put_versions(tmp_path, 1, 2, 3)
    prune(tmp_path, "pets", (1, 2), OWN, champion=None)
    assert list_versions(tmp_path, "pets") == [3]
    assert list((tmp_path / "pets" / "work").iterdir()) == []


def test_what_is_gone_already_is_no_error(tmp_path: Path) -> None:
    prune(tmp_path, "pets", (1,), OWN, champion=None)
    put_versions(tmp_path, 2, 3)
    prune(tmp_path, "pets", (1, 2), OWN, champion=None)
    prune(tmp_path, "pets", (1, 2), OWN, champion=None)
    assert list_versions(tmp_path, "pets") == [3]


def test_a_version_of_the_trainings_own_hash_and_the_champion_are_kept(tmp_path: Path) -> None:
    put_version(tmp_path, 1, OWN)
    put_versions(tmp_path, 2, 3)
    prune(tmp_path, "pets", (1, 2, 3), OWN, champion=2)
    assert list_versions(tmp_path, "pets") == [1, 2]


def test_a_damaged_version_is_removed_like_any_other(tmp_path: Path) -> None:
    version_dir(tmp_path, "pets", 1).mkdir(parents=True)
    prune(tmp_path, "pets", (1,), OWN, champion=None)
    assert list_versions(tmp_path, "pets") == []


def test_what_a_removal_left_that_was_cut_off_is_cleaned_up_and_work_in_progress_stays(
    tmp_path: Path,
) -> None:
    work = tmp_path / "pets" / "work"
    put(work / "removed-1-some-pod" / "trunk.tflite", b"half of it")
    put(work / OWN / "version-some-pod" / "trunk.tflite", b"a draft")
    prune(tmp_path, "pets", (), OWN, champion=None)
    assert [path.name for path in work.iterdir()] == [OWN]


def test_no_number_is_given_twice_though_the_newest_version_was_removed(tmp_path: Path) -> None:
    put_versions(tmp_path, 1, 9, 10)
    prune(tmp_path, "pets", (9, 10), OWN, champion=1)
    assert next_version(tmp_path, "pets") == 11
    prune(tmp_path, "pets", (1,), OWN, champion=None)
    assert next_version(tmp_path, "pets") == 11


def test_the_first_version_is_number_one(tmp_path: Path) -> None:
    assert next_version(tmp_path, "pets") == 1


@pytest.fixture
def shared_claim() -> Iterator[Path]:
    """Return a claim that its group may write, as fsGroup makes it, where any user can reach it."""
    claim = Path(tempfile.mkdtemp())
    os.chown(claim, 0, GROUP)
    claim.chmod(0o2770)
    yield claim
    shutil.rmtree(claim)


def as_user(user: int, do: Callable[[], None]) -> None:
    """Do something in a process of another user, whose group is only by the way the claim's."""

    def become_and_do() -> None:
        os.setgroups([GROUP])
        os.setgid(user)
        os.setuid(user)
        os.umask(0o002)
        do()

    process = get_context("fork").Process(target=become_and_do)
    process.start()
    process.join()
    assert process.exitcode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")
def test_what_one_user_published_another_of_the_group_reads_and_removes(shared_claim: Path) -> None:
    def publish_version() -> None:
        draft = draft_dir(shared_claim / "pets" / "work" / "bbbbbbbbbb")
        put(draft / "trunk.tflite", b"flat")  # other users can't read the libraries that write a whole draft
        publish(draft, shared_claim, metadata())

    def remove_version() -> None:
        assert all(os.access(path, os.R_OK | os.W_OK) for path in shared_claim.rglob("*"))
        prune(shared_claim, "pets", (1,), OWN, champion=None)

    as_user(4001, publish_version)
    written = list(shared_claim.rglob("*"))
    assert len(written) > 6
    assert {(path.stat().st_uid, path.stat().st_gid) for path in written} == {(4001, GROUP)}
    assert all(path.stat().st_mode & stat.S_IWGRP for path in written)

    as_user(4002, remove_version)
    assert list_versions(shared_claim, "pets") == []
    as_user(4001, publish_version)
    assert list_versions(shared_claim, "pets") == [2]
    as_user(4002, lambda: prune(shared_claim, "pets", (2,), OWN, champion=None))
    as_user(4001, publish_version)
    assert list_versions(shared_claim, "pets") == [3]
