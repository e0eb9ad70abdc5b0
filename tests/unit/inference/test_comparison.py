"""A shadow's answers are joined with the champion's by the record, each record once, within bounds."""

import pytest

from catdog_common.messages import Answer, Model, Source
from catdog_common.shadow import ShadowReport
from catdog_inference.comparison import PATIENCE_SECONDS, Comparison
from catdog_inference.shadow_metrics import ShadowMetrics

CHAMPION, CHALLENGER = 1, 2


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Compared:
    """A comparison, and what both versions say."""

    def __init__(self, most_waiting: int = 100) -> None:
        self.metrics, self.clock = ShadowMetrics(), Clock()
        self.comparison = Comparison(CHALLENGER, self.metrics, self.clock, most_waiting)

    def champion(self, offset: int, label: str = "cat", sure: float = 0.9, version: int = CHAMPION) -> None:
        self.comparison.hear(some_answer(offset, label, sure, version), is_champion=True)

    def challenger(self, offset: int, label: str = "cat", sure: float = 0.8) -> None:
        self.comparison.hear(some_answer(offset, label, sure, CHALLENGER), is_champion=False)

    @property
    def report(self) -> ShadowReport:
        return self.comparison.report

    def sample(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"catdog_shadow_{name}", labels) or 0.0


def some_answer(offset: int, label: str, sure: float, version: int) -> Answer:
    probabilities = {"cat": sure, "dog": round(1 - sure, 6)}
    return Answer(str(offset), label, probabilities, Model("pets", version), Source("pets-images", 0, offset))


def test_a_record_that_both_have_answered_is_compared_whoever_was_first() -> None:
    both = Compared()
    both.champion(0, "cat", 0.9)
    both.challenger(0, "cat", 0.8)
    both.challenger(1, "dog", 0.6)
    both.champion(1, "unknown", 0.7)
    report = both.report
    assert (report.version, report.champion_version) == (CHALLENGER, CHAMPION)
    assert (report.records, report.agreed) == (2, 1)
    assert report.confidence == pytest.approx(1.4)
    assert report.champion_confidence == pytest.approx(1.6)
    pair = {"champion": "1", "challenger": "2"}
    assert both.sample("compared_total", **pair) == 2
    assert both.sample("agreed_total", **pair) == 1
    assert both.sample("compared_confidence_sum", role="champion", version="1") == pytest.approx(1.6)
    assert both.sample("compared_confidence_sum", role="challenger", version="2") == pytest.approx(1.4)


def test_an_answer_that_is_repeated_counts_once() -> None:
    both = Compared()
    for _ in range(2):
        both.champion(0)
        both.champion(0)
        both.challenger(0)
        both.challenger(0)
    both.clock.now = PATIENCE_SECONDS + 1
    both.comparison.expire()
    assert (both.report.records, both.report.unmatched) == (1, 0)


def test_each_champion_has_counts_of_its_own_and_the_one_that_answered_last_is_reported() -> None:
    both = Compared()
    for offset, version in enumerate((1, 1, 3, 1, 3)):
        both.champion(offset, version=version)
        both.challenger(offset, "cat" if version == 3 else "dog")
    assert (both.report.champion_version, both.report.records, both.report.agreed) == (3, 2, 2)
    both.champion(5, version=1)
    both.challenger(5)
    assert (both.report.champion_version, both.report.records, both.report.agreed) == (1, 4, 1)


def test_what_waits_too_long_is_unmatched() -> None:
    both = Compared()
    both.comparison.begin(0, 0)
    both.challenger(0)
    both.champion(1)
    both.clock.now = PATIENCE_SECONDS
    both.comparison.expire()
    assert both.report.unmatched == 0
    both.clock.now += 1
    both.comparison.expire()
    assert both.report.unmatched == 2
    assert both.sample("unmatched_total", missing="champion") == 1
    assert both.sample("unmatched_total", missing="challenger") == 1


def test_of_too_many_that_wait_the_oldest_go() -> None:
    both = Compared(most_waiting=3)
    both.comparison.begin(0, 0)
    for offset in range(5):
        both.champion(offset)
    for offset in range(5):
        both.challenger(offset)
    assert (both.report.records, both.report.unmatched) == (3, 2), "what comes late pushes nothing out"


def test_answers_from_before_the_shadow_began_are_not_unmatched() -> None:
    both = Compared()
    both.champion(5)  # before it is known where the shadow begins
    both.comparison.begin(0, 7)
    both.champion(6)
    both.champion(7)
    both.challenger(7)
    both.clock.now = PATIENCE_SECONDS + 1
    both.comparison.expire()
    assert (both.report.records, both.report.unmatched) == (1, 0)


def test_where_the_shadow_never_began_the_champions_answers_just_go() -> None:
    both = Compared()
    both.champion(0)
    both.clock.now = PATIENCE_SECONDS + 1
    both.comparison.expire()
    assert both.report.unmatched == 0


def test_records_that_are_skipped_are_told_as_such_and_are_not_unmatched() -> None:
    both = Compared()
    both.comparison.begin(0, 0)
    both.champion(1)
    both.comparison.begin(0, 100, skipped=99)
    both.champion(2)
    both.champion(100)
    both.challenger(100)
    both.clock.now = PATIENCE_SECONDS + 1
    both.comparison.expire()
    assert (both.report.records, both.report.unmatched, both.report.skipped) == (1, 0, 99)
    assert both.sample("skipped_total") == 99
