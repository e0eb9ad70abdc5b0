"""Puts a folder of labelled photos into a bucket, as a model's `spec.training.dataset.s3` reads it."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError as RefusedError
from botocore.session import get_session

from catdog_client.errors import ClientError
from catdog_client.folder import LabelledFile, LeftOut, printable, size_of, unreadable

KEY_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

_WRITERS = 8  # photos put at a time


@dataclass(frozen=True)
class Target:
    """Where the photos go; the fields are those of `spec.training.dataset.s3`."""

    endpoint: str
    bucket: str
    prefix: str = ""
    region: str = "us-east-1"
    ca_file: Path | None = None


def upload(
    photos: Sequence[LabelledFile], target: Target, environ: Mapping[str, str], on_photo: Callable[[], None]
) -> list[LeftOut]:
    """Put photos under the prefix, each in place of what is there already; return what is left out.

    Raises:
        ClientError: a key is missing in the environment, or the bucket takes no more photos.
    """
    client = _connect(target, environ)
    folder = f"{target.prefix.rstrip('/')}/" if target.prefix.rstrip("/") else ""

    def put(photo: LabelledFile) -> LeftOut | None:
        try:
            return _put(client, target.bucket, folder, photo)
        finally:
            on_photo()

    pool = ThreadPoolExecutor(_WRITERS)
    try:
        return [left_out for left_out in pool.map(put, photos) if left_out is not None]
    except (BotoCoreError, RefusedError) as error:
        raise ClientError(f"bucket {target.bucket} at {target.endpoint}: {error}") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _put(client: Any, bucket: str, folder: str, photo: LabelledFile) -> LeftOut | None:  # noqa: ANN401 - botocore's
    try:
        photo.name.encode()
    except UnicodeEncodeError:
        return LeftOut(
            printable(photo.name), "has a name that is not UTF-8, and so can't be a key; rename it"
        )
    if isinstance(size := size_of(photo), LeftOut):
        return size
    try:
        with photo.path.open("rb") as file:
            client.put_object(Bucket=bucket, Key=folder + photo.name, Body=file)
    except OSError as error:
        return unreadable(photo, error)
    return None


def _connect(target: Target, environ: Mapping[str, str]) -> Any:  # noqa: ANN401 - botocore makes its methods as it runs
    missing = [name for name in KEY_VARIABLES if not environ.get(name)]
    if missing:
        raise ClientError(f"{' and '.join(missing)} must be set: the bucket's keys, as its Secret has them")
    key, secret = (environ[name] for name in KEY_VARIABLES)
    try:
        return get_session().create_client(
            "s3",
            region_name=target.region,
            endpoint_url=target.endpoint,
            verify=str(target.ca_file) if target.ca_file else True,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(
                retries={"mode": "standard", "total_max_attempts": 5},
                s3={"addressing_style": "path"},
                max_pool_connections=_WRITERS,
                # What Amazon alone understands is not sent (boto/boto3#4400).
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
    except ValueError as error:  # an endpoint that is no URL
        raise ClientError(str(error)) from error
