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
from tests.cluster.operator_process import operator_process

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

        async def restart() -> list[Entry]:
            start = datetime.now(UTC)
            with operator_process(cluster, directory) as operator:
                await at_rest(operator, cluster)
                return read_audit(log, start)

        with operator_process(cluster, directory):
            await fleet.grow(FEW)
            await fleet.rest(60)
        few = await restart()
        with operator_process(cluster, directory) as operator:
            await at_rest(operator, cluster)
            seconds_of_few, edits_of_few = await edit_and_time(cluster, fleet, EDITS, EDITS_PER_SECOND)
        grows = datetime.now(UTC)
        with operator_process(cluster, directory):
            await fleet.grow(MANY)
            await fleet.rest(120)
        growing = read_audit(log, grows)
        many = await restart()
        with operator_process(cluster, directory) as operator:
            await at_rest(operator, cluster)
            seconds_of_many, edits_of_many = await edit_and_time(cluster, fleet, EDITS, EDITS_PER_SECOND)
    return Story(growing, edits_of_few, seconds_of_few, edits_of_many, seconds_of_many, few, many)


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


def test_a_restart_asks_no_more_for_many_models_than_for_few(story: Story) -> None:
    few, many = (
        Counter((entry.verb, entry.group, entry.resource) for entry in restart)
        for restart in (story.restart_with_few, story.restart_with_many)
    )
    assert many == few


def test_an_edit_asks_no_more_among_many_models_than_among_few(story: Story) -> None:
    few, many = (
        sum(entry.verb != "watch" for entry in entries)
        for entries in (story.edits_of_few, story.edits_of_many)
    )
    assert many <= 1.2 * few, f"{many} requests for {EDITS} edits, {few} among few models"


def test_an_edit_takes_no_longer_to_its_job_among_many_models_than_among_few(story: Story) -> None:
    few, many = statistics.median(story.seconds_of_few), statistics.median(story.seconds_of_many)
    assert many < 3 * few, f"{1000 * many:.0f} ms, {1000 * few:.0f} ms among few models"
