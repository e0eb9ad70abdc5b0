"""How the operator bears many models: an edit's way to its Job, a restart, memory, and requests.

    python -m tests.benchmarks.operator_scale [--sizes 10,100,1000] [--output FILE]

It runs the operator as its own service account on an API server without a node (name: `bench`), where a
stand-in (tests/bare/stand_in.py) does at once what Kubernetes, Strimzi and trainers would do. Edits come at
a fixed rate, each to a model at rest, and each has its whole course: Job, version, rollout, status. An
edit's time is from its sending to the API server's answer to the operator that made the Job (audit log).
After a restart the operator is at rest when it asks nothing and computes nothing any more.
"""

import asyncio
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import click
import msgspec
from rich.console import Console
from rich.table import Table

from tests.bare.cluster import bare_cluster
from tests.bare.fleet import Fleet
from tests.bare.measuring import at_rest, edit_and_time, job_creations, processor_seconds
from tests.cluster.audit import read_audit
from tests.cluster.instance import Instance, down
from tests.cluster.operator_process import operator_process

NAME = "bench"
NAMESPACES = tuple(f"zoo-{number}" for number in range(10))
OLDER_VERSIONS = 4  # on each claim, beside those that are trained here
EDITS_PER_SECOND = 4.0
MISSED_EDITS = 10  # made while the operator was down


class Result(msgspec.Struct):
    """What was measured with so many models; times are seconds, memory is MB, the most that was resident."""

    models: int
    namespaces: int
    versions: int  # on each claim, at least
    from_nothing: float  # those that were added, from the first's creation until all serve
    added: int
    restart: float  # until the operator is at rest again
    processor_of_restart: float
    missed_edits: float  # until the last Job of the edits that the operator was not there for
    edits: int
    edit_to_job_p50: float
    edit_to_job_p99: float
    processor_per_edit: float  # the operator's
    requests_per_edit: float
    writes_per_edit: float
    growing_memory: float
    memory: float  # since the restart, with the edits


async def measure(cluster: Instance, fleet: Fleet, size: int, edits: int, directory: Path) -> Result:
    """Let the fleet grow to `size` models, then restart the operator, then edit."""
    added = size - len(fleet.keys)
    with operator_process(cluster, directory) as operator:
        start = monotonic()
        await fleet.grow(size)
        await fleet.rest(60 + added)
        from_nothing = monotonic() - start
        growing_memory = operator.peak_memory_bytes / 1e6
    for number, key in enumerate(fleet.keys[:MISSED_EDITS]):
        await fleet.edit(key, f"missed-{size}-{number}")
    start, started = monotonic(), datetime.now(UTC)
    with operator_process(cluster, directory) as operator:
        restart = await at_rest(operator, cluster) - start
        computed = processor_seconds(operator.pid)
        await fleet.rest(60)
        missed = job_creations(read_audit(cluster.layout.audit_log, started))
        before = processor_seconds(operator.pid)
        times, entries = await edit_and_time(cluster, fleet, edits, EDITS_PER_SECOND)
        processor_per_edit = (processor_seconds(operator.pid) - before) / edits
        memory = operator.peak_memory_bytes / 1e6
    return Result(
        models=size,
        namespaces=len(NAMESPACES),
        versions=OLDER_VERSIONS + 1,
        from_nothing=from_nothing,
        added=added,
        restart=restart,
        processor_of_restart=computed,
        missed_edits=max((entry.answered - started).total_seconds() for entry in missed),
        edits=edits,
        edit_to_job_p50=statistics.median(times),
        edit_to_job_p99=statistics.quantiles(times, n=100)[98],
        processor_per_edit=processor_per_edit,
        requests_per_edit=sum(entry.verb != "watch" for entry in entries) / edits,
        writes_per_edit=sum(entry.is_write for entry in entries) / edits,
        growing_memory=growing_memory,
        memory=memory,
    )


def as_table(results: Sequence[Result]) -> Table:
    """Return the results for people."""
    first = results[0]
    title = (
        f"{first.edits} edits, {EDITS_PER_SECOND:g} a second; models over {first.namespaces} namespaces, "
        f"each with {first.versions} versions or more, three topics, one worker; {os.cpu_count()} processors "
        "for API server, stand-in and operator"
    )
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    columns: dict[str, Callable[[Result], str]] = {
        "models": lambda each: f"{each.models}",
        "edit→Job p50 ms": lambda each: f"{1000 * each.edit_to_job_p50:.0f}",
        "p99 ms": lambda each: f"{1000 * each.edit_to_job_p99:.0f}",
        "processor ms/edit": lambda each: f"{1000 * each.processor_per_edit:.0f}",
        "requests/edit": lambda each: f"{each.requests_per_edit:.1f}",
        "writes/edit": lambda each: f"{each.writes_per_edit:.1f}",
        "restart s": lambda each: f"{each.restart:.1f}",
        "of processor": lambda each: f"{each.processor_of_restart:.1f}",
        f"{MISSED_EDITS} missed edits s": lambda each: f"{each.missed_edits:.1f}",
        "memory MB": lambda each: f"{each.memory:.0f}",
        "growing: s": lambda each: f"{each.from_nothing:.0f} (+{each.added})",
        "growing: MB": lambda each: f"{each.growing_memory:.0f}",
    }
    for column in columns:
        table.add_column(column, justify="right")
    for each in results:
        table.add_row(*(show(each) for show in columns.values()))
    return table


async def run(
    sizes: Sequence[int], edits: int, tell: Callable[[list[Result]], None] = lambda _: None
) -> list[Result]:
    """Measure at every size, the smallest first, on one API server; `tell` hears of what there is so far."""
    results: list[Result] = []
    async with bare_cluster(NAME, NAMESPACES, OLDER_VERSIONS) as (cluster, _, fleet):
        with tempfile.TemporaryDirectory() as directory:
            for size in sorted(sizes):
                results.append(await measure(cluster, fleet, size, edits, Path(directory)))
                tell(results)
    return results


@click.command(help=__doc__)
@click.option("--sizes", default="10,100,1000", show_default=True, help="Numbers of models.")
@click.option("--edits", default=200, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="Write the results there, as JSON.")
def main(sizes: str, edits: int, output: Path | None) -> None:
    """Measure, print a table after each size, and write JSON."""

    def tell(results: list[Result]) -> None:
        Console(width=180).print(as_table(results))
        if output:
            output.write_text(json.dumps([msgspec.to_builtins(each) for each in results], indent=1))

    down(NAME)
    try:
        asyncio.run(run([int(size) for size in sizes.split(",")], edits, tell))
    finally:
        down(NAME)


if __name__ == "__main__":
    main()
