import os
from pathlib import Path

import pytest

from catdog_common.processors import available_processors

ALLOWED = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "wanted"),
    [
        ("max 100000\n", ALLOWED),
        ("100000 100000\n", 1),
        ("10000 100000\n", 1),
        ("150000 100000\n", min(2, ALLOWED)),
        ("99900000 100000\n", ALLOWED),
    ],
)
def test_the_quota_bounds_the_processors(tmp_path: Path, quota: str, wanted: int) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    assert available_processors(file) == wanted


def test_without_a_quota_the_affinity_counts(tmp_path: Path) -> None:
    assert available_processors(tmp_path / "cpu.max") == ALLOWED
