"""Whatever happens in whatever order: the operator comes to rest, and never breaks what serves."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog_common.training import Comparison, TrainingResult, VersionSummary
from tests.unit.operator.world import PETS, World

Event = Callable[["History"], None]


class History:
    """A model's life: what has been trained is on the claim, whatever the operator knows of it."""

    def __init__(self) -> None:
        self.world = World()
        self.spec: dict[str, object] = {}
        self.training: dict[str, object] = {}
        self.claim: dict[int, str] = {}  # version → hash
        self.published = 0
        self.correct = 900  # of 1000 validation photos, by the next version
        self.records: dict[int, tuple[int, int]] = {}  # version → its right ones, and those of the one before
        self.serving_before: int | None = None
        self.apply()

    def apply(self) -> None:
        """Write the resource, as a person does."""
        training = {"dataset": {"sample": {}}} | self.training
        self.world.api.put_model(training=training, **self.spec)

    async def live(self, event: Event) -> None:
        """Let something happen, then let the operator act, twice: the second time there is nothing to do."""
        event(self)
        start, before = len(self.world.api.journal), self.served()
        await self.world.reconcile()
        self.check(self.world.api.journal[start:], before)
        assert (await self.world.reconcile())[0] == [], f"after {event} it does not come to rest"

    def edit_epochs(self, epochs: int | None) -> None:
        """Edit the training, or take the edit back."""
        self.training = {} if epochs is None else {"epochs": epochs}
        self.apply()

    def scale(self, replicas: int) -> None:
        """Scale the model."""
        self.spec["inference"] = {"replicas": replicas}
        self.apply()

    def pin(self, version: int | None) -> None:
        """Pin a version, or take the pin away."""
        self.spec["inference"] = {} if version is None else {"modelVersion": version}
        self.apply()

    def shadow(self, version: int | None) -> None:
        """Put a version into the shadow of what serves, or take it out; the pin stays."""
        inference = self.spec.get("inference", {})
        assert isinstance(inference, dict)
        others = {name: value for name, value in inference.items() if name != "shadowVersion"}
        if version is not None and version != others.get("modelVersion"):  # which is refused at apply
            others["shadowVersion"] = version
        self.spec["inference"] = others
        self.apply()

    def guard(self, **promotion: object) -> None:
        """Edit the gate."""
        self.spec["promotion"] = promotion
        self.apply()

    def keep(self, versions: int) -> None:
        """Edit how many versions are kept."""
        self.spec["storage"] = {"keepVersions": versions}
        self.apply()

    def pause(self, *, paused: bool) -> None:
        """Pause the model, or let it go on."""
        self.spec["paused"] = paused
        self.apply()

    def learn(self, correct: int) -> None:
        """Let the next versions be as good as this."""
        self.correct = correct

    def give_memory(self) -> None:
        """Edit what the trainer's pod asks for."""
        self.training = self.training | {"pod": {"resources": {"limits": {"memory": "6Gi"}}}}
        self.apply()

    def succeed(self) -> None:
        """Let the training that runs succeed."""
        self.end_jobs("succeed")

    def fail_on_data(self) -> None:
        """Let the training that runs find its data at fault."""
        self.end_jobs("fail")

    def crash(self) -> None:
        """Let the training that runs crash."""
        self.end_jobs("crash")

    def roll_out(self) -> None:
        """Make the workers ready, and the shadow."""
        for name in ("pets-inference", "pets-shadow"):
            if self.deployment(name) is not None:
                self.world.roll_out(name)

    def lose_kafka(self) -> None:
        """Take the Kafka cluster away."""
        self.world.api.objects.pop(("Kafka", "kafka", "my-cluster"), None)

    def lose_status(self) -> None:
        """Restore the resource from a backup, which has no status."""
        self.world.api.set_status("CatDogModel", "pets", {})

    def pass_an_hour(self) -> None:
        """Let time pass."""
        self.world.api.time += timedelta(hours=1)

    def scale_behind_its_back(self) -> None:
        """Scale the Deployment itself."""
        if (body := self.deployment()) is not None:
            self.world.api.put(body | {"spec": body["spec"] | {"replicas": 9}})

    def end_jobs(self, event: str) -> None:
        """End each Job that runs; one whose version is on the claim answers with that."""
        for job in self.jobs():
            if job.get("status") or job["metadata"].get("deletionTimestamp"):
                continue
            if event == "succeed":
                self.world.end_training(job["metadata"]["name"], 0, self.train(job))
            elif event == "crash":
                self.world.end_training(job["metadata"]["name"], 1, "ValueError")
            else:
                self.world.end_training(
                    job["metadata"]["name"],
                    65,
                    json.dumps({"reason": "DataNotFound", "message": "no photos"}),
                )

    def train(self, job: dict[str, Any]) -> str:
        """Do what a trainer does: remove what it is told to, see to a version, report all that is there."""
        [container] = job["spec"]["template"]["spec"]["containers"]
        told = {each["name"]: each["value"] for each in container["env"]}
        pruned = {int(number) for number in told.get("CATDOG_PRUNE_VERSIONS", "").split(",") if number}
        kept = {self.served(), self.named("modelVersion"), self.named("shadowVersion")}
        assert not pruned & kept, "it removes what serves, is pinned, or is a shadow"
        self.claim = {number: each for number, each in self.claim.items() if number not in pruned}
        training_hash = told["CATDOG_TRAINING_HASH"]
        if training_hash not in self.claim.values():
            self.published += 1
            self.claim[self.published] = training_hash
            champion = int(told.get("CATDOG_CHAMPION_VERSION", "0"))
            self.records[self.published] = (self.correct, champion)
        return self.result(training_hash)

    def result(self, training_hash: str) -> str:
        """Return what a trainer reports, with the whole claim's inventory."""
        summaries = [self.summary(number) for number in sorted(self.claim, reverse=True)]
        own = next(each for each in summaries if each.hash == training_hash)
        result = TrainingResult(
            version=own.version,
            hash=own.hash,
            already_present=False,
            accuracy=own.accuracy,
            photos=own.photos,
            training_photos=4000,
            unreadable_photos=0,
            dataset_digest="sha256:aa",
            digest="sha256:bb",
            trained_at=own.trained_at,
            versions=tuple(summaries),
            comparison=own.comparison,
        )
        return msgspec.json.encode(result).decode()

    def summary(self, number: int) -> VersionSummary:
        """Return what the inventory says of a version."""
        correct, champion = self.records[number]
        counts = Comparison(champion, 1000, correct, self.records[champion][0]) if champion else None
        hash_ = self.claim[number]
        return VersionSummary(number, hash_, correct / 1000, 1000, "2026-03-01T11:59:00Z", counts)

    def served(self) -> int | None:
        """Return the version that the Deployment names."""
        if (deployment := self.deployment()) is None:
            return None
        return int(deployment["spec"]["template"]["metadata"]["labels"]["catdog.dev/model-version"])

    def named(self, field: str) -> int | None:
        """Return the version that was named when the Job was made, as far as the operator could know."""
        inference = self.spec.get("inference", {})
        assert isinstance(inference, dict)
        known = [each["version"] for each in self.world.status().get("versions", [])]
        return inference.get(field) if inference.get(field) in known else None

    def let_jobs_go(self) -> None:
        """Finish the deletions that wait, as Kubernetes does once the pods have ended."""
        shadow = self.deployment("pets-shadow")
        if shadow is not None and shadow["metadata"].get("deletionTimestamp"):
            self.world.api.remove("Deployment", "pets-shadow")
        for job in self.jobs():
            if job["metadata"].get("deletionTimestamp"):
                name = job["metadata"]["name"]
                self.world.api.objects.pop(("Pod", "kafka", f"{name}-1"), None)
                self.world.api.remove("Job", name)

    def jobs(self) -> list[dict[str, Any]]:
        """Return the Jobs."""
        return [body for (kind, _, _), body in list(self.world.api.objects.items()) if kind == "Job"]

    def deployment(self, name: str = "pets-inference") -> dict[str, Any] | None:
        """Return the Deployment of the workers, or of the shadow, if there is one."""
        return self.world.api.objects.get(("Deployment", "kafka", name))

    def check(self, writes: list[str], before: int | None) -> None:
        """Hold what has been written against what is promised."""
        assert len(self.jobs()) <= 1, "two trainers on one claim"
        never = ("delete Deployment pets-inference", "delete Pers", "apply Job", "apply Pers")
        assert not [each for each in writes if each.startswith(never)]
        assert len(writes) == len(set(writes)) or writes.count("report pets") == 2, writes
        paused = self.spec.get("paused")
        assert not paused or set(writes) <= {"report pets"} | {each for each in writes if "Event" in each}
        if (served := self.served()) is not None:
            assert served in self.claim, "what serves is on the claim"
        assert before is None or served is not None, "what serves is never taken away"

    async def settle(self) -> None:
        """Let the cluster do what it does on its own, until the model is ready."""
        for event in ON_ITS_OWN * 4:
            await self.live(event)


