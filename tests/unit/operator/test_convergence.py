"""Whatever happens in whatever order: the operator comes to rest, and never breaks what serves."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.operator.builders import some_result
from tests.unit.operator.world import PETS, World

Event = Callable[["History"], None]


class History:
    """A model's life: what has been trained is on the claim, whatever the operator knows of it."""

    def __init__(self) -> None:
        self.world = World()
        self.spec: dict[str, object] = {}
        self.training: dict[str, object] = {}
        self.claim: list[str] = []  # hashes, of version 1 and so on
        self.apply()

    def apply(self) -> None:
        """Write the resource, as a person does."""
        training = {"dataset": {"sample": {}}} | self.training
        self.world.api.put_model(training=training, **self.spec)

    async def live(self, event: Event) -> None:
        """Let something happen, then let the operator act, twice: the second time there is nothing to do."""
        event(self)
        start = len(self.world.api.journal)
        await self.world.reconcile()
        self.check(self.world.api.journal[start:])
        assert (await self.world.reconcile())[0] == [], f"after {event} it does not come to rest"

    def edit_epochs(self, epochs: int | None) -> None:
        """Edit the training, or take the edit back."""
        self.training = {} if epochs is None else {"epochs": epochs}
        self.apply()

    def scale(self, replicas: int) -> None:
        """Scale the model."""
        self.spec["inference"] = {"replicas": replicas}
        self.apply()

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
        """Make the workers ready."""
        if self.deployment() is not None:
            self.world.roll_out()

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
                training_hash = job["metadata"]["labels"]["catdog.dev/training-hash"]
                if training_hash not in self.claim:
                    self.claim.append(training_hash)
                self.world.end_training(job["metadata"]["name"], 0, self.result(training_hash))
            elif event == "crash":
                self.world.end_training(job["metadata"]["name"], 1, "ValueError")
            else:
                self.world.end_training(
                    job["metadata"]["name"],
                    65,
                    json.dumps({"reason": "DataNotFound", "message": "no photos"}),
                )

    def result(self, training_hash: str) -> str:
        """Return what a trainer reports, with the whole claim's inventory."""
        inventory = [(number, each) for number, each in enumerate(self.claim, start=1)]
        number = self.claim.index(training_hash) + 1
        return some_result(number, training_hash, *[each for each in inventory if each[0] != number])

    def let_jobs_go(self) -> None:
        """Finish the deletions that wait, as Kubernetes does once the pods have ended."""
        for job in self.jobs():
            if job["metadata"].get("deletionTimestamp"):
                name = job["metadata"]["name"]
                self.world.api.objects.pop(("Pod", "kafka", f"{name}-1"), None)
                self.world.api.remove("Job", name)

    def jobs(self) -> list[dict[str, Any]]:
        """Return the Jobs."""
        return [body for (kind, _, _), body in list(self.world.api.objects.items()) if kind == "Job"]

    def deployment(self) -> dict[str, Any] | None:
        """Return the Deployment, if there is one."""
        return self.world.api.objects.get(("Deployment", "kafka", "pets-inference"))

    def check(self, writes: list[str]) -> None:
        """Hold what has been written against what is promised."""
        assert len(self.jobs()) <= 1, "two trainers on one claim"
        never = ("delete Deployment", "delete Pers", "apply Job", "apply Pers")
        assert not [each for each in writes if each.startswith(never)]
        if (deployment := self.deployment()) is not None:
            version = deployment["spec"]["template"]["metadata"]["labels"]["catdog.dev/model-version"]
            assert 1 <= int(version) <= len(self.claim), "what serves is on the claim"

    async def settle(self) -> None:
        """Let the cluster do what it does on its own, until the model is ready."""
        for event in ON_ITS_OWN * 4:
            await self.live(event)


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
    History.give_memory,
    History.fail_on_data,
    History.crash,
    History.lose_kafka,
    History.lose_status,
    History.scale_behind_its_back,
    restart,
)
HISTORIES = st.lists(st.sampled_from(EVENTS), max_size=25)


@settings(max_examples=60, deadline=None)
@given(HISTORIES)
def test_after_any_history_a_healthy_cluster_makes_the_model_ready(events: list[Event]) -> None:
    async def run() -> None:
        history = History()
        for event in events:
            await history.live(event)
        await history.live(edit_epochs(3))  # which a training that crashed waits for
        await history.settle()
        status = history.world.status()
        [ready] = [each for each in status["conditions"] if each["type"] == "Ready"]
        assert ready["status"] == "True", status
        served = history.claim[status["inference"]["servedVersion"] - 1]
        assert served == status["training"]["hash"]
        assert (
            history.world.api.objects["CatDogModel", *PETS]["metadata"]["generation"]
            == (status["observedGeneration"])
        )

    asyncio.run(run())
