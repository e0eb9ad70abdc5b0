"""How often what nobody tells of is read."""

from catdog_operator.pace import Pace


def reads(pace: Pace[int], keys: int, seconds: int) -> list[int]:
    """Return which key reads, second by second, where each asks at every second."""
    return [key for now in range(seconds) for key in range(keys) if pace.may_read(key, float(now))]


def test_a_key_reads_at_its_interval() -> None:
    assert reads(Pace[int](10, 10, 20), keys=1, seconds=30) == [0, 0, 0]


def test_a_few_read_at_once() -> None:
    assert reads(Pace[int](10, 10, 20), keys=20, seconds=1) == list(range(20))


def test_many_read_less_often_and_in_turn() -> None:
    read = reads(Pace[int](10, 10, 20), keys=1000, seconds=220)
    assert 10 * 220 - 20 <= len(read) <= 10 * 220 + 20
    assert {read.count(key) for key in range(1000)} == {2, 3}


def test_a_key_that_was_forgotten_begins_anew() -> None:
    pace = Pace[int](10, 10, 20)
    assert pace.may_read(1, 0.0)
    pace.forget(1)
    assert pace.may_read(1, 1.0)
