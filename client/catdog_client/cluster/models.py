"""The CatDogModels of a namespace: found, followed and edited."""

import math
import time
from collections.abc import Iterator
from threading import Event
from typing import Any

from catdog_client.cluster.api import GONE, NOT_FOUND, SERVER_FAULT, TOO_MANY_REQUESTS, Api, Refusal
from catdog_client.cluster.kubeconfig import Where, find_login
from catdog_client.cluster.model import Model, read_model
from catdog_client.errors import ClientError

GROUP, VERSION, PLURAL, KIND = "catdog.dev", "v1alpha1", "catdogmodels", "CatDogModel"
MODEL_LABEL = "catdog.dev/model"
FIELD_MANAGER = "catdog"

Body = dict[str, Any]

_PATIENCE_SECONDS = 60.0  # with an API server that does not answer while a model is followed
_PAUSE_SECONDS = 1.0


class Models:
    """The models of a namespace, and the API server that keeps them.

    Its methods raise ClientError: no API server answers, it refuses, or there is no such model.
    """

    def __init__(self, api: Api, namespace: str) -> None:
        self.api, self.namespace = api, namespace

    def list(self, *, everywhere: bool = False) -> list[Body]:
        """Return the models of the namespace, or of all."""
        return list(self._list(everywhere=everywhere)["items"])

    def get(self, name: str) -> Body:
        """Return a model as the API server has it."""
        try:
            body: Body = self.api.get(f"{self._path()}/{name}")
        except Refusal as error:
            if error.status != NOT_FOUND:
                raise
            raise Refusal(NOT_FOUND, self._explain_absence(name)) from error
        return body

    def find(self, name: str) -> Model:
        """Return a model, parsed."""
        return read_model(self.get(name))

    def edit(self, name: str, spec: Body) -> Model:
        """Merge into a model's spec; return it as it is now."""
        query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        return read_model(self.api.merge(f"{self._path()}/{name}", {"spec": spec}, query))

    def follow(self, name: str, seconds: float = math.inf) -> Iterator[Body]:
        """Yield a model as it is, and whenever it may have changed, for so many seconds.

        Raises:
            ClientError: it is not there, the API server refuses, or it was out of order for a minute.
        """
        end = heard = time.monotonic()
        end += seconds
        while time.monotonic() < end:
            try:
                for body in self._follow(name, end):
                    yield body
                    heard = time.monotonic()
            except ClientError as error:
                if not _may_pass(error) or time.monotonic() - heard > _PATIENCE_SECONDS:
                    raise
                Event().wait(_PAUSE_SECONDS)

    def follow_all(self) -> Iterator[dict[str, Body]]:
        """Yield all models of the namespace by name, as they are, and whenever one may have changed.

        It ends after a minute or so, when the API server ends its watch: begin it anew.

        Raises:
            ClientError: no API server answers, or it refuses.
        """
        listed = self._list()
        known: dict[str, Body] = {each["metadata"]["name"]: each for each in listed["items"]}
        yield dict(known)
        for kind, changed in self.api.watch(self._path(), {}, listed["metadata"]["resourceVersion"]):
            if kind == "ERROR":
                return
            name = changed["metadata"]["name"]
            if kind == "DELETED":
                known.pop(name, None)
            else:
                known[name] = changed
            yield dict(known)

    def _follow(self, name: str, end: float) -> Iterator[Body]:
        body = self.get(name)
        yield body
        query, version = {"fieldSelector": f"metadata.name={name}"}, body["metadata"]["resourceVersion"]
        for kind, changed in self.api.watch(self._path(), query, version, end - time.monotonic()):
            if kind == "DELETED":
                raise Refusal(GONE, f"CatDogModel {name} was deleted")
            if kind == "ERROR":
                return
            yield changed

    def _list(self, *, everywhere: bool = False) -> Body:
        try:
            listed: Body = self.api.get(f"/apis/{GROUP}/{VERSION}/{PLURAL}" if everywhere else self._path())
        except Refusal as error:
            if error.status != NOT_FOUND:
                raise
            raise Refusal(NOT_FOUND, NO_CRD) from error
        return listed

    def _path(self) -> str:
        return f"/apis/{GROUP}/{VERSION}/namespaces/{self.namespace}/{PLURAL}"

    def _explain_absence(self, name: str) -> str:
        try:
            names = sorted(each["metadata"]["name"] for each in self.list())
        except Refusal as error:
            if error.status == NOT_FOUND:
                raise
            # who may not list them can still be told that it is not there
            return f"namespace {self.namespace} has no CatDogModel {name} (--namespace names another)"
        there = f"it has {', '.join(names)}" if names else "it has none"
        return f"namespace {self.namespace} has no CatDogModel {name}; {there} (--namespace names another)"


def _may_pass(error: ClientError) -> bool:
    """Whether the API server may say otherwise in a moment: as it starts, say, or has too much to do."""
    return not isinstance(error, Refusal) or error.status == TOO_MANY_REQUESTS or error.status >= SERVER_FAULT


NO_CRD = f"the cluster has no {PLURAL}.{GROUP} of version {VERSION}: install the operator with its CRD"


def connect(where: Where) -> Models:
    """Return the models that a person means.

    Raises:
        ClientError: there is no kubeconfig, or no such context in it.
    """
    login = find_login(where)
    return Models(Api(login), login.namespace)
