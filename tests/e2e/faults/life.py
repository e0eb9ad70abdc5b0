"""The life of a resource, from apply to delete, and what there is of it at the end of each stage."""

import asyncio
import contextlib
import difflib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from catdog_common.artifact import list_versions, read_metadata, version_dir
from tests.cluster.strimzi.kube import Kube, Manifest
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.faults.claims import lay_version, reserve_volume
from tests.e2e.faults.lane import Lane
from tests.e2e.faults.picture import Picture, take_picture
from tests.e2e.faults.world import MODEL, World
from tests.e2e.models import NAMESPACE, condition

EPOCHS = {1: 5, 2: 6}  # by the version that is trained with them
STAGE_SECONDS = 600.0
STAYS = ("KafkaTopic", "PersistentVolumeClaim")  # when a resource is deleted

Story = dict[str, Picture]


class Stage(NamedTuple):
    """What is done to a resource, and the version that serves then; None where it is gone."""

    name: str
    version: int | None
    act: Callable[[], Awaitable[None]]


@dataclass
class Life:
    """One model's life; with `trained` (a directory of versions) its trainers find what they should train."""

    kube: Kube
    world: World
    lane: Lane
    name: str
    trained: Path | None = None
    prepare: Callable[[Path], None] = lambda _: None  # lays on the claim what is to be there before
    storage: Path = Path()
    generation: int = 0  # of the last edit
    story: Story = field(default_factory=dict)

    async def live(self, expected: Story | None = None) -> Story:
        """Go through all stages; return what there was at the end of each.

        Raises:
            AssertionError: a stage did not end as `expected`, or not at all.
        """
        self.storage = await reserve_volume(self.kube, self.name)
        await asyncio.to_thread(self.prepare, self.storage)
        for stage in self._stages():
            await stage.act()
            self.story[stage.name] = await self._end_of(stage, (expected or {}).get(stage.name))
        self.story["on the claim"] = versions_of(self.storage, self.name)
        if expected is not None:
            assert self.story["on the claim"] == expected["on the claim"]
        return self.story

    def _stages(self) -> tuple[Stage, ...]:
        return (
            Stage("version 1 serves", 1, lambda: self._train(1)),
            Stage("version 2 serves", 2, lambda: self._train(2)),
            Stage("version 1 serves again", 1, lambda: self._edit({"training": {"epochs": EPOCHS[1]}})),
            Stage("two replicas serve", 1, lambda: self._edit({"inference": {"replicas": 2}})),
            Stage("deleted", None, lambda: self.kube.delete(MODEL, NAMESPACE, self.name)),
        )

    async def _train(self, version: int) -> None:
        if self.trained and (self.trained / str(version)).exists():
            await asyncio.to_thread(lay_version, self.trained, self.storage, self.name, version)
        if version == 1:
            self._take(await self.kube.apply(build_model(self.name, EPOCHS[1])))
        else:
            await self._edit({"training": {"epochs": EPOCHS[version]}})

    async def _edit(self, spec: Manifest) -> None:
        self._take(await self.kube.merge(model_reference(self.name), {"spec": spec}))

    def _take(self, model: Manifest) -> None:
        self.generation = model["metadata"]["generation"]

    async def _end_of(self, stage: Stage, expected: Picture | None) -> Picture:
        try:
            await self.world.until(lambda: self._is_over(stage, expected), STAGE_SECONDS)
        except AssertionError:
            present = take_picture(self.world, self.name)
            raise AssertionError(
                f"{self.name}: not so: {stage.name}:\n{describe(expected, present)}"
            ) from None
        if expected is None:
            await self.world.until(lambda: not self.world.is_leaving(self.name), PATIENCE_SECONDS)
            await self.lane.await_rest()
        return take_picture(self.world, self.name)

    def _is_over(self, stage: Stage, expected: Picture | None) -> bool:
        if expected is not None:
            return take_picture(self.world, self.name) == expected
        if stage.version is None:
            return all(each["kind"] in STAYS for each in self.world.children(self.name))
        return serves(self.world.model(self.name), stage.version, self.generation)


def build_model(
    name: str,
    epochs: int,
    namespace: str = NAMESPACE,
    **spec: Any,  # noqa: ANN401 - fields of a spec
) -> Manifest:
    """Return a CatDogModel that trains the small network on the sample."""
    training = {"dataset": {"sample": {}}, "architecture": "efficientnet-lite0", "epochs": epochs}
    kafka = {"strimzi": {"name": "my-cluster"}}
    return model_reference(name, namespace) | {"spec": {"training": training, "kafka": kafka, **spec}}


def model_reference(name: str, namespace: str = NAMESPACE) -> Manifest:
    """Return a CatDogModel without its spec."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "catdog.dev/v1alpha1", "kind": MODEL, "metadata": metadata}


def versions_of(storage: Path, model: str) -> Picture:
    """Return number and hash of each version on a claim."""
    versions = list_versions(storage, model)
    return {str(each): read_metadata(version_dir(storage, model, each)).hash for each in versions}


def serves(model: Manifest, version: int, generation: int) -> bool:
    """Whether a model's status says, for this generation, that `version` serves and all is well."""
    status = model.get("status", {})
    return (
        status.get("observedGeneration") == generation
        and condition(status, "Ready")[0] == "True"
        and status.get("phase") == "Serving"
        and status.get("inference", {}).get("servedVersion") == version
    )


async def await_picture(world: World, model: str, wanted: Picture, seconds: float) -> None:
    """Return as soon as a model and its children are as wanted.

    Raises:
        AssertionError: they were not within `seconds`; the message has where they differ.
    """
    try:
        await world.until(lambda: take_picture(world, model) == wanted, seconds)
    except AssertionError:
        raise AssertionError(describe(wanted, take_picture(world, model))) from None


def describe(expected: Picture | None, present: Picture) -> str:
    """Return where a picture is another than it should be."""
    before, now = (
        json.dumps(each or {}, indent=1, sort_keys=True).splitlines() for each in (expected, present)
    )
    return "\n".join(difflib.unified_diff(before, now, "expected", "present", lineterm="", n=2))


@contextlib.asynccontextmanager
async def cleared(kube: Kube, world: World, *models: str) -> AsyncIterator[None]:
    """Remove models and all that they leave when the block ends, however it does, and await that."""
    try:
        yield
    finally:
        for model in models:
            await kube.delete(MODEL, NAMESPACE, model)
            for child in world.children(model):
                if child["kind"] in STAYS:
                    await kube.delete(child["kind"], NAMESPACE, child["metadata"]["name"])
        await world.until(lambda: not any(map(world.children, models)), PATIENCE_SECONDS)
