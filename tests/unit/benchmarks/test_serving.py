import io
import statistics

import pytest
from PIL import Image

from catdog_common.processors import available_processors
from tests.benchmarks.serving.bench import Rate, rate_of
from tests.benchmarks.serving.figures import Figures
from tests.benchmarks.serving.pictures import jpegs
from tests.benchmarks.serving.processes import Snapshot, Taken


def rate(per_second: float, others: float = 0.0) -> Rate:
    return Rate(per_second, 7, broker=0.1, others=others, peak_megabytes=100)


def test_a_rate_counts_from_the_end_of_the_first_batch_to_the_end_of_the_last() -> None:
    batches = [10.0] * 32 + [10.5] * 32 + [11.0] * 32 + [12.0] * 32
    assert rate_of(batches, seconds=2.5) == 96 / 2


def test_a_rate_of_hardly_any_batches_is_what_came_in_all_the_time() -> None:
    assert rate_of([10.0] * 32 + [10.001] * 32, seconds=8) == 64 / 8
    assert rate_of([], seconds=8) == 0


def test_what_others_take_is_what_neither_workers_nor_broker_took() -> None:
    begin = Snapshot(at=100, workers=5, broker=10, everybody=50)
    end = Snapshot(at=110, workers=20, broker=11, everybody=69)
    assert Taken.between(begin, end) == Taken(workers=1.5, broker=0.1, others=0.3)


def test_ways_are_compared_round_by_round() -> None:
    # The machine was half as fast in the second round, for both.
    figures = Figures(
        "tiny", {"one": [rate(100), rate(50), rate(90)], "other": [rate(50), rate(25), rate(45)]}
    )
    assert figures.ratio("one", "other") == 2


def test_what_others_took_can_be_left_out_of_a_comparison() -> None:
    free = available_processors()
    figures = Figures("tiny", {"one": [rate(90, others=free / 2)], "limit": [rate(200)]})
    assert figures.ratio("one", "limit") == pytest.approx(0.45)
    assert figures.share("one", "limit") == pytest.approx(0.9)


@pytest.mark.parametrize("size", [10_000, 40_000, 200_000])
def test_pictures_are_as_large_as_is_asked_for_and_all_different(size: int) -> None:
    pictures = jpegs(size, 6)
    assert len(set(pictures)) == 6
    assert statistics.mean(map(len, pictures)) == pytest.approx(size, rel=0.1)
    for picture in pictures:
        with Image.open(io.BytesIO(picture)) as image:
            assert image.width * image.height == pytest.approx(size * 4, rel=0.02)
