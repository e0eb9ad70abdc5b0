"""Looks at the demo's CatDogModel as `kubectl` shows it, event by event."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn

from tests.demo.terminal import Terminal

Status = dict[str, Any]


@contextmanager
def watched_statuses(terminal: Terminal, name: str) -> Iterator[Iterator[Status]]:
    """Give the statuses of a CatDogModel, the present one first, for as long as the context lasts."""
    # As a list: of an object by name kubectl never prints what changes between its get and its watch.
    by_name = f"--field-selector metadata.name={name}"
    command = f"kubectl get catdogmodels {by_name} --watch -o jsonpath='{{.status}}{{\"\\n\"}}'"
    with terminal.start(command, shown="") as process:
        try:
            assert process.stdout is not None
            yield (json.loads(line) for line in process.stdout if line.strip())
        finally:
            process.terminate()


def wait_until_ready(terminal: Terminal, name: str, version: int) -> Status:
    """Show the training's progress until `version` serves with all replicas ready; return the status then.

    Raises:
        RuntimeError: the model failed; the message has the conditions.
    """
    with watched_statuses(terminal, name) as statuses, _bar(terminal) as bar:
        task = bar.add_task("waiting", total=None, detail="")
        for status in statuses:
            bar.update(task, **_progress_of(status))
            if status.get("phase") == "Failed":
                raise RuntimeError(f"{name} failed: {json.dumps(status.get('conditions'), indent=1)}")
            if _serves(status, version):
                bar.update(task, description=f"version {version} serves", completed=1, total=1, detail="")
                return status
    raise RuntimeError(f"kubectl's watch of {name} ended before version {version} was ready")


@contextmanager
def watched_readiness(terminal: Terminal, name: str) -> Iterator[list[int]]:
    """Give a list that grows by every count of ready workers, for as long as the context lasts."""
    template = '{.status.readyReplicas}{"\\n"}'
    by_name = f"--field-selector metadata.name={name}-inference"
    command = f"kubectl get deployments {by_name} --watch -o jsonpath='{template}'"
    counts: list[int] = []
    with terminal.start(command, shown="") as process:
        reader = threading.Thread(target=_read_counts, args=(process, counts))
        reader.start()
        try:
            yield counts
        finally:
            process.terminate()
            reader.join()


def _read_counts(process: subprocess.Popen[str], counts: list[int]) -> None:
    assert process.stdout is not None
    counts.extend(int(line.strip() or 0) for line in process.stdout)


def condition(status: Status, kind: str) -> dict[str, Any]:
    """Return the condition of that type, or an empty one."""
    return next((each for each in status.get("conditions", []) if each["type"] == kind), {})


def _serves(status: Status, version: int) -> bool:
    served = status.get("inference", {}).get("servedVersion")
    return served == version and condition(status, "Ready").get("status") == "True"


def _bar(terminal: Terminal) -> Progress:
    return Progress(
        TextColumn("  {task.description:<26}"),
        BarColumn(bar_width=40),
        TextColumn("{task.fields[detail]}"),
        console=terminal.console,
    )


def _progress_of(status: Status) -> dict[str, Any]:
    progress = status.get("progress") or {}
    phase = status.get("phase", "Pending")
    if not progress.get("stage"):
        return {"description": phase, "total": None, "detail": ""}
    done, total = progress.get("photos"), progress.get("totalPhotos")
    if progress.get("epoch"):
        done, total = progress["epoch"], progress["epochs"]
    return {
        "description": f"{phase}: {progress['stage']}",
        "completed": done or 0,
        "total": total,
        "detail": "  ".join(_details(progress)),
    }


def _details(progress: dict[str, Any]) -> Iterator[str]:
    if (epoch := progress.get("epoch")) is not None:
        yield f"epoch {epoch}/{progress['epochs']}"
    if (accuracy := progress.get("valAccuracy")) is not None:
        yield f"accuracy {accuracy:.1%}"
    if (speed := progress.get("photosPerSecond")) is not None:
        yield f"{speed:.0f} photos/s"
    if (end := progress.get("estimatedCompletionTime")) is not None:
        left = (datetime.fromisoformat(end) - datetime.now(UTC)).total_seconds()
        yield f"{max(left, 0):.0f} s left"
