"""A thousand models beside ten, by the benchmark: the same way from an edit to its Job, in bounded memory.

Seconds depend on the machine, so what is asserted is how the two compare in one run.
"""

import asyncio

import pytest
from rich.console import Console

from tests.benchmarks.operator_scale import NAME, Result, as_table, run
from tests.cluster.instance import down

pytestmark = pytest.mark.soak

FEW, MANY = 10, 1000
MEMORY_MB = 150  # the container's limit is 256


@pytest.fixture(scope="module")
def results() -> tuple[Result, Result]:
    """Measure both, once for all of these tests; what was measured is in the report of a test that fails."""
    down(NAME)
    try:
        few, many = asyncio.run(run([FEW, MANY], edits=100))
    finally:
        down(NAME)
    Console(width=180).print(as_table([few, many]))
    return few, many


def test_an_edit_asks_no_more_among_a_thousand(results: tuple[Result, Result]) -> None:
    few, many = results
    assert many.requests_per_edit <= 1.2 * few.requests_per_edit


def test_the_way_from_an_edit_to_its_job_is_flat(results: tuple[Result, Result]) -> None:
    few, many = results
    assert many.edit_to_job_p50 < 2 * few.edit_to_job_p50
    assert many.edit_to_job_p99 < 4 * few.edit_to_job_p99


def test_the_operators_memory_is_bounded(results: tuple[Result, Result]) -> None:
    _, many = results
    assert max(many.growing_memory, many.memory) < MEMORY_MB


def test_a_restart_computes_in_proportion_to_the_models(results: tuple[Result, Result]) -> None:
    few, many = results
    assert many.processor_of_restart < MANY / FEW * few.processor_of_restart
