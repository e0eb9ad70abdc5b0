"""Stands for Kubernetes' controllers and kubelets, Strimzi's operators and trainers on a bare API server.

What a model's children wait for happens at once: claims are bound, topics and users ready, a Job's pod
reports a version and the Job is complete, a Deployment has one ready pod for each replica. No Kafka, no
image and no photo is behind it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from catdog_common.training import TrainingResult, VersionSummary
from tests.cluster.strimzi.kube import ApiError, Kube, Manifest

Act = Callable[[Manifest], Awaitable[None]]

MODEL_LABEL = "catdog.dev/model"
HASH_LABEL = "catdog.dev/training-hash"
ACTS_AT_ONCE = 16  # so that it leaves the API server some room
READY = {"type": "Ready", "status": "True"}


class StandIn:
    """Follows what the operator makes, and moves it on; on every claim lie so many `older_versions`."""

    def __init__(self, kube: Kube, older_versions: int = 0) -> None:
        self._kube = kube
        self._older = older_versions
        self._claims: dict[tuple[str, str], list[VersionSummary]] = defaultdict(self._make_claim)
        self._workers: dict[str, set[str]] = defaultdict(set)  # uid of a Deployment → names of its pods
        self._room = asyncio.Semaphore(ACTS_AT_ONCE)
        self._at_work: dict[str, asyncio.Task[None]] = {}  # by uid

    async def run(self) -> None:
        """Do it without end."""
        acts: dict[str, Act] = {
            "PersistentVolumeClaim": self._bind,
            "KafkaTopic": self._make_ready,
            "KafkaUser": self._make_ready,
            "Job": self._train,
            "Deployment": self._roll_out,
        }
        async with asyncio.TaskGroup() as group:
            for kind, act in acts.items():
                group.create_task(self._follow(kind, act, group))

    async def _follow(self, kind: str, act: Act, group: asyncio.TaskGroup) -> None:
        async for deleted, body in self._kube.watch(kind):
            if not (deleted or body["metadata"].get("deletionTimestamp")):
                uid = body["metadata"]["uid"]
                before = self._at_work.get(uid)
                self._at_work[uid] = group.create_task(self._act_after(before, uid, act, body))

    async def _act_after(self, before: asyncio.Task[None] | None, uid: str, act: Act, body: Manifest) -> None:
        """Act on an object's states one after the other; what was deleted meanwhile needs nothing more."""
        if before is not None:
            await before
        async with self._room:
            try:
                await act(body)
            except ApiError as error:
                if error.status not in (404, 409):
                    raise
        if self._at_work.get(uid) is asyncio.current_task():
            del self._at_work[uid]

    async def _bind(self, claim: Manifest) -> None:
        status = {"phase": "Bound", "accessModes": claim["spec"]["accessModes"]}
        if claim["status"].get("phase") != "Bound":
            await self._kube.merge(claim, {"status": status}, "/status")

    async def _make_ready(self, resource: Manifest) -> None:
        metadata = resource["metadata"]
        status: Manifest = {"conditions": [READY], "observedGeneration": metadata["generation"]}
        if resource["kind"] == "KafkaUser":
            status |= {"username": f"CN={metadata['name']}", "secret": metadata["name"]}
        await self._kube.set_status(resource, status)

    async def _train(self, job: Manifest) -> None:
        if job["status"].get("conditions"):
            return
        now = _now()
        pod = _pod_of(job, f"{job['metadata']['name']}-{job['metadata']['uid'][:5]}")
        ended = {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}
        await self._run(pod, "Succeeded", {"terminated": ended | {"message": self._publish(job)}})
        times = {"lastProbeTime": now, "lastTransitionTime": now}
        conditions = [{"type": name, "status": "True"} | times for name in ("SuccessCriteriaMet", "Complete")]
        status = {"startTime": now, "completionTime": now, "succeeded": 1, "conditions": conditions}
        await self._kube.merge(job, {"status": status}, "/status")

    def _publish(self, job: Manifest) -> str:
        """Return the result of a Job's training: the claim's version of its hash, made if there is none."""
        metadata = job["metadata"]
        claim = self._claims[metadata["namespace"], metadata["labels"][MODEL_LABEL]]
        wanted: str = metadata["labels"][HASH_LABEL]
        known = next((each for each in claim if each.hash == wanted), None)
        made = known or VersionSummary(claim[0].version + 1 if claim else 1, wanted, 0.95, 940, _now())
        if known is None:
            claim.insert(0, made)
            del claim[max(5, self._older) :]
        result = TrainingResult(
            version=made.version,
            hash=wanted,
            already_present=known is not None,
            accuracy=made.accuracy,
            photos=made.photos,
            training_photos=3760,
            unreadable_photos=0,
            dataset_digest=f"sha256:{'a' * 64}",
            digest=f"sha256:{'b' * 64}",
            trained_at=made.trained_at,
            versions=tuple(claim),
        )
        return msgspec.json.encode(result).decode()

    def _make_claim(self) -> list[VersionSummary]:
        numbers = range(self._older, 0, -1)
        return [VersionSummary(number, f"{number:010x}", 0.9, 940, _now()) for number in numbers]

    async def _roll_out(self, deployment: Manifest) -> None:
        metadata, replicas = deployment["metadata"], deployment["spec"]["replicas"]
        if deployment["status"].get("observedGeneration") == metadata["generation"]:
            return
        template = deployment["spec"]["template"]["metadata"]["labels"]
        version = template.get("catdog.dev/model-version", "0")
        wanted = {f"{metadata['name']}-{version}-{index}" for index in range(replicas)}
        there = self._workers[metadata["uid"]]
        for name in wanted - there:
            await self._run(_pod_of(deployment, name), "Running", {"running": {"startedAt": _now()}})
        counts = dict.fromkeys(
            ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas
        )
        status = counts | {"observedGeneration": metadata["generation"]}
        await self._kube.merge(deployment, {"status": status}, "/status")
        for name in there - wanted:
            await self._kube.delete("Pod", metadata["namespace"], name)
        self._workers[metadata["uid"]] = wanted

    async def _run(self, pod: Manifest, phase: str, state: Manifest) -> None:
        """Make a pod, and its status as a kubelet would."""
        try:
            await self._kube.create(pod)
        except ApiError as error:
            if error.status != 409:  # an earlier stand-in may have made it
                raise
        [container] = pod["spec"]["containers"]
        running = phase == "Running"
        told = {"name": container["name"], "image": container["image"], "imageID": "", "restartCount": 0}
        told |= {"ready": running, "started": running, "state": state}
        conditions = [READY | {"lastTransitionTime": _now()}] if running else []
        status = {"phase": phase, "containerStatuses": [told], "conditions": conditions}
        await self._kube.merge(pod, {"status": status}, "/status")


def _pod_of(owner: Manifest, name: str) -> Manifest:
    """Return a pod by an owner's template."""
    metadata, template = owner["metadata"], owner["spec"]["template"]
    reference: dict[str, Any] = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": template["metadata"]["labels"],
            "ownerReferences": [reference],
        },
        "spec": template["spec"],
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
