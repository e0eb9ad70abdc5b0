"""The reference of metrics has what workers, shadows, trainings and the operator show, and nothing else."""

import re
from pathlib import Path
from typing import get_args

import pytest

from catdog_common.training import Stage
from tests.contract.pages import page_of_operator, page_of_shadow, page_of_training, page_of_worker
from tests.reference import METRICS, asked_metrics, documented_metrics, shown_metrics, table_rows
from tests.unit.inference.conftest import Serving

WORKERS, SHADOWS, TRAININGS, OPERATOR = "Workers", "Shadows", "Trainings", "The operator"


async def test_a_worker_shows_what_the_reference_says(serving: Serving, tmp_path: Path) -> None:
    page = await page_of_worker(serving, tmp_path)
    assert shown_metrics(page) == documented_metrics(WORKERS)


async def test_a_shadow_shows_what_the_reference_says(serving: Serving) -> None:
    page = await page_of_shadow(serving)
    of_a_worker = {
        name.replace("catdog_", "catdog_shadow_", 1): shape
        for name, shape in documented_metrics(WORKERS).items()
        if name not in ("catdog_dead_letters_total", "catdog_kafka_certificate_days_left")
    }
    assert shown_metrics(page) == of_a_worker | documented_metrics(SHADOWS)


def test_a_training_shows_what_the_reference_says() -> None:
    assert shown_metrics(page_of_training()) == documented_metrics(TRAININGS)
    stages = next(row for row in table_rows(METRICS, TRAININGS) if "training_stage" in row[0])[-1]
    assert set(re.findall("`([A-Z][a-z]+)`", stages)) == set(get_args(Stage))


async def test_the_operator_shows_what_the_reference_says() -> None:
    assert shown_metrics(await page_of_operator()) == documented_metrics(OPERATOR)


def test_the_queries_of_the_reference_are_of_metrics_that_it_has() -> None:
    assert asked_metrics()
    sections = (WORKERS, SHADOWS, TRAININGS, OPERATOR)
    assert asked_metrics() <= {name for section in sections for name in documented_metrics(section)}


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("`catdog_batch_size` | histogram", "`catdog_batch_size` | gauge"),
        ("`label` | pictures", "| pictures"),
    ],
)
def test_a_mistake_in_the_reference_would_show(tmp_path: Path, there: str, instead: str) -> None:
    page = tmp_path / "metrics.md"
    assert there in METRICS.read_text()
    page.write_text(METRICS.read_text().replace(there, instead))
    assert documented_metrics(WORKERS, page) != documented_metrics(WORKERS)
