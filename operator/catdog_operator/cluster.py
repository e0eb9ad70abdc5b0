"""The cluster: observes a model and its surroundings, applies a plan, reports a status."""

import logging
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager

import msgspec

from catdog_operator.api import Api, RefusedError
from catdog_operator.drift import differs, merge_patch
from catdog_operator.kinds import (
    ACCESS,
    CLAIM,
    DEPLOYMENT,
    EVENT,
    JOB,
    KAFKA,
    KIND_OF,
    KINDS,
    MODEL,
    POD,
    TOPIC,
    USER,
    Kind,
)
from catdog_operator.manifests.common import Manifest
from catdog_operator.metrics import Metrics
from catdog_operator.observed import Observed, Surroundings
from catdog_operator.plan import Plan
from catdog_operator.plan.leftovers import find_leftovers
from catdog_operator.plan.pod_trouble import find_stuck
from catdog_operator.readings import Readings
from catdog_operator.references import references
from catdog_operator.resolve import Resolved, resolve
from catdog_operator.resource import CatDogModel, parse_model, short_digest
from catdog_operator.status import Refusal
from catdog_operator.status_fields import ModelStatus
from catdog_operator.store import Body, Key, Reference, Store, reference_of
from catdog_operator.strimzi_views import KafkaAccess, KafkaCluster, KafkaTopic, KafkaUser
from catdog_operator.views import (
    APPLIED_ANNOTATION,
    Deployment,
    Job,
    Metadata,
    PersistentVolumeClaim,
    Pod,
    Seen,
)

logger = logging.getLogger(__name__)


class Applied(msgspec.Struct, frozen=True):
    """What became of a plan: whether anything was written, and what was refused."""

    changed: bool
    refusals: tuple[Refusal, ...]


class Kinds(msgspec.Struct, frozen=True):
    """The kinds that cannot be read: the cluster does not serve them, or the operator has no right to."""

    missing: frozenset[Kind] = frozenset()
    forbidden: frozenset[Kind] = frozenset()

    @property
    def unreadable(self) -> frozenset[Kind]:
        """Both."""
        return self.missing | self.forbidden


