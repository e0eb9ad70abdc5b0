"""A cluster in memory with an operator in it, and with what Kubernetes and Strimzi do in between."""

from typing import Any, cast

from catdog_operator.api import Api
from catdog_operator.cluster import Cluster
from catdog_operator.metrics import Metrics
from catdog_operator.observed import Surroundings
from catdog_operator.reconcile import Outcome, reconcile
from catdog_operator.store import Key, Store
from tests.unit.operator.builders import IMAGES, RETRY, some_result
from tests.unit.operator.fake_api import FakeApi

PETS = Key("kafka", "pets")
JOB = "pets-train-572360246d"


class World:
    """A cluster in memory, an operator, and what Kubernetes and Strimzi do in between."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        self.api = FakeApi()
        self.metrics = metrics or Metrics()
        self.start_operator()

    def start_operator(self, *namespaces: str) -> None:
        """Start the operator, with nothing in its memory; it watches these namespaces, or all."""
        self.store = Store()
        surroundings = Surroundings(
            IMAGES, openshift=False, retry=RETRY, parallel_rollouts=2, namespaces=namespaces
        )
        self.cluster = Cluster(cast("Api", self.api), self.store, surroundings, self.metrics)

    async def reconcile(self) -> tuple[list[str], Outcome]:
        """Let the operator hear of everything and act; return what it wrote."""
        self.api.tell(self.store)
        start = len(self.api.journal)
        outcome = await reconcile(self.cluster, PETS)
        return self.api.journal[start:], outcome

    def add_kafka(self) -> None:
        """Bring the Kafka cluster."""
        listener = {"name": "tls", "bootstrapServers": "my-cluster-kafka-bootstrap.kafka.svc:9093"}
        self.add("Kafka", "my-cluster", status={"listeners": [listener]})

    def act_as_strimzi(self) -> None:
        """Make topics and users ready."""
        ready = [{"type": "Ready", "status": "True"}]
        for (kind, _, name), body in list(self.api.objects.items()):
            status = {"conditions": ready, "observedGeneration": body["metadata"]["generation"]}
            if kind == "KafkaTopic":
                self.api.set_status(kind, name, status)
            if kind == "KafkaUser":
                self.api.set_status(kind, name, status | {"secret": name})

    def end_training(self, job: str, exit_code: int, message: str) -> None:
        """End a Job's pod and the Job."""
        body = self.api.objects["Job", "kafka", job]
        labels = body["metadata"]["labels"] | {"batch.kubernetes.io/controller-uid": body["metadata"]["uid"]}
        end = {"exitCode": exit_code, "message": message, "finishedAt": "2026-03-01T12:00:00Z"}
        status = {"containerStatuses": [{"state": {"terminated": end}}]}
        self.add("Pod", f"{job}-1", status=status, labels=labels)
        kind = "Complete" if exit_code == 0 else "Failed"
        times = {"lastTransitionTime": "2026-03-01T12:00:00Z"}
        self.api.set_status("Job", job, {"conditions": [{"type": kind, "status": "True"} | times]})

    def roll_out(self, name: str = "pets-inference") -> None:
        """Make a Deployment's pods ready."""
        body = self.api.objects["Deployment", "kafka", name]
        replicas = body["spec"]["replicas"]
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas"), replicas)
        generation = {"observedGeneration": body["metadata"]["generation"]}
        self.api.set_status("Deployment", name, counts | generation)

    def status(self) -> dict[str, Any]:
        """Return the model's status."""
        status: dict[str, Any] = self.api.objects["CatDogModel", *PETS]["status"]
        return status

    def reason(self, kind: str) -> str:
        """Return a condition's reason."""
        [reason] = [each["reason"] for each in self.status()["conditions"] if each["type"] == kind]
        return str(reason)

    def add(self, kind: str, name: str, status: dict[str, Any], **metadata: object) -> None:
        """Bring an object."""
        body = {"kind": kind, "metadata": {"name": name, "namespace": "kafka", **metadata}, "status": status}
        self.api.put(body)


async def trained_world() -> World:
    """Return a world in which version 1 is on the claim, and its Deployment is made."""
    world = World()
    world.add_kafka()
    world.api.put_model()
    await world.reconcile()
    world.act_as_strimzi()
    world.end_training(JOB, 0, some_result(1, "572360246d"))
    await world.reconcile()
    return world


async def serving_world() -> World:
    """Return a world in which version 1 serves."""
    world = await trained_world()
    world.roll_out()
    await world.reconcile()
    return world
