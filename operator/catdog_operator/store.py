"""What the watches have told of the cluster, found by name, by model, and by who refers to it."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import msgspec

from catdog_operator.kinds import DEPLOYMENT, KIND_OF, MODEL, Kind
from catdog_operator.resource import CatDogModel, parse_model
from catdog_operator.views import MODEL_LABEL, NAMESPACE_LABEL, WHEN_DELETED_ANNOTATION, Seen

Body = dict[str, Any]


class Key(NamedTuple):
    """A model."""

    namespace: str
    name: str


class Reference(NamedTuple):
    """An object by its name."""

    kind: str
    namespace: str
    name: str


class Known(msgspec.Struct, frozen=True, gc=False):
    """An object, packed as JSON: a tenth of what it takes as dicts, and as quickly read as a view."""

    revision: int
    uid: str
    model: Key | None
    packed: bytes


class Store:
    """The newest state of each object that is known.

    It takes what the watches tell and what writes answer, so that a decision sees the operator's own writes.
    kopf's indexes cannot do that, nor forget what was deleted while a watch was broken.
    """

    def __init__(self) -> None:
        self._objects: dict[Reference, Known] = {}
        self._children: dict[Key, set[Reference]] = defaultdict(set)
        self._referrers: dict[Reference, set[Key]] = defaultdict(set)
        self._references: dict[Key, frozenset[Reference]] = {}
        self._rolling: set[Reference] = set()
        self._marked: set[Reference] = set()
        self._gone: set[str] = set()  # uids, which never come again

    def put(self, kind: Kind, body: Body) -> bool:
        """Take an object's state, unless it, a newer one or its end is known; return whether it is news."""
        if body["metadata"]["uid"] in self._gone:
            return False
        reference = reference_of(kind, body)
        known = self._objects.get(reference)
        if known is not None and known.revision >= _revision(body):
            return False
        body["metadata"].pop("managedFields", None)  # half of an object's size, and never read
        model = _model_of(body)
        uid = body["metadata"]["uid"]
        self._objects[reference] = Known(_revision(body), uid, model, msgspec.json.encode(body))
        if known is not None and known.model is not None and known.model != model:  # its label was changed
            self._children[known.model].discard(reference)
        if model is not None:
            self._children[model].add(reference)
        if kind is DEPLOYMENT and not _is_shadow(body) and is_rolling(body):
            self._rolling.add(reference)
        else:
            self._rolling.discard(reference)
        if WHEN_DELETED_ANNOTATION in body["metadata"].get("annotations", {}):
            self._marked.add(reference)
        else:
            self._marked.discard(reference)
        return True

    def drop(self, kind: Kind, body: Body) -> None:
        """Forget an object that was deleted; one that was made since under its name stays."""
        reference = reference_of(kind, body)
        self._gone.add(body["metadata"]["uid"])
        known = self._objects.get(reference)
        if known is not None and known.uid == body["metadata"]["uid"]:
            self._forget(reference)

    def prepare_lists(self) -> None:
        """Forget what went until now: lists that are asked for from here on do not have it."""
        self._gone.clear()

    def retain(self, kind: Kind, listed: Collection[Reference], revision: int) -> None:
        """Forget those of a kind that a list did not have which was made at `revision`.

        What was written since the list was made is not in it, and stays.
        """
        known = [(ref, each) for ref, each in self._objects.items() if ref.kind == kind.name]
        for reference, each in known:
            if reference not in listed and each.revision <= revision:
                self._forget(reference)

    def get(self, kind: Kind, namespace: str, name: str) -> Body | None:
        """Return an object, or None where it is not there."""
        known = self._objects.get(Reference(kind.name, namespace, name))
        return None if known is None else _unpack(known)

    def see(self, kind: Kind, namespace: str, name: str, view: type[Seen]) -> Seen | None:
        """Return an object as `view`, or None where it is not there."""
        known = self._objects.get(Reference(kind.name, namespace, name))
        return None if known is None else msgspec.json.decode(known.packed, type=view)

    def see_children(self, kind: Kind, model: Key, view: type[Seen]) -> Iterator[Seen]:
        """Yield the objects of a kind that are labelled as a model's, in the order of their names."""
        references = (ref for ref in self._children.get(model, ()) if ref.kind == kind.name)
        for reference in sorted(references):
            yield msgspec.json.decode(self._objects[reference].packed, type=view)

    def rolling(self) -> set[Key]:
        """Return the models whose pods are being replaced."""
        models = (self._objects[reference].model for reference in self._rolling)
        return {model for model in models if model is not None}

    def models(self) -> list[Key]:
        """Return all models."""
        return [Key(ref.namespace, ref.name) for ref in self._objects if ref.kind == MODEL.name]

    def see_models(self) -> Iterator[CatDogModel]:
        """Yield all models."""
        return (parse_model(_unpack(self._objects[ref])) for ref in self._objects if ref.kind == MODEL.name)

    def see_left_behind(self, kind: Kind, view: type[Seen]) -> Iterator[Seen]:
        """Yield those of a kind whose model is gone, and of which it is said what becomes of them then."""
        there = set(self.models())
        for reference in sorted(self._marked):
            known = self._objects[reference]
            if reference.kind == kind.name and known.model not in there:
                yield msgspec.json.decode(known.packed, type=view)

    def left_behind(self) -> set[Key]:
        """Return the models that are gone, of whose objects it is said what becomes of them."""
        models = (self._objects[reference].model for reference in self._marked)
        return {model for model in models if model} - set(self.models())

    def uids(self, kinds: Collection[Kind]) -> set[str]:
        """Return the uids of all objects of these kinds."""
        names = {kind.name for kind in kinds}
        return {known.uid for reference, known in self._objects.items() if reference.kind in names}

    def refer(self, model: Key, references: frozenset[Reference]) -> None:
        """Note which objects a model names."""
        for reference in self._references.pop(model, frozenset()) - references:
            self._referrers[reference].discard(model)
        for reference in references:
            self._referrers[reference].add(model)
        if references:
            self._references[model] = references

    def models_about(self, kind: Kind, body: Body) -> set[Key]:
        """Return the models that an object concerns: its own, now or before, and those that name it."""
        if kind is MODEL:
            return {Key(body["metadata"]["namespace"], body["metadata"]["name"])}
        reference = reference_of(kind, body)
        known = self._objects.get(reference)
        owners = (_model_of(body), known.model if known else None)
        return self._referrers.get(reference, set()) | {owner for owner in owners if owner is not None}

    def _forget(self, reference: Reference) -> None:
        known = self._objects.pop(reference)
        self._gone.add(known.uid)
        self._rolling.discard(reference)
        self._marked.discard(reference)
        if known.model is not None:
            self._children[known.model].discard(reference)
        if reference.kind == MODEL.name:
            self.refer(Key(reference.namespace, reference.name), frozenset())