class Cluster:
    """The one part of the operator that talks to the API server; it decides nothing."""

    def __init__(
        self, api: Api, store: Store, surroundings: Surroundings, metrics: Metrics | None = None
    ) -> None:
        self._api = api
        self._metrics = metrics or Metrics()
        self._store = store
        self._surroundings = surroundings
        self._readings = Readings(api)
        self._upkeep: set[Key] = set()  # models whose pods are to be replaced, and are not yet
        self.kinds = Kinds()  # as found last

    async def observe(self, key: Key) -> Observed | None:
        """Return all that a decision on a model depends on, or None where the model is gone or going."""
        body = self._store.get(MODEL, *key)
        if body is None or body["metadata"].get("deletionTimestamp"):
            self._readings.forget(key)
            return None
        model = parse_model(body)
        resolved, kafka = resolve(model), model.spec.kafka
        access = self._get(ACCESS, key, kafka.access.name, KafkaAccess) if kafka.access else None
        self._store.refer(key, references(model, resolved, access))
        pods = list(self._children(POD, key, Pod))
        training = tuple(pod for pod in pods if _component(pod) == "training")
        workers = tuple(pod for pod in pods if _component(pod) == "inference")
        shadows = tuple(pod for pod in pods if _component(pod) == "shadow")
        jobs, now = tuple(self._children(JOB, key, Job)), self._api.now()
        claim = self._get(CLAIM, key, resolved.claim_name, PersistentVolumeClaim)
        dataset_claim = self._dataset_claim(model, key)
        claims = [each for each in (claim, dataset_claim) if each is not None]
        return Observed(
            model=model,
            surroundings=self._surroundings,
            now=now,
            claim=claim,
            dataset_claim=dataset_claim,
            jobs=jobs,
            training_pods=training,
            inference_pods=workers,
            deployment=self._get(DEPLOYMENT, key, resolved.deployment_name, Deployment),
            shadow_pods=shadows,
            shadow_deployment=self._get(DEPLOYMENT, key, resolved.shadow_name, Deployment),
            strimzi_installed=self.kinds.missing.isdisjoint((KAFKA, TOPIC, USER)),
            forbidden=tuple(sorted(kind.name for kind in self.kinds.forbidden)),
            access_installed=ACCESS not in self.kinds.missing,
            access=access,
            kafka=self._kafka(model, resolved, access),
            topics=self._topics(resolved) if kafka.strimzi else {},
            former_topics=self._former_topics(key, resolved) if kafka.strimzi else (),
            user=self._get(USER, key, resolved.user_name, KafkaUser) if kafka.strimzi else None,
            progress=await self._readings.progress(key, training),
            complaint=await self._readings.complaint(
                key, workers, told=model.status.message_of("Serving", "OnlyBadImages")
            ),
            shadow_log=await self._readings.shadow(key, shadows),
            events=await self._readings.events(key, find_stuck(jobs, pods, claims, now)),
            # Last, so that nothing else happens between this count and the decision.
            rollouts_elsewhere=len((self._store.rolling() | self._upkeep) - {key}),
        )

    @contextmanager
    def upkeep(self, key: Key, plan: Plan) -> Iterator[None]:
        """Let others count this model among those whose pods are replaced, from its decision on."""
        if plan.serving.upkeep:
            self._upkeep.add(key)
        try:
            yield
        finally:
            self._upkeep.discard(key)

    async def apply(self, plan: Plan) -> Applied:
        """Write what is wanted and differs, and delete what is unwanted."""
        outcomes = [
            *[await self._delete(JOB, job.metadata) for job in plan.delete],
            *[await self._delete(DEPLOYMENT, each.metadata) for each in (plan.shadow.delete,) if each],
            *[await self._apply(manifest) for manifest in plan.apply],
            *[await self._create(manifest) for manifest in plan.create],  # a pod after its network's policy
        ]
        refusals = tuple(outcome for outcome in outcomes if isinstance(outcome, Refusal))
        return Applied(any(outcome is True for outcome in outcomes), refusals)

    async def sweep(self, key: Key) -> Applied:
        """Delete what is to go with models that are gone, if `key` is one of them."""
        if self._store.get(MODEL, *key) is not None or self.kinds.unreadable & {MODEL, TOPIC}:
            return Applied(changed=False, refusals=())
        left_behind = self._store.see_left_behind(TOPIC, KafkaTopic)
        # Of a model in a namespace that is not watched nobody here knows whether it is gone.
        watches = self._surroundings.watches
        orphans = tuple(topic for topic in left_behind if watches(topic.model_namespace))
        leftovers = find_leftovers(orphans, self._store.see_models()) if orphans else ()
        outcomes = [await self._delete(TOPIC, topic.metadata) for topic in leftovers]
        return Applied(bool(outcomes), tuple(each for each in outcomes if isinstance(each, Refusal)))

    async def announce(self, events: tuple[Manifest, ...]) -> None:
        """Make Events; one that is there already has been made before."""
        for event in events:
            try:
                await self._api.create(EVENT, event)
            except RefusedError as error:
                if error.status != 409:  # a namespace that goes, or rights that were taken: no reason to stop
                    logger.warning("an Event was refused", extra={"error": str(error)})

    async def report(self, key: Key, status: ModelStatus) -> bool:
        """Write a status where it differs from what is there; return whether it did."""
        body = self._store.get(MODEL, *key)
        if body is None:
            return False
        wanted = msgspec.json.decode(msgspec.json.encode(status))  # as the API server will give it back
        former = body.get("status", {})
        patch = merge_patch(wanted, former)
        if not patch:
            return False
        try:
            self._store.put(MODEL, await self._api.patch_status(MODEL, *key, patch))
        except RefusedError as error:
            if error.status == 404:  # deleted meanwhile
                return False
            raise
        if (reason := _new_failure(wanted, former)) is not None:
            self._metrics.training_failures.labels(reason).inc()
        return True

    async def look_at_kinds(self) -> Kinds:
        """Return which kinds are not to be read, and why; decisions go by what was found last."""
        missing = frozenset([kind for kind in KINDS if not await self._api.has_kind(kind)])
        served = [kind for kind in KINDS if kind not in missing]
        self.kinds = Kinds(
            missing, frozenset([kind for kind in served if not await self._api.may_list(kind)])
        )
        return self.kinds

    async def resync(self) -> list[Key]:
        """List everything again, for what a broken watch may have missed; return models, gone ones too."""
        self._store.prepare_lists()
        for kind in KINDS:
            if kind not in self.kinds.unreadable:
                await self._resync(kind)
        return [*self._store.models(), *self._store.left_behind()]

    def uids(self) -> set[str]:
        """Return the uids of all objects that are known and watched."""
        return self._store.uids([kind for kind in KINDS if kind not in self.kinds.unreadable])

    async def _resync(self, kind: Kind) -> None:
        listed, revisions = set[Reference](), list[int]()
        async for page in self._api.list(kind):
            revisions.append(page.revision)
            for body in page.bodies:
                listed.add(reference_of(kind, body))
                self._store.put(kind, body)
        self._store.retain(kind, listed, min(revisions))

    async def _delete(self, kind: Kind, metadata: Metadata) -> bool | Refusal:
        namespace, name, uid = metadata.namespace, metadata.name, metadata.uid
        known = self._store.get(kind, namespace, name)
        try:
            answer = await self._api.delete(kind, namespace, name, uid)
        except RefusedError as error:
            if error.status not in (404, 409):  # gone already, or another object of that name
                return Refusal(kind.name, name, str(error))
            answer = {}
        logger.info("deleted", extra={"object": f"{kind.name} {namespace}/{name}"})
        if answer.get("kind") == kind.name:
            self._store.put(kind, answer)
        elif known is not None and known["metadata"]["uid"] == uid:  # not its successor of the same name
            self._store.drop(kind, known)
        return True

    async def _create(self, manifest: Manifest) -> bool | Refusal:
        return await self._write(manifest, self._api.create(KIND_OF[manifest["kind"]], manifest))

    async def _apply(self, manifest: Manifest) -> bool | Refusal:
        """Apply what differs in a leaf that is wanted, or from what was wanted when it was last applied."""
        kind, metadata = KIND_OF[manifest["kind"]], manifest["metadata"]
        marked = manifest | {
            "metadata": metadata
            | {"annotations": metadata.get("annotations", {}) | {APPLIED_ANNOTATION: short_digest(manifest)}}
        }
        there = self._store.get(kind, metadata["namespace"], metadata["name"])
        if there is not None and not differs(marked, there):
            return False
        # Nothing is forced on an object that is not known as ours: a conflict is a refusal, with its fields.
        return await self._write(marked, self._api.apply(kind, marked, force=there is not None), there)

    async def _write(
        self, manifest: Manifest, request: Awaitable[Body], there: Body | None = None
    ) -> bool | Refusal:
        """Write, and return whether that changed what is there: not so where admission rewrites it again."""
        kind, metadata = KIND_OF[manifest["kind"]], manifest["metadata"]
        try:
            body = await request
        except RefusedError as error:
            return Refusal(kind.name, metadata["name"], str(error))
        if there is not None and body["metadata"]["resourceVersion"] == there["metadata"]["resourceVersion"]:
            return False
        logger.info("written", extra={"object": f"{kind.name} {metadata['namespace']}/{metadata['name']}"})
        self._store.put(kind, body)
        return True

    def _get(self, kind: Kind, key: Key, name: str, view: type[Seen]) -> Seen | None:
        return self._store.see(kind, key.namespace, name, view)

    def _children(self, kind: Kind, key: Key, view: type[Seen]) -> Iterator[Seen]:
        return self._store.see_children(kind, key, view)

    def _dataset_claim(self, model: CatDogModel, key: Key) -> PersistentVolumeClaim | None:
        dataset = model.spec.training.dataset.persistent_volume_claim
        return self._get(CLAIM, key, dataset.claim_name, PersistentVolumeClaim) if dataset else None

    def _kafka(
        self, model: CatDogModel, resolved: Resolved, access: KafkaAccess | None
    ) -> KafkaCluster | None:
        if access:
            return self._store.see(KAFKA, access.kafka_namespace, access.spec.kafka.name, KafkaCluster)
        if strimzi := model.spec.kafka.strimzi:
            return self._store.see(KAFKA, resolved.kafka_namespace, strimzi.name, KafkaCluster)
        return None

    def _topics(self, resolved: Resolved) -> dict[str, KafkaTopic]:
        names = [topic.name for topic in resolved.all_topics]
        found = [self._store.see(TOPIC, resolved.kafka_namespace, name, KafkaTopic) for name in names]
        return {name: topic for name, topic in zip(names, found, strict=True) if topic is not None}

    def _former_topics(self, key: Key, resolved: Resolved) -> tuple[KafkaTopic, ...]:
        named = {(resolved.kafka_namespace, topic.name) for topic in resolved.all_topics}
        labelled = self._children(TOPIC, key, KafkaTopic)
        return tuple(each for each in labelled if (each.metadata.namespace, each.metadata.name) not in named)


def _new_failure(status: Body, former: Body) -> str | None:
    """Return the reason of a training's failure that the former status does not tell of."""
    failure, known = status.get("lastFailure"), former.get("lastFailure") or {}
    if failure is None or all(failure[name] == known.get(name) for name in ("hash", "time")):
        return None
    return str(failure["reason"])


def _component(pod: Pod) -> str | None:
    return pod.metadata.labels.get("app.kubernetes.io/component")
