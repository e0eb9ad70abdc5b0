"""Users of one group publish and remove on one claim: here, since only root can be several users."""

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest

from catdog_common.artifact import list_versions
from catdog_trainer.export import draft_dir, publish
from catdog_trainer.retention import prune
from tests.unit.trainer.builders import metadata, put

OWN = "aaaaaaaaaa"
GROUP = 5000


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
