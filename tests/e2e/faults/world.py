"""What the tests see of the models and their children: all that is there, and each Job that ever was."""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from tests.cluster.strimzi.kube import Event, Kube, Manifest

MODEL = "CatDogModel"
MODEL_LABEL = "catdog.dev/model"
CHILDREN = (
    "Deployment",
    "Job",
    "KafkaTopic",
    "KafkaUser",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "Pod",
    "PodDisruptionBudget",
)


class Reference(NamedTuple):
    """An object by its name."""

    kind: str
    name: str


class World:
    """Follows every model and its children; in these tests no two models have the same name."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[Reference, Manifest]] = defaultdict(dict)
        self._jobs: dict[str, set[str]] = defaultdict(set)
        self._jobs_at_once: dict[str, int] = defaultdict(int)
        self._changed = asyncio.Condition()

    def model(self, name: str) -> Manifest:
        """Return a model, empty where there is none."""
        return self._objects[name].get(Reference(MODEL, name), {})

    def children(self, name: str) -> list[Manifest]:
        """Return a model's children, by kind and name."""
        found = self._objects[name]
        return [found[reference] for reference in sorted(found) if reference.kind != MODEL]

    def child(self, kind: str, name: str) -> Manifest:
        """Return a child by its own name, empty where there is none."""
        found = (objects.get(Reference(kind, name)) for objects in self._objects.values())
        return next((body for body in found if body is not None), {})

    def trains(self, name: str) -> bool:
        """Whether a trainer of the model runs."""
        pods = (
            each
            for each in self.children(name)
            if each["kind"] == "Pod" and "job-name" in each["metadata"]["labels"]
        )
        return any(each["status"].get("phase") == "Running" for each in pods)

    def is_leaving(self, name: str) -> bool:
        """Whether a child of the model, such as a pod that another has replaced, is about to go."""
        return any("deletionTimestamp" in each["metadata"] for each in self.children(name))

    def jobs(self, name: str) -> int:
        """Return how many Jobs a model has had."""
        return len(self._jobs[name])

    def jobs_at_once(self, name: str) -> int:
        """Return how many unfinished Jobs a model has had at one time."""
        return self._jobs_at_once[name]

    async def until(self, holds: Callable[[], bool], seconds: float) -> None:
        """Return as soon as `holds` is true of what there is.

        Raises:
            AssertionError: it was not within `seconds`; the message has what there is.
        """
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(holds)
        except TimeoutError:
            raise AssertionError(f"not within {seconds} s; there is:\n{self._describe()}") from None

    async def follow(self, kube: Kube, kind: str) -> None:
        """Take in what a watch of a kind tells, without end."""
        async for event in kube.watch(kind):
            self._take(kind, event)
            async with self._changed:
                self._changed.notify_all()

    def _describe(self) -> str:
        statuses = {name: self.model(name).get("status") for name in self._objects}
        there = sorted(f"{kind} {name}" for found in self._objects.values() for kind, name in found)
        return "\n".join((json.dumps(statuses, indent=1), *there))

    def _take(self, kind: str, event: Event) -> None:
        metadata = event.object["metadata"]
        model = metadata["name"] if kind == MODEL else metadata.get("labels", {}).get(MODEL_LABEL)
        if model is None:
            return
        if event.deleted:
            self._objects[model].pop(Reference(kind, metadata["name"]), None)
        else:
            self._objects[model][Reference(kind, metadata["name"])] = {"kind": kind, **event.object}
        if kind == "Job":
            self._jobs[model].add(metadata["uid"])
            unfinished = [each for each in self.children(model) if each["kind"] == "Job" and _goes_on(each)]
            self._jobs_at_once[model] = max(self._jobs_at_once[model], len(unfinished))


@contextlib.asynccontextmanager
async def seen_by(kube: Kube) -> AsyncIterator[World]:
    """Follow the world until the block ends."""
    world = World()
    following = [asyncio.create_task(world.follow(kube, kind)) for kind in (MODEL, *CHILDREN)]
    try:
        yield world
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)


def _goes_on(job: Manifest) -> bool:
    conditions = job.get("status", {}).get("conditions", [])
    return not any(each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in conditions)
