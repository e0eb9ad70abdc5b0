"""Many CatDogModels over some namespaces: makes them, edits them, and knows which are at rest."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.cluster.instance import Instance
from tests.cluster.strimzi.kube import Kube, Manifest

KAFKA = "my-cluster"
CREATED_AT_ONCE = 16
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


class Key(NamedTuple):
    """A model."""

    namespace: str
    name: str


class Fleet:
    """Models `pets-<n>`, spread evenly over the namespaces; `follow` has to run beside all else."""

    def __init__(self, kube: Kube, namespaces: Sequence[str]) -> None:
        self._kube = kube
        self._namespaces = namespaces
        self._seen: dict[Key, Manifest] = {}
        self._unrest: set[Key] = set()
        self._edited: dict[Key, int] = {}  # the generation of the last edit
        self._changed = asyncio.Condition()
        self.keys: list[Key] = []

    async def follow(self) -> None:
        """Take in what a watch tells of the models, without end."""
        async for deleted, body in self._kube.watch("CatDogModel"):
            key = Key(body["metadata"]["namespace"], body["metadata"]["name"])
            async with self._changed:
                if deleted:
                    self._seen.pop(key, None)
                else:
                    self._note(key, body)
                self._changed.notify_all()

    def _note(self, key: Key, body: Manifest) -> None:
        self._seen[key] = body
        # However late the watch is: what was edited is at rest when a state tells of that edit.
        if at_rest(body) and body["metadata"]["generation"] >= self._edited.get(key, 0):
            self._unrest.discard(key)
        else:
            self._unrest.add(key)

    async def grow(self, count: int) -> None:
        """Make models until there are `count`."""
        added = [self._key(number) for number in range(len(self.keys), count)]
        self._unrest |= set(added)
        self.keys += added
        room = asyncio.Semaphore(CREATED_AT_ONCE)

        async def make(key: Key) -> None:
            async with room:
                await self._kube.create(model_manifest(key))

        await asyncio.gather(*map(make, added))

    async def edit(self, key: Key, revision: str) -> None:
        """Ask for another training of a model."""
        patch = {"spec": {"training": {"revision": revision}}}
        body = await self._kube.merge(model_manifest(key), patch)
        self._edited[key] = body["metadata"]["generation"]
        self._note(key, body)

    async def rest(self, seconds: float) -> None:
        """Return when every model serves what it says.

        Raises:
            AssertionError: some did not within `seconds`; the message names them.
        """
        await self._until(lambda: not self._unrest, seconds)

    async def rest_of(self, key: Key, seconds: float) -> None:
        """Return when this model serves what it says."""
        await self._until(lambda: key not in self._unrest, seconds)

    async def _until(self, holds: Callable[[], bool], seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(holds)
        except TimeoutError:
            raise AssertionError(self._story(seconds)) from None

    def _story(self, seconds: float) -> str:
        one = next(iter(self._unrest))
        status = json.dumps(self._seen.get(one, {}).get("status"), indent=1)
        return f"{len(self._unrest)} models were not at rest after {seconds} s; the status of {one}: {status}"

    def _key(self, number: int) -> Key:
        return Key(self._namespaces[number % len(self._namespaces)], f"pets-{number}")


def at_rest(body: Manifest) -> bool:
    """Whether a model has all that its present settings ask for."""
    status = body.get("status", {})
    holds = {each["type"] for each in status.get("conditions", []) if each["status"] == "True"}
    return (
        status.get("observedGeneration") == body["metadata"]["generation"]
        and {"Ready", "Trained"} <= holds
        and status.get("phase") == "Serving"
    )


def model_manifest(key: Key) -> Manifest:
    """Return the smallest model."""
    return {
        "apiVersion": "catdog.dev/v1alpha1",
        "kind": "CatDogModel",
        "metadata": {"name": key.name, "namespace": key.namespace},
        "spec": {"training": {"dataset": {"sample": {}}}, "kafka": {"strimzi": {"name": KAFKA}}},
    }


async def make_namespaces(cluster: Instance, kube: Kube, names: Sequence[str]) -> None:
    """Make namespaces that take restricted pods only, each with a Kafka that is ready."""
    namespaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}}
        for name in names
    ]
    listed = {"apiVersion": "v1", "kind": "List", "items": namespaces}
    await asyncio.to_thread(cluster.kubectl, "apply", "-f", "-", input=json.dumps(listed))
    for name in names:
        account = ("serviceaccount/default", "-n", name)  # without it no pod can be made
        await asyncio.to_thread(cluster.kubectl, "wait", *account, "--for=create", "--timeout=240s")
        kafka = await kube.apply(_kafka(name))
        address = f"{KAFKA}-kafka-bootstrap.{name}.svc:9093"
        listeners = [{"name": "tls", "bootstrapServers": address}]
        ready = [{"type": "Ready", "status": "True"}]
        await kube.set_status(kafka, {"listeners": listeners, "conditions": ready})


def _kafka(namespace: str) -> Manifest:
    listener = {"name": "tls", "port": 9093, "type": "internal", "tls": True}
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "Kafka",
        "metadata": {"name": KAFKA, "namespace": namespace},
        "spec": {"kafka": {"listeners": [listener]}, "entityOperator": {}},
    }