def is_rolling(body: Body) -> bool:
    """Return whether a Deployment's pods are being replaced, and it has not given up on it."""
    spec, status = body["spec"], body.get("status", {})
    counts = (status.get(count, 0) for count in ("replicas", "updatedReplicas", "readyReplicas"))
    behind = status.get("observedGeneration", 0) < body["metadata"]["generation"]
    given_up = any(
        (each["type"], each["status"]) == ("Progressing", "False") for each in status.get("conditions", [])
    )
    return (behind or any(count != spec["replicas"] for count in counts)) and not given_up


def _is_shadow(body: Body) -> bool:
    """Return whether a Deployment is a shadow's, for which nobody has to wait."""
    component = body["metadata"].get("labels", {}).get("app.kubernetes.io/component")
    return bool(component == "shadow")


def kind_of(body: Body) -> Kind:
    """Return the kind of an object."""
    return KIND_OF[body["kind"]]


def reference_of(kind: Kind, body: Body) -> Reference:
    """Return an object's name."""
    return Reference(kind.name, body["metadata"]["namespace"], body["metadata"]["name"])


def _unpack(known: Known) -> Body:
    body: Body = msgspec.json.decode(known.packed)
    return body


def _revision(body: Body) -> int:
    # Comparable as integers, and documented so since Kubernetes 1.35 (KEP-5504); etcd's revision before.
    return int(body["metadata"]["resourceVersion"])


def _model_of(body: Body) -> Key | None:
    metadata = body["metadata"]
    labels = metadata.get("labels", {})
    name = labels.get(MODEL_LABEL)
    return Key(labels.get(NAMESPACE_LABEL, metadata["namespace"]), name) if name else None
