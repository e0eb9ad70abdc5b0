"""Fifty models on an API server without a node: what they cost beside five, and what is written twice.

The thousand, and seconds, are tests/benchmarks/operator_scale.py's.
"""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from tests.bare.cluster import bare_cluster
from tests.bare.measuring import at_rest, edit_and_time, processor_seconds
from tests.cluster.audit import Entry, read_audit
from tests.cluster.operator_process import OperatorProcess, operator_process
from tests.cluster.waiting import PATIENCE_SECONDS

NAMESPACES = tuple(f"fleet-{number}" for number in range(5))
FEW, MANY = 5, 50
EDITS = 20
EDITS_PER_SECOND = 5.0


class Story(msgspec.Struct):
    """What the operator asked of the API server while models were made, edited, and found again."""

    growing: list[Entry]
    edits_of_few: list[Entry]
    computed_for_few: float  # the operator, in seconds
    edits_of_many: list[Entry]
    computed_for_many: float
    restart_with_few: list[Entry]
    restart_with_many: list[Entry]


@pytest.fixture(scope="module")
def story(bare: str, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Let an operator live through it once for all of these tests."""
    return asyncio.run(_live(bare, tmp_path_factory.mktemp("operator")))


async def _live(name: str, directory: Path) -> Story:
    async with bare_cluster(name, NAMESPACES) as (cluster, _, fleet):
        log = cluster.layout.audit_log

        async def restart_and_edit(operator: OperatorProcess) -> tuple[list[Entry], list[Entry], float]:
            await at_rest(operator, cluster)
            restart, before = read_audit(log, started), processor_seconds(operator.pid)
            _, edits = await edit_and_time(cluster, fleet, EDITS, EDITS_PER_SECOND)
            return restart, edits, processor_seconds(operator.pid) - before

        with operator_process(cluster, directory):
            await fleet.grow(FEW)
            await fleet.rest(PATIENCE_SECONDS)
        started = datetime.now(UTC)
        with operator_process(cluster, directory) as operator:
            restart_with_few, edits_of_few, computed_for_few = await restart_and_edit(operator)
            grows = datetime.now(UTC)
            await fleet.grow(MANY)
            await fleet.rest(PATIENCE_SECONDS)
            growing = read_audit(log, grows)
        started = datetime.now(UTC)
        with operator_process(cluster, directory) as operator:
            restart_with_many, edits_of_many, computed_for_many = await restart_and_edit(operator)
    return Story(
        growing=growing,
        edits_of_few=edits_of_few,
        computed_for_few=computed_for_few,
        edits_of_many=edits_of_many,
        computed_for_many=computed_for_many,
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
        [entry for entry in entries if entry.verb != "watch"]
        for entries in (story.edits_of_few, story.edits_of_many)
    )
    assert len(steps(many)) <= 1.2 * len(steps(few)), f"{len(steps(many))}, not {len(steps(few))}"
    # Of what is between two steps a fast machine sees less; were each model asked for, it would be ten times.
    assert len(many) <= 2 * len(few), f"{len(many)} requests for {EDITS} edits, {len(few)} among few models"


def steps(entries: list[Entry]) -> list[Entry]:
    """Return the requests but for statuses and looks at logs, of which a slow machine has more."""
    return [each for each in entries if each.subresource not in ("status", "log")]


def test_an_edit_computes_no_more_among_many_models_than_among_few(story: Story) -> None:
    # Not by the clock: what else the machine does would be measured too.
    assert story.computed_for_many < 2 * story.computed_for_few
