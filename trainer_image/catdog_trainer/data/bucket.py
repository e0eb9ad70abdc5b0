"""A bucket of anything that speaks S3, listed and read in a stream."""

import hashlib
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.response import StreamingBody
from botocore.session import get_session

from catdog_trainer.data import MAX_PHOTO_BYTES, DataError
from catdog_trainer.data.addresses import BucketAddress
from catdog_trainer.data.bucket_errors import (
    FIELDS,
    KEY_FILES,
    NOT_WHOLE,
    UnreadableObjectError,
    broken,
    changed,
    denied,
    explain,
)

Content = TypeVar("Content")

READERS = 16  # objects read at a time: a small object is mostly waiting for the network

_CONNECT_SECONDS, _READ_SECONDS = 10, 60
_BODY_ATTEMPTS = 3  # the library tries requests again, but no body that breaks off
_BROKEN_OFF = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
_CHUNK_BYTES = 1024 * 1024


class Bucket:
    """A bucket that is listed and read; safe to use from READERS threads.

    Every method raises DataError: BucketNotFound, AccessDenied, RegionMismatch, EndpointUnreachable or
    EndpointError, where another attempt is worth it only later or after somebody did what the message says.
    """

    def __init__(self, address: BucketAddress, attempts: int = 5, largest: int = MAX_PHOTO_BYTES) -> None:
        self.address, self._largest = address, largest
        key, secret = _read_credentials(address.credentials_dir)
        if address.ca_file is not None:
            _check_ca(address.ca_file)
        self._client: Any = get_session().create_client(
            "s3",
            region_name=address.region,
            endpoint_url=address.endpoint,
            verify=str(address.ca_file) if address.ca_file else True,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": attempts},
                s3={"addressing_style": "path"},
                max_pool_connections=READERS,
                # What Amazon alone sends or understands is not asked for (boto/boto3#4400).
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

        # The library makes a 500 of a listing that is not whole, so that it tries again; it stays one.
        self._client.meta.events.register_first("before-parse.s3.ListObjectsV2", _mark_what_is_not_whole)

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys that begin with `prefix`, as they come; a listing that breaks off is an error."""
        pages = iter(
            self._client.get_paginator("list_objects_v2").paginate(Bucket=self.address.name, Prefix=prefix)
        )
        while True:
            with self._explained():
                page = next(pages, None)
            if page is None:
                return
            yield from (entry["Key"] for entry in page.get("Contents", []))
            if page.get("IsTruncated") and not page.get("NextContinuationToken"):
                raise broken(
                    self.address, f"the listing of {prefix} breaks off: there is more, but not how to go on"
                )

    def has_any(self, prefix: str) -> bool:
        """Return whether a key begins with `prefix`."""
        with self._explained():
            page = self._client.list_objects_v2(Bucket=self.address.name, Prefix=prefix, MaxKeys=1)
        return bool(page.get("Contents"))

    def digest(self, key: str) -> str:
        """Read an object in a stream, and return the sha256 of what it holds, in hex.

        Raises:
            UnreadableObjectError: this one can't be read.
        """

        def consume(body: StreamingBody) -> str:
            hashed = hashlib.sha256()
            for chunk in body.iter_chunks(_CHUNK_BYTES):
                hashed.update(chunk)
            return hashed.hexdigest()

        return self._get(key, consume)

    def read(self, key: str, digest: str) -> bytes:
        """Return an object that had this digest before.

        (If-Match would say the same of its ETag, but not every server knows it.)

        Raises:
            DataError: DataChanged, where it holds something else by now, or is gone; AccessDenied.
        """
        try:
            content = self._get(key, StreamingBody.read)
        except UnreadableObjectError as error:
            if error.code == "AccessDenied":
                raise denied(self.address, str(error)) from error
            raise changed(self.address, key) from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise changed(self.address, key)
        return content

    def _get(self, key: str, consume: Callable[[StreamingBody], Content]) -> Content:
        with self._explained(key):
            for attempt in range(1, _BODY_ATTEMPTS + 1):
                answer = self._client.get_object(Bucket=self.address.name, Key=key)
                try:
                    with closing(answer["Body"]) as body:
                        self._refuse_too_large(answer["ContentLength"])
                        return consume(body)
                except _BROKEN_OFF:
                    if attempt == _BODY_ATTEMPTS:
                        raise
        raise AssertionError("the last attempt returns or raises")

    def _refuse_too_large(self, size: int) -> None:
        if size > self._largest:
            raise UnreadableObjectError("EntityTooLarge", f"{size} bytes are more than {self._largest}")

    @contextmanager
    def _explained(self, key: str | None = None) -> Iterator[None]:
        """Turn what the library raises into what a person is told; with `key`, it is about one object."""
        try:
            yield
        except (ClientError, BotoCoreError) as error:
            raise explain(error, self.address, key) from error


def _mark_what_is_not_whole(response_dict: dict[str, Any], **_: object) -> None:
    headers = response_dict["headers"]
    if len(response_dict["body"]) < int(headers.get("Content-Length", 0)):
        headers[NOT_WHOLE] = "true"


def _read_credentials(directory: Path) -> tuple[str, str]:
    """Return key and secret, read at each start of a training and kept nowhere else."""
    key, secret = (_read_key(directory / name) for name in KEY_FILES)
    return key, secret


def _read_key(file: Path) -> str:
    place = f"in the Secret that {FIELDS}.credentialsSecret names"
    value = file.read_bytes().decode(errors="replace").strip()
    if not value:
        raise DataError("AccessDenied", f"{file.name} is empty {place}; fill it in")
    if not value.isprintable() or "\N{REPLACEMENT CHARACTER}" in value:
        raise DataError("AccessDenied", f"{file.name} {place} is no key, which is a line of text")
    return value


def _check_ca(file: Path) -> None:
    """See that there are certificates to trust: the library says of a file without that TLS fails."""
    try:
        ssl.create_default_context(cafile=file)
    except OSError as error:  # SSLError is one
        message = f"{file.name} in the Secret that {FIELDS}.caSecret names has no certificate in PEM"
        raise DataError("EndpointUnreachable", f"{message}; put that of the endpoint's CA there") from error
