"""Puts a folder of labelled photos into a bucket, as a model's `spec.training.dataset.s3` reads it."""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError as RefusedError
from botocore.session import get_session

from catdog_client.exchange import ClientError

KEY_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

_LABELS, _SPLITS = ("cat", "dog"), ("training", "validation")
_WRITERS = 8  # photos put at a time


@dataclass(frozen=True)
class Target:
    """Where the photos go; the fields are those of `spec.training.dataset.s3`."""

    endpoint: str
    bucket: str
    prefix: str = ""
    region: str = "us-east-1"
    ca_file: Path | None = None


def find_photos(directory: Path) -> list[Path]:
    """Return the files that a training would read: below training/ and validation/, else below cat/ and dog/.

    Raises:
        ClientError: there are none, or a name is no text and so can't be a key.
    """
    splits = [directory / split for split in _SPLITS if (directory / split).is_dir()] or [directory]
    found = sorted(path for split in splits for label in _LABELS for path in _files(split / label))
    if not found:
        expected = "training/cat/, training/dog/, validation/cat/ and validation/dog/, or cat/ and dog/"
        raise ClientError(f"{directory} has no photos: it should hold folders {expected}")
    for path in found:
        try:
            str(path).encode()
        except UnicodeEncodeError as error:
            raise ClientError(f"the name of {os.fsencode(path)!r} is not UTF-8; rename it") from error
    return found


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names if not name.startswith("."))


def upload(directory: Path, target: Target, environ: Mapping[str, str], on_photo: Callable[[], None]) -> None:
    """Put every photo of `directory` under the prefix; one that is there already is replaced.

    Raises:
        ClientError: a key is missing in the environment, or the bucket takes no more photos.
    """
    photos, client = find_photos(directory), _connect(target, environ)
    folder = f"{target.prefix.rstrip('/')}/" if target.prefix.rstrip("/") else ""

    def put(path: Path) -> None:
        key = folder + path.relative_to(directory).as_posix()
        with path.open("rb") as file:
            client.put_object(Bucket=target.bucket, Key=key, Body=file)
        on_photo()

    pool = ThreadPoolExecutor(_WRITERS)
    try:
        for _ in pool.map(put, photos):
            pass
    except (BotoCoreError, RefusedError) as error:
        raise ClientError(f"bucket {target.bucket} at {target.endpoint}: {error}") from error
    finally:
        pool.shutdown(cancel_futures=True)


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
