"""The API server, asked by paths: JSON in, parsed JSON out, and each refusal a sentence."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from kubernetes.client import ApiClient
from urllib3.exceptions import HTTPError, MaxRetryError

from catdog_client.cluster.kubeconfig import Login
from catdog_client.errors import ClientError

JSON, MERGE_PATCH = "application/json", "application/merge-patch+json"
UNAUTHORIZED, NOT_FOUND, FORBIDDEN, CONFLICT, GONE, TOO_MANY_REQUESTS = 401, 404, 403, 409, 410, 429
SERVER_FAULT = 500  # and what is above

_CONNECT_SECONDS, _READ_SECONDS = 10.0, 60.0
_WATCH_SECONDS = 45  # after which the server ends a watch, and it is begun anew

Query = Mapping[str, str | int]


class Refusal(ClientError):  # noqa: N818 - the API server's word
    """The API server said no; `fact` says so without what to do at a terminal."""

    def __init__(self, status: int, message: str, fact: str | None = None) -> None:
        super().__init__(message)
        self.status, self.fact = status, fact or message


class _Status(msgspec.Struct, frozen=True):
    """What the API server says with a refusal: meta/v1 Status."""

    message: str = ""
    code: int = 0


class Api:
    """A connection to an API server.

    Its methods raise a Refusal, or a ClientError where no API server answers.
    """

    def __init__(self, login: Login) -> None:
        self._host = login.configuration.host
        self._client = ApiClient(login.configuration)

    @property
    def client(self) -> ApiClient:
        """The connection as the official package has it, for what needs a web socket."""
        return self._client

    def get(self, path: str, query: Query | None = None) -> Any:  # noqa: ANN401 - any JSON
        """Return what is at a path."""
        return msgspec.json.decode(self.read(path, query))

    def read(self, path: str, query: Query | None = None) -> bytes:
        """Return the bytes that are at a path."""
        return self._request("GET", path, query)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
        """Create an object; return it as it is now."""
        return msgspec.json.decode(self._request("POST", path, body=body, content_type=JSON))

    def merge(self, path: str, patch: Mapping[str, Any], query: Query | None = None) -> Any:  # noqa: ANN401 - any JSON
        """Apply a merge patch (RFC 7386); return the object as it is now."""
        return msgspec.json.decode(self._request("PATCH", path, query, patch, MERGE_PATCH))

    def delete(self, path: str, query: Query | None = None) -> None:
        """Delete an object."""
        self._request("DELETE", path, query)

    def watch(
        self, path: str, query: Query, version: str, seconds: float = _WATCH_SECONDS
    ) -> Iterator[tuple[str, Any]]:
        """Yield type and object of what happens after a resourceVersion, for so many seconds at most.

        The type is ERROR where the server no longer knows that version: list again.
        """
        following: Query = {
            **query,
            "watch": "true",
            "resourceVersion": version,
            "timeoutSeconds": max(1, math.ceil(min(seconds, _WATCH_SECONDS))),
        }
        for line in self.lines(path, following, _WATCH_SECONDS + _READ_SECONDS):
            event = msgspec.json.decode(line)
            yield event["type"], event["object"]

    def lines(self, path: str, query: Query, patience: float | None = None) -> Iterator[bytes]:
        """Yield lines as they come; after `patience` seconds without one it is given up."""
        with self._explained():
            response = self._open("GET", path, query, patience=patience)
            try:
                if response.status >= 400:
                    raise _refusal(response.status, response.read())
                yield from response.response
            finally:
                response.response.close()

    def _request(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str | None = None,
    ) -> bytes:
        with self._explained():
            response = self._open(method, path, query or {}, body, content_type, _READ_SECONDS)
            content: bytes = response.read()
        if response.status >= 400:
            raise _refusal(response.status, content)
        return content

    def _open(
        self,
        method: str,
        path: str,
        query: Query,
        body: Mapping[str, Any] | None = None,
        content_type: str | None = None,
        patience: float | None = None,
    ) -> Any:  # noqa: ANN401 - the package's response
        headers = {"Accept": "application/json, */*"} | (
            {"Content-Type": content_type} if content_type else {}
        )
        request = self._client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        return self._client.call_api(*request, _request_timeout=(_CONNECT_SECONDS, patience))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except HTTPError as error:
            cause = error.reason if isinstance(error, MaxRetryError) and error.reason else error
            raise ClientError(f"no API server answers at {self._host}: {cause}") from error


def _refusal(status: int, content: bytes) -> Refusal:
    try:
        message = msgspec.json.decode(content, type=_Status).message
    except msgspec.DecodeError:  # a proxy in between, say
        message = content.decode(errors="replace")[:200]
    fact = " ".join(message.split()) or f"HTTP status {status}"
    return Refusal(status, _advise(status, fact), fact)


def _advise(status: int, message: str) -> str:
    """Return the server's words, and what to do where that is known."""
    match status:
        case 401:
            return f"the cluster does not know who you are ({message}): log in again"
        case 403:
            pages = "docs/how-to/command-line.md, or for compare and plot answers-and-versions.md,"
            return f"{message}; ask for that right: {pages} has a Role that suffices"
        case 409:
            return f"somebody changed it at the same moment ({message}): try again"
        case _:
            return message
