"""The Kubernetes API as stand-in and tests use it: plain objects, server-side apply, endless watches."""

import asyncio
import base64
import contextlib
import json
import logging
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import aiohttp
import yaml

Manifest: TypeAlias = dict[str, Any]

CLOSE_SECONDS = 0.25
PASSING_SECONDS = 30.0  # for which a server that is not there, or has too much to do, is asked again
FIELD_MANAGER = "strimzi-stand-in"
_STRIMZI = "kafka.strimzi.io/v1"
_KINDS = {
    "CatDogModel": ("catdog.dev/v1alpha1", "catdogmodels"),
    "ConfigMap": ("v1", "configmaps"),
    "CustomResourceDefinition": ("apiextensions.k8s.io/v1", "customresourcedefinitions"),
    "Deployment": ("apps/v1", "deployments"),
    "Job": ("batch/v1", "jobs"),
    "Kafka": (_STRIMZI, "kafkas"),
    "KafkaAccess": ("access.strimzi.io/v1alpha1", "kafkaaccesses"),
    "KafkaNodePool": (_STRIMZI, "kafkanodepools"),
    "KafkaTopic": (_STRIMZI, "kafkatopics"),
    "KafkaUser": (_STRIMZI, "kafkausers"),
    "Namespace": ("v1", "namespaces"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "Node": ("v1", "nodes"),
    "PersistentVolume": ("v1", "persistentvolumes"),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims"),
    "Pod": ("v1", "pods"),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets"),
    "Secret": ("v1", "secrets"),
    "Service": ("v1", "services"),
    "StatefulSet": ("apps/v1", "statefulsets"),
}

logger = logging.getLogger(__name__)


class ApiError(Exception):
    """The API server refused; the message is its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


def _is_passing(error: Exception, method: str) -> bool:
    """Whether it was nobody's fault and is over soon, and what was asked for may be asked again."""
    if isinstance(error, ApiError) and error.status in (429, 503):
        return True
    if method == "POST":  # which may have made the object
        return False
    if isinstance(error, ApiError):
        return error.status == 504 or (error.status == 500 and "etcdserver" in str(error))
    return True


class _Identity(NamedTuple):
    """Tells an object from all others of its kind, those of its name that went before among them."""

    namespace: str | None
    name: str
    uid: str | None


def _identity(item: Manifest) -> _Identity:
    metadata = item["metadata"]
    return _Identity(metadata.get("namespace"), metadata["name"], metadata.get("uid"))


class Event(NamedTuple):
    """What a watch saw: an object as it is, or as it was before it went."""

    deleted: bool
    object: Manifest


class Kube:
    """One connection to an API server."""

    def __init__(self, session: aiohttp.ClientSession, retry_seconds: float = 1.0) -> None:
        self._session = session
        self._retry_seconds = retry_seconds  # before what broke off is begun anew

    async def get(self, kind: str, namespace: str | None, name: str) -> Manifest | None:
        """Return an object, or None where there is none."""
        try:
            return await self._call("GET", _path(kind, namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def list(self, kind: str, namespace: str | None = None, labels: str = "") -> list[Manifest]:
        """Return the objects of a kind that have the labels."""
        params = {"labelSelector": labels} if labels else {}
        answer = await self._call("GET", _path(kind, namespace), params=params)
        return _items(kind, answer)

    async def create(self, manifest: Manifest) -> Manifest:
        """Make an object that is not there yet, and return it as it is then."""
        return await self._call("POST", _path(manifest["kind"], manifest["metadata"]["namespace"]), manifest)

    async def apply(self, manifest: Manifest) -> Manifest:
        """Make the object be so (server-side apply), and return it as it is then."""
        metadata = manifest["metadata"]
        path = _path(manifest["kind"], metadata.get("namespace"), metadata["name"])
        params = {"fieldManager": FIELD_MANAGER, "force": "true", "fieldValidation": "Strict"}
        return await self._call("PATCH", path, manifest, "application/apply-patch+yaml", params)

    async def replace(self, manifest: Manifest) -> None:
        """Make an object that is there be exactly this, whatever others wrote into it."""
        metadata = manifest["metadata"]
        await self._call(
            "PUT", _path(manifest["kind"], metadata.get("namespace"), metadata["name"]), manifest
        )

    async def merge(self, of: Manifest, patch: Manifest, subresource: str = "") -> Manifest:
        """Merge a patch into an object, or into its status."""
        metadata = of["metadata"]
        path = _path(of["kind"], metadata.get("namespace"), metadata["name"])
        return await self._call("PATCH", path + subresource, patch, "application/merge-patch+json")

    async def set_status(self, of: Manifest, status: Manifest) -> None:
        """Replace an object's status, where it is another."""
        before = of.get("status", {})
        if status != before:
            removed = dict.fromkeys(before.keys() - status.keys())
            await self.merge(of, {"status": removed | status}, "/status")

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        """Delete an object, if it is there, and then what it owns; of Jobs that is no default."""
        try:
            path, params = _path(kind, namespace, name), {"propagationPolicy": "Background"}
            await self._call("DELETE", path, params=params)
        except ApiError as error:
            if error.status != 404:
                raise

    async def watch(self, kind: str) -> AsyncIterator[Event]:
        """Yield what is there, and then every change; it begins anew whenever the connection ends.

        What went while there was no connection is told as it was seen last.
        """
        path = _path(kind, None)
        known: dict[_Identity, Manifest] = {}
        while True:
            try:
                listed = await self._call("GET", path)
                there = {_identity(item): item for item in _items(kind, listed)}
                for gone in known.keys() - there.keys():
                    yield Event(deleted=True, object=known[gone])
                known = there
                for item in [*there.values()]:
                    yield Event(deleted=False, object=item)
                async for event in self._follow(path, listed["metadata"]["resourceVersion"]):
                    known.pop(_identity(event.object), None)
                    if not event.deleted:
                        known[_identity(event.object)] = event.object
                    yield event
            except (ApiError, aiohttp.ClientError, TimeoutError) as error:
                logger.warning("watch of %s broke off: %s", kind, error)
                await asyncio.sleep(self._retry_seconds)

    async def _follow(self, path: str, version: str) -> AsyncIterator[Event]:
        params = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
        no_limit = aiohttp.ClientTimeout(total=None)
        async with self._session.get(path, params=params, timeout=no_limit) as response:
            # While the server gets its cache of a new kind ready, it refuses watches, though it lists.
            await _raise_for_status(response)
            async for line in response.content:
                if not line.endswith(b"\n"):
                    return  # cut off with the connection
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError(event["object"].get("code", 500), event["object"].get("message", ""))
                if event["type"] != "BOOKMARK":
                    yield Event(event["type"] == "DELETED", event["object"])

    async def _call(
        self,
        method: str,
        path: str,
        body: Manifest | None = None,
        content_type: str = "application/json",
        params: Mapping[str, str] | None = None,
    ) -> Manifest:
        """Ask, and while the server is not to be asked, ask again what does no harm twice."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PASSING_SECONDS
        while True:
            try:
                return await self._ask(method, path, body, content_type, params)
            except (ApiError, aiohttp.ClientConnectionError, TimeoutError) as error:
                if not _is_passing(error, method) or loop.time() > deadline:
                    raise
            await asyncio.sleep(self._retry_seconds)  # a server that can be asked again tells nobody

    async def _ask(
        self,
        method: str,
        path: str,
        body: Manifest | None,
        content_type: str,
        params: Mapping[str, str] | None,
    ) -> Manifest:
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type}
        async with self._session.request(method, path, data=data, headers=headers, params=params) as response:
            await _raise_for_status(response)
            answer: Manifest = await response.json()
            return answer


class Access(NamedTuple):
    """Where an API server is, and how to be let in."""

    server: str
    context: ssl.SSLContext


def read_kubeconfig(kubeconfig: Path) -> Access:
    """Return what the current context says, whose user has a client certificate."""
    config = yaml.safe_load(kubeconfig.read_text())
    context = _named(config["contexts"], config["current-context"])["context"]
    cluster = _named(config["clusters"], context["cluster"])["cluster"]
    user = _named(config["users"], context["user"])["user"]
    return Access(cluster["server"], _ssl_context(cluster, user, kubeconfig.parent))


@contextlib.asynccontextmanager
async def connect(access: Access) -> AsyncIterator[Kube]:
    """Connect to an API server."""
    # A watch's line is a whole object, and that may have a megabyte.
    options = {"read_bufsize": 2**22, "timeout": aiohttp.ClientTimeout(total=30)}
    async with open_session(access.server, access.context, limit=32, **options) as session:
        yield Kube(session)


@contextlib.asynccontextmanager
async def open_session(
    server: str,
    context: ssl.SSLContext,
    limit: int,
    **options: Any,  # noqa: ANN401 - aiohttp's own
) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session over TLS, and leave no connection of it open."""
    connector = aiohttp.TCPConnector(ssl=context, limit=limit)
    async with aiohttp.ClientSession(server, connector=connector, **options) as session:
        yield session
    # TLS connections are closed a little after the session: aiohttp's docs, "Graceful Shutdown".
    await asyncio.sleep(CLOSE_SECONDS)


def _ssl_context(cluster: Manifest, user: Manifest, directory: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=_pem(cluster, "certificate-authority", directory).decode())
    with tempfile.NamedTemporaryFile() as file:  # the module reads keys from files only
        certificate, key = (_pem(user, f"client-{part}", directory) for part in ("certificate", "key"))
        file.write(certificate + b"\n" + key)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _pem(entry: Manifest, name: str, directory: Path) -> bytes:
    if data := entry.get(f"{name}-data"):
        return base64.b64decode(data)
    path: str = entry[name]
    return (directory / path).read_bytes()


def _named(entries: list[Manifest], name: str) -> Manifest:
    return next(entry for entry in entries if entry["name"] == name)


async def _raise_for_status(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:
        return
    text = await response.text()
    # A path that is not served is answered in plain words, anything else by a Status.
    message = json.loads(text)["message"] if response.content_type == "application/json" else text.strip()
    raise ApiError(response.status, message)


def _items(kind: str, answer: Manifest) -> list[Manifest]:
    # Items of a list do not say their own kind.
    return [{"apiVersion": _KINDS[kind][0], "kind": kind, **item} for item in answer["items"]]


def _path(kind: str, namespace: str | None, name: str = "") -> str:
    api_version, plural = _KINDS[kind]
    root = "/apis" if "/" in api_version else "/api"
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}/{api_version}{scope}/{plural}{'/' if name else ''}{name}"