def pin(version: int | None) -> Event:
    return lambda history: history.pin(version)


def shadow(version: int | None) -> Event:
    return lambda history: history.shadow(version)


def guard(**promotion: object) -> Event:
    return lambda history: history.guard(**promotion)


def keep(versions: int) -> Event:
    return lambda history: history.keep(versions)


def pause(*, paused: bool) -> Event:
    return lambda history: history.pause(paused=paused)


def learn(correct: int) -> Event:
    return lambda history: history.learn(correct)


def edit_epochs(epochs: int | None) -> Event:
    return lambda history: history.edit_epochs(epochs)


def scale(replicas: int) -> Event:
    return lambda history: history.scale(replicas)


def act_as_strimzi(history: History) -> None:
    history.world.act_as_strimzi()


def add_kafka(history: History) -> None:
    history.world.add_kafka()


def restart(history: History) -> None:
    history.world.start_operator()


ON_ITS_OWN: tuple[Event, ...] = (
    add_kafka,
    act_as_strimzi,
    History.pass_an_hour,
    History.let_jobs_go,
    History.succeed,
    History.roll_out,
)
EVENTS: tuple[Event, ...] = (
    *ON_ITS_OWN,
    *(edit_epochs(epochs) for epochs in (None, 1, 2)),
    *(scale(replicas) for replicas in (0, 1, 3)),
    *(pin(version) for version in (None, 1, 2, 7)),
    *(shadow(version) for version in (None, 1, 2, 7)),
    *(learn(correct) for correct in (700, 900, 990)),
    *(keep(versions) for versions in (1, 2, 5)),
    *(pause(paused=paused) for paused in (True, False)),
    guard(),
    guard(policy="Manual"),
    guard(minAccuracy=0.8, maxAccuracyDrop=0.02),
    History.give_memory,
    History.fail_on_data,
    History.crash,
    History.lose_kafka,
    History.lose_status,
    History.scale_behind_its_back,
    restart,
)
# What a person does to have the present settings served: the edit is what a training that crashed waits for.
HEALED: tuple[Event, ...] = (pause(paused=False), pin(None), guard(), edit_epochs(3))
HISTORIES = st.lists(st.sampled_from(EVENTS), max_size=30)


