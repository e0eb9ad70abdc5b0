"""Sends requests to the API server: no verb that the Role lacks, and every write strictly validated."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
import msgspec
from kubernetes.aio.client import ApiException
from kubernetes.aio.dynamic import DynamicClient

from catdog_operator.kinds import Kind
from catdog_operator.manifests.common import OPERATOR, Manifest
from catdog_operator.store import Body

WRITE = {"fieldManager": OPERATOR, "fieldValidation": "Strict"}
REFUSALS = (400, 403, 404, 405, 409, 413, 415, 422)  # what another attempt alone will not mend
WEBHOOK_FAILED = "failed calling webhook"  # with 500: whoever runs the webhook has to see to it
TIMEOUT_SECONDS = 30
PAGE = 500  # objects that are listed at once


class RefusedError(Exception):
    """The API server refused a request for what it asks; the message is the server's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class UnavailableError(Exception):
    """The API server could not be reached, or was not able to answer."""


class Page(msgspec.Struct, frozen=True):
    """Some of the objects of a list, and the revision of the cluster that it is of."""

    revision: int
    bodies: Iterator[Body]  # each is parsed as it is taken


class _ListMetadata(msgspec.Struct, frozen=True):
    revision: str = msgspec.field(name="resourceVersion")
    token: str = msgspec.field(name="continue", default="")


class _List(msgspec.Struct, frozen=True):
    metadata: _ListMetadata
    items: list[msgspec.Raw]


class Api:
    """The API server, and its clock.

    Objects are listed in `namespaces`, or in all where none is named; a request's method and code are noted.
    """

    def __init__(
        self,
        client: DynamicClient,
        *,
        namespaces: Sequence[str] = (),
        note_request: Callable[[str, str], None] = lambda _method, _code: None,
    ) -> None:
        self._client = client
        self._namespaces = namespaces
        self._note_request = note_request
        self._clock_difference = timedelta()

    def now(self) -> datetime:
        """Return the time by the API server's clock, which the times in its objects are close to."""
        return datetime.now(UTC) + self._clock_difference

    async def list(self, kind: Kind) -> AsyncIterator[Page]:
        """Yield all objects of a kind, in all namespaces that are watched, as far as its selector goes."""
        query = {"limit": str(PAGE)} | ({"labelSelector": kind.selector} if kind.selector else {})
        for namespace in self._namespaces or (None,):
            path, token = kind.path(namespace), ""
            while True:
                more = query | ({"continue": token} if token else {})
                page = msgspec.json.decode(
                    await self._send("get", kind, "list", path, query=more), type=_List
                )
                named: Body = {"apiVersion": kind.api_version, "kind": kind.name}
                yield Page(int(page.metadata.revision), (named | _body(item) for item in page.items))
                if not (token := page.metadata.token):
                    break

    async def may_list(self, kind: Kind) -> bool:
        """Return whether the operator has the right to list a kind, wherever it looks."""
        try:
            for namespace in self._namespaces or (None,):
                await self._send("get", kind, "list", kind.path(namespace), query={"limit": "1"})
        except RefusedError as error:
            if error.status == 403:
                return False
            raise
        return True

    async def create(self, kind: Kind, manifest: Manifest) -> Body:
        """Create an object; one that is there already is a refusal."""
        path = kind.path(manifest["metadata"]["namespace"])
        return _body(await self._send("post", kind, "create", path, body=manifest, query=WRITE))

    async def apply(self, kind: Kind, manifest: Manifest, *, force: bool) -> Body:
        """Apply an object server-side; `force` takes over fields that others have set."""
        metadata = manifest["metadata"]
        path = kind.path(metadata["namespace"], metadata["name"])
        query = WRITE | {"force": "true" if force else "false"}
        content_type = "application/apply-patch+yaml"
        return _body(
            await self._send(
                "patch", kind, "patch", path, body=manifest, query=query, content_type=content_type
            )
        )

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> Body:
        """Delete this very object after what it owns; return it as it waits for that, or that it is gone."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Foreground"}
        return _body(await self._send("delete", kind, "delete", kind.path(namespace, name), body=body))

    async def patch_status(self, kind: Kind, namespace: str, name: str, patch: Manifest) -> Body:
        """Merge a patch into an object's status."""
        path = kind.path(namespace, name, "status")
        content_type = "application/merge-patch+json"
        answer = await self._send(
            "patch",
            kind,
            "patch status",
            path,
            body={"status": patch},
            query=WRITE,
            content_type=content_type,
        )
        return _body(answer)

    async def list_events(self, kind: Kind, namespace: str, uid: str) -> tuple[Body, ...]:
        """Return the Events about an object."""
        query = {"fieldSelector": f"involvedObject.uid={uid}"}
        answer = await self._send("get", kind, "list", kind.path(namespace), query=query)
        return tuple(msgspec.json.decode(answer)["items"])

    async def read_log(self, kind: Kind, namespace: str, name: str, container: str, lines: int) -> str:
        """Return the last lines of the log of one of a pod's containers."""
        path = kind.path(namespace, name, "log")
        query = {"container": container, "tailLines": str(lines)}
        return (await self._send("get", kind, "get log", path, query=query)).decode(errors="replace")

    async def has_group(self, group: str) -> bool:
        """Return whether the cluster has an API group."""
        return await self._discover(f"/apis/{group}") is not None

    async def has_kind(self, kind: Kind) -> bool:
        """Return whether the cluster serves a kind, in the version that the operator reads."""
        prefix = "apis" if kind.group else "api"
        found = await self._discover(f"/{prefix}/{kind.api_version}")
        return found is not None and any(each["name"] == kind.plural for each in found["resources"])

    async def _discover(self, path: str) -> Body | None:
        try:
            return _body(await self._request("get", path))
        except RefusedError as error:
            if error.status == 404:
                return None
            raise

    async def _send(
        self,
        method: str,
        kind: Kind,
        verb: str,
        path: str,
        *,
        body: Manifest | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> bytes:
        if verb not in kind.verbs | kind.subresources:
            raise AssertionError(f"{verb} {kind.plural} is not in the table of verbs, nor in the Role")
        return await self._request(method, path, body, query or {}, content_type)

    async def _request(
        self,
        method: str,
        path: str,
        body: Manifest | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> bytes:
        try:
            response = await self._client.request(
                method,
                path,
                body=body,
                query_params=list((query or {}).items()),
                content_type=content_type,
                serialize=False,
                _request_timeout=TIMEOUT_SECONDS,
            )
            content: bytes = await response.read()
        except ApiException as error:
            self._note_request(method, str(error.status))
            raise _explain(error) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._note_request(method, "0")
            raise UnavailableError(f"{method} {path}: {error!r}") from error
        self._note_request(method, str(response.status))
        self._note_clock(response.headers.get("Date"))
        return content

    def _note_clock(self, date: str | None) -> None:
        if date is not None:
            self._clock_difference = parsedate_to_datetime(date) - datetime.now(UTC)


def _body(answer: bytes | msgspec.Raw) -> Body:
    body: Body = msgspec.json.decode(answer)
    return body


def _explain(error: ApiException) -> RefusedError | UnavailableError:
    try:
        message = str(msgspec.json.decode(error.body or "")["message"])
    except (msgspec.DecodeError, TypeError, KeyError):
        message = f"{error.status} {error.reason}"
    if error.status in REFUSALS or WEBHOOK_FAILED in message:
        return RefusedError(error.status, message)
    return UnavailableError(message)
