import os
from pathlib import Path

import pytest

from catdog_trainer.processors import limit_threads, usable_processors


@pytest.mark.parametrize(
    ("limit", "threads"), [("150000 100000", 2), ("50000 100000", 1), ("9900000 100000", 3)]
)
def test_a_cpu_limit_counts_rounded_up_to_whole_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, threads: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    (tmp_path / "cpu.max").write_text(f"{limit}\n")
    assert usable_processors(tmp_path) == threads


def test_without_a_limit_all_processors_count(tmp_path: Path) -> None:
    assert usable_processors(tmp_path) == len(os.sched_getaffinity(0))
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert usable_processors(tmp_path) == len(os.sched_getaffinity(0))


def test_a_person_who_sets_the_threads_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "")
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS")
    limit_threads(2)
    assert (os.environ["OMP_NUM_THREADS"], os.environ["TF_NUM_INTRAOP_THREADS"]) == ("7", "2")