@settings(max_examples=100)
@given(HISTORIES)
def test_after_any_history_a_healthy_cluster_makes_the_model_ready(events: list[Event]) -> None:
    async def run() -> None:
        history = History()
        for event in events:
            await history.live(event)
        for event in HEALED:
            await history.live(event)
        await history.settle()
        status = history.world.status()
        [ready] = [each for each in status["conditions"] if each["type"] == "Ready"]
        assert ready["status"] == "True", status
        served = history.claim[status["inference"]["servedVersion"]]
        assert served == status["training"]["hash"]
        assert (
            history.world.api.objects["CatDogModel", *PETS]["metadata"]["generation"]
            == (status["observedGeneration"])
        )
        await cast_a_shadow(history, status["inference"]["servedVersion"])

    asyncio.run(run())


async def cast_a_shadow(history: History, served: int) -> None:
    """Put another version into the shadow, train with room for one version meanwhile, and take it out."""
    shadows = [version for version in history.claim if version != served]
    if not shadows:
        return
    for event in (shadow(shadows[-1]), keep(1), edit_epochs(4)):
        await history.live(event)
        await history.settle()
        assert history.deployment("pets-shadow") is not None
    assert shadows[-1] in history.claim
    await history.live(shadow(None))
    await history.settle()
    assert history.deployment("pets-shadow") is None
