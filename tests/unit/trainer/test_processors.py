import os

import pytest

from catdog_trainer.processors import limit_threads


def test_a_person_who_sets_the_threads_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "")
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS")
    limit_threads(2)
    assert (os.environ["OMP_NUM_THREADS"], os.environ["TF_NUM_INTRAOP_THREADS"]) == ("7", "2")
