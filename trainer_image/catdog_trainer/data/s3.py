"""Photos in a bucket, under keys that are named as a claim's folders are.

Nothing is kept on a disk: each photo is read in a stream for its digest, and read again when it is decoded.
What changes in between is noticed, and the training is tried again.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from catdog_common.artifact import LABELS
from catdog_trainer.ahead import map_ahead
from catdog_trainer.data import SPLITS, DataError, Dataset, Photo, Split, split_of
from catdog_trainer.data.addresses import BucketAddress
from catdog_trainer.data.bucket import READERS, Bucket
from catdog_trainer.data.bucket_errors import UnreadableObjectError, denied
from catdog_trainer.data.directory import EXPECTED

Entry = tuple[str, str, Split | None]  # key, label, and the split if the keys declare it


def read_s3(address: BucketAddress, prefix: str) -> Dataset:
    """Return the photos whose keys begin with `prefix`, a folder's name with or without its '/'.

    Keys with a part that begins with '.', and those that end in '/', are left out, as are all others that
    are not below a label's folder; what can't be read is named.

    Raises:
        DataError: DataNotFound, where there is no key in these folders, or as `Bucket` has it.
    """
    return read_bucket(Bucket(address), prefix)


def read_bucket(bucket: Bucket, prefix: str) -> Dataset:
    """Return the photos in a bucket, as `read_s3` does."""
    folder = f"{prefix.rstrip('/')}/" if prefix.rstrip("/") else ""
    source = f"s3://{bucket.address.name}/{folder}"
    declared = any(bucket.has_any(f"{folder}{split}/") for split in SPLITS)
    layout = ("training/{label}/", "validation/{label}/") if declared else ("{label}/",)
    photos: list[Photo] = []
    unreadable: dict[str, UnreadableObjectError] = {}
    for found, error in _read_all(bucket, _find(bucket, folder, declared=declared), len(folder)):
        if isinstance(found, Photo):
            photos.append(found)
        elif error is not None:
            unreadable[found] = error
    _check_found(bucket, source, photos, unreadable)
    return Dataset.gather(source, layout, photos, unreadable)


def _check_found(
    bucket: Bucket, source: str, photos: list[Photo], unreadable: dict[str, UnreadableObjectError]
) -> None:
    if photos:
        return
    if not unreadable:
        raise DataError("DataNotFound", f"{source} has no photos: it should hold {EXPECTED}")
    refusal = next((error for error in unreadable.values() if error.code == "AccessDenied"), None)
    if refusal is not None:  # it may be listed, and nothing in it may be read
        raise denied(bucket.address, str(refusal))


def _find(bucket: Bucket, folder: str, *, declared: bool) -> Iterator[Entry]:
    """Yield the keys below the folders of labels, as the listing gives them."""
    splits: Iterable[tuple[Split | None, str]] = (
        [(split, f"{split}/") for split in SPLITS] if declared else [(None, "")]
    )
    for split, within in splits:
        for label in LABELS:
            above = f"{folder}{within}{label}/"
            for key in bucket.keys(above):
                if not key.endswith("/") and not _is_hidden(key.removeprefix(above)):
                    yield key, label, split


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))


def _read_all(
    bucket: Bucket, entries: Iterator[Entry], named_from: int
) -> Iterator[tuple[Photo | str, UnreadableObjectError | None]]:
    """Yield a photo for each entry, or the name of what can't be read and why; some are read at a time."""

    def read(entry: Entry) -> tuple[Photo | str, UnreadableObjectError | None]:
        key, label, split = entry
        name = key[named_from:]
        try:
            digest = bucket.digest(key)
        except UnreadableObjectError as error:
            return name, error
        photo = Photo(digest, label, split or split_of(digest), name, partial(bucket.read, key, digest))
        return photo, None

    pool = ThreadPoolExecutor(READERS)
    try:
        yield from map_ahead(pool, read, entries, READERS)
    finally:
        pool.shutdown(cancel_futures=True)  # after an error, what has not begun need not begin
