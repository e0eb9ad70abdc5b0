"""What an operator takes: an edit's time until its Job, and when after a start it is at rest."""

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from tests.bare.fleet import Fleet, Key
from tests.cluster.audit import Entry, read_audit
from tests.cluster.instance import Instance
from tests.cluster.operator_process import OperatorProcess
from tests.cluster.waiting import PATIENCE_SECONDS

QUIET_SECONDS = 2.0
QUIET_SHARE = 0.03  # of a processor: kopf's own heartbeat
LOOK_SECONDS = 0.1


async def edit_and_time(
    cluster: Instance, fleet: Fleet, edits: int, edits_per_second: float
) -> tuple[list[float], list[Entry]]:
    """Edit models in turn, at a fixed rate; return each edit's time until its Job, and all requests."""
    start, began, sent = monotonic(), datetime.now(UTC), dict[tuple[Key, int], datetime]()
    for number in range(edits):
        await asyncio.sleep(start + number / edits_per_second - monotonic())
        key = fleet.keys[number * 7919 % len(fleet.keys)]  # a prime, so that they come in no order
        await fleet.rest_of(key, PATIENCE_SECONDS)
        sent[key, number] = datetime.now(UTC)
        await fleet.edit(key, f"{began.timestamp()}-{number}")
    await fleet.rest(PATIENCE_SECONDS)
    entries = read_audit(cluster.layout.audit_log, began)
    made = job_creations(entries)
    return [_time_to_job(key, moment, made) for (key, _), moment in sent.items()], entries


def _time_to_job(key: Key, sent: datetime, made: Sequence[Entry]) -> float:
    prefix = f"{key.name}-train-"
    answered = next(
        entry.answered
        for entry in made
        if entry.namespace == key.namespace and entry.name.startswith(prefix) and entry.answered > sent
    )
    return (answered - sent).total_seconds()


def job_creations(entries: Sequence[Entry]) -> list[Entry]:
    """Return the requests that made a Job."""
    return [entry for entry in entries if (entry.verb, entry.resource, entry.code) == ("create", "jobs", 201)]


async def at_rest(operator: OperatorProcess, cluster: Instance) -> float:
    """Await that the operator neither asks nor computes; return since when, by the monotonic clock."""
    since, computed, size = monotonic(), processor_seconds(operator.pid), _size(cluster)
    while monotonic() - since < QUIET_SECONDS:
        await asyncio.sleep(LOOK_SECONDS)
        share = (processor_seconds(operator.pid) - computed) / max(monotonic() - since, QUIET_SECONDS / 2)
        if share > QUIET_SHARE or _size(cluster) != size:
            since, computed, size = monotonic(), processor_seconds(operator.pid), _size(cluster)
    return since


def _size(cluster: Instance) -> int:
    return cluster.layout.audit_log.stat().st_size


def processor_seconds(pid: int) -> float:
    """Return how long a process has computed so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
