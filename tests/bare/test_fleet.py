"""Fifty models on an API server without a node: what they cost beside five, and what is written twice.

The thousand, and seconds, are tests/benchmarks/operator_scale.py's.
"""

import asyncio
import statistics
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from tests.bare.cluster import bare_cluster
from tests.bare.measuring import at_rest, edit_and_time
from tests.cluster.audit import Entry, read_audit
from tests.cluster.operator_process import OperatorProcess, operator_process

NAMESPACES = tuple(f"fleet-{number}" for number in range(5))
FEW, MANY = 5, 50
EDITS = 20
EDITS_PER_SECOND = 5.0


class Story(msgspec.Struct):
    """What the operator asked of the API server while models were made, edited, and found again."""

    growing: list[Entry]
    edits_of_few: list[Entry]
    seconds_of_few: list[float]  # from an edit to its Job
    edits_of_many: list[Entry]
    seconds_of_many: list[float]
    restart_with_few: list[Entry]
    restart_with_many: list[Entry]


@pytest.fixture(scope="module")
def story(bare: str, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Let an operator live through it once for all of these tests."""
    return asyncio.run(_live(bare, tmp_path_factory.mktemp("operator")))


async def _live(name: str, directory: Path) -> Story:
    async with bare_cluster(name, NAMESPACES) as (cluster, _, fleet):
        log = cluster.layout.audit_log

        async def restart_and_edit(operator: OperatorProcess) -> tuple[list[Entry], list[Entry], list[float]]:
            await at_rest(operator, cluster)
            restart = read_audit(log, started)
            seconds, edits = await edit_and_time(cluster, fleet, EDITS, EDITS_PER_SECOND)
            return restart, edits, seconds

        with operator_process(cluster, directory):
            await fleet.grow(FEW)
            await fleet.rest(60)
        started = datetime.now(UTC)
        with operator_process(cluster, directory) as operator:
            restart_with_few, edits_of_few, seconds_of_few = await restart_and_edit(operator)
            grows = datetime.now(UTC)
            await fleet.grow(MANY)
            await fleet.rest(120)
            growing = read_audit(log, grows)
        started = datetime.now(UTC)
        with operator_process(cluster, directory) as operator:
            restart_with_many, edits_of_many, seconds_of_many = await restart_and_edit(operator)
    return Story(
        growing=growing,
        edits_of_few=edits_of_few,
        seconds_of_few=seconds_of_few,
        edits_of_many=edits_of_many,
        seconds_of_many=seconds_of_many,
        restart_with_few=restart_with_few,
        restart_with_many=restart_with_many,
    )


def test_each_child_is_written_once(story: Story) -> None:
    writes = Counter(
        (entry.resource, entry.namespace, entry.name)
        for entry in story.growing
        if entry.is_write and entry.resource not in ("catdogmodels", "events")
    )
    assert {what: count for what, count in writes.items() if count > 1} == {}
    assert (
        len({(namespace, name) for resource, namespace, name in writes if resource == "jobs"}) == MANY - FEW
    )


def test_no_write_is_refused(story: Story) -> None:
    refused = [entry for entry in story.growing + story.edits_of_many if entry.is_write and entry.code >= 400]
    assert refused == []


def test_a_restart_writes_nothing(story: Story) -> None:
    assert [entry for entry in story.restart_with_many if entry.is_write] == []


def test_a_restart_asks_no_more_for_many_models_than_for_few_but_for_further_pages_of_lists(
    story: Story,
) -> None:
    few, many = (
        Counter(
            (each.verb, each.group, each.resource) for each in restart if "continue=" not in each.request_uri
        )
        for restart in (story.restart_with_few, story.restart_with_many)
    )
    assert many.keys() == few.keys()
    # Once more is each kind listed where the watches are slow to begin.
    assert {what: count for what, count in many.items() if count > few[what] + 1} == {}


def test_an_edit_asks_no_more_among_many_models_than_among_few(story: Story) -> None:
    few, many = (
        sum(entry.verb != "watch" for entry in entries)
        for entries in (story.edits_of_few, story.edits_of_many)
    )
    assert many <= 1.2 * few, f"{many} requests for {EDITS} edits, {few} among few models"


def test_an_edit_takes_no_longer_to_its_job_among_many_models_than_among_few(story: Story) -> None:
    few, many = statistics.median(story.seconds_of_few), statistics.median(story.seconds_of_many)
    assert many < 3 * few, f"{1000 * many:.0f} ms, {1000 * few:.0f} ms among few models"
