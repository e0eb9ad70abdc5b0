"""Photos in a bucket, by the real client against a small S3 on localhost."""

import hashlib
import ssl
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from catdog_trainer.data import DataError, Dataset, check
from catdog_trainer.data.bucket import Bucket
from catdog_trainer.data.directory import read_directory
from catdog_trainer.data.s3 import read_bucket
from tests.cluster.pki import issue, make_authority
from tests.unit.trainer.builders import picture, put
from tests.unit.trainer.fake_s3 import Answer, FakeS3, listing, refusal, serving
from tests.unit.trainer.test_directory import EXPECTED, declared

FIELDS = "spec.training.dataset.s3"


@pytest.fixture(scope="module")
def running() -> Iterator[FakeS3]:
    """Give a bucket that is served."""
    with serving(FakeS3()) as s3:
        yield s3


@pytest.fixture(scope="module")
def client(running: FakeS3, tmp_path_factory: pytest.TempPathFactory) -> Bucket:
    """Return the client's view of it; it asks once, so that a test of failures does not wait."""
    return Bucket(running.address(tmp_path_factory.mktemp("keys")), attempts=1)


@pytest.fixture
def s3(running: FakeS3) -> FakeS3:
    """Return the bucket as a new one is."""
    running.__dict__.update(FakeS3(endpoint=running.endpoint).__dict__)
    return running


@pytest.fixture
def bucket(s3: FakeS3, client: Bucket) -> Bucket:
    """Return the client of the empty bucket."""
    assert client.address.endpoint == s3.endpoint
    return client


def fill(s3: FakeS3, root: Path, prefix: str) -> None:
    """Put the files of a directory into the bucket."""
    for path in root.rglob("*"):
        if path.is_file():
            s3.objects[f"{prefix}{path.relative_to(root)}"] = path.read_bytes()


def failure(read: Callable[[], object]) -> tuple[str, str]:
    """Return reason and message of what is said of the data."""
    with pytest.raises(DataError) as raised:
        read()
    return raised.value.reason, str(raised.value)


@pytest.mark.parametrize("plain", [False, True])
def test_a_bucket_gives_what_a_claim_with_the_same_files_gives(
    s3: FakeS3, bucket: Bucket, tmp_path: Path, *, plain: bool
) -> None:
    root = declared(tmp_path / "claim")
    put(root / "training" / "dog" / "copy.png", picture(0))  # a cat's, so under both labels
    root = root / "training" if plain else root
    put(root / "cat" / "unrelated.png", picture(400)) if not plain else None
    fill(s3, root, "some/data/")
    expected = read_directory(root, "s3://photos/some/data/")
    for prefix in ("some/data", "some/data/"):
        found = read_bucket(bucket, prefix)
        assert found.digest() == expected.digest()
        assert summary(found) == summary(expected)


def summary(dataset: Dataset) -> object:
    """Return all that is told of a dataset."""
    photos = [(photo.digest, photo.label, photo.split, photo.name) for photo in dataset.photos]
    return dataset.source, dataset.layout, photos, dataset.unreadable, dataset.left_out


def test_a_photo_gives_its_bytes_again(s3: FakeS3, bucket: Bucket, tmp_path: Path) -> None:
    fill(s3, declared(tmp_path / "claim"), "")
    dataset = read_bucket(bucket, "")
    check(dataset)
    assert [hashlib.sha256(photo.read()).hexdigest() for photo in dataset.photos] == [
        photo.digest for photo in dataset.photos
    ]


def test_names_in_any_script_folders_named_as_photos_and_hidden_keys_do_no_harm(
    s3: FakeS3, bucket: Bucket
) -> None:
    names = ("猫🐈\n.png", "a&b <c>+%41.png", "cat.jpg/deep.png", "a//b.png", "\u202ekitten.png")
    s3.objects = {f"data/cat/{name}": picture(number) for number, name in enumerate(names)}
    s3.objects |= dict.fromkeys(("data/", "data/cat/", "data/cat/cat.jpg/"), b"")  # as consoles make folders
    s3.objects |= dict.fromkeys(
        ("data/cat/.DS_Store", "data/cat/.trash/1.png", "data/cats/1.png", "cat/1.png"), picture(300)
    )
    dataset = read_bucket(bucket, "data")
    assert {photo.name for photo in dataset.photos} == {f"cat/{name}" for name in names}
    assert dataset.unreadable == ()


def test_a_listing_is_taken_page_by_page_as_it_is_needed(s3: FakeS3, bucket: Bucket) -> None:
    s3.page = 10
    s3.objects = {f"cat/{number:03}.png": b"" for number in range(100)}
    keys = bucket.keys("cat/")
    assert len(list(islice(keys, 15))) == 15
    assert s3.journal == ["list cat/ from 0", "list cat/ from 10"]
    assert len(list(keys)) == 85


def test_a_hundred_thousand_keys_are_listed_in_constant_memory(s3: FakeS3, bucket: Bucket) -> None:
    pages = [
        listing([f"cat/{page:03}{number:03}.png" for number in range(1000)], page + 1) for page in range(99)
    ]
    pages.append(listing([f"cat/099{number:03}.png" for number in range(1000)]))
    s3.faults.append(lambda asked: pages[int(asked.rpartition(" ")[2])])
    sum(1 for _ in islice(bucket.keys("cat/"), 5000))  # what is loaded and cached once
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        assert sum(1 for _ in bucket.keys("cat/")) == 100_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 10 * 2**20  # all of the keys take more than twice that


def once(asked: str, answer: Answer) -> Callable[[str], Answer | None]:
    """Return a fault that happens to the first request of this kind."""
    left = [answer]

    def fault(request: str) -> Answer | None:
        return left.pop() if request == asked and left else None

    return fault


def test_a_listing_that_breaks_off_goes_on_when_it_is_asked_again(
    s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.random", lambda: 0.0)  # the library's pauses
    s3.page = 2
    s3.objects = {f"cat/{number}.png": b"" for number in range(6)}
    s3.faults.append(once("list cat/ from 2", refusal(503, "SlowDown")))
    assert len(list(Bucket(s3.address(tmp_path), attempts=3).keys("cat/"))) == 6


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (refusal(500, "InternalError"), "EndpointError", "it answers 500 InternalError: because"),
        (listing(["cat/2.png"], truncated=True), "EndpointError", "the listing of cat/ breaks off"),
        (Answer(listing(["cat/2.png"]).body, cut=9), "EndpointError", "the listing breaks off in its middle"),
        (Answer(b"<html>no</ht"), "EndpointError", "it answers 500 Internal Server Error"),
        (refusal(403, "AccessDenied"), "AccessDenied", "AccessDenied: because"),
    ],
)
def test_a_listing_that_ends_in_its_middle_is_an_error_and_never_fewer_photos(
    s3: FakeS3, bucket: Bucket, answer: Answer, reason: str, words: str
) -> None:
    s3.page = 2
    s3.objects = {f"cat/{number}.png": picture(number) for number in range(6)}
    s3.faults.append(lambda asked: answer if asked == "list cat/ from 2" else None)
    found, message = failure(lambda: read_bucket(bucket, ""))
    assert found == reason
    assert words in message
    assert len(message) < 1000


def test_a_body_that_breaks_off_is_read_again(s3: FakeS3, bucket: Bucket) -> None:
    s3.objects["cat/1.png"] = picture(1)
    s3.faults.append(once("get cat/1.png", Answer(picture(1), cut=20)))
    [photo] = read_bucket(bucket, "").photos
    assert photo.digest == hashlib.sha256(picture(1)).hexdigest()


def test_a_body_that_always_breaks_off_is_no_shorter_photo(s3: FakeS3, bucket: Bucket) -> None:
    s3.objects["cat/1.png"] = picture(1)
    s3.faults.append(lambda asked: Answer(picture(1), cut=20) if asked.startswith("get") else None)
    assert failure(lambda: read_bucket(bucket, "")) == (
        "EndpointUnreachable",
        (
            f"{s3.endpoint} cannot be reached (the connection broke off); see that it runs, and that "
            f"{FIELDS}.endpoint names it"
        ),
    )


@pytest.mark.parametrize("content", [picture(2), None])
def test_a_photo_that_has_changed_or_gone_since_is_said_and_not_trained_on(
    s3: FakeS3, bucket: Bucket, content: bytes | None
) -> None:
    s3.objects["data/cat/1.png"] = picture(1)
    [photo] = read_bucket(bucket, "data").photos
    if content is None:
        del s3.objects["data/cat/1.png"]
    else:
        s3.objects["data/cat/1.png"] = content
    assert failure(photo.read) == (
        "DataChanged",
        (
            "s3://photos/data/cat/1.png was changed or removed while it was being trained on; the training "
            "begins again with what is there by then"
        ),
    )


def test_what_may_not_be_read_is_named_and_the_others_are_trained_on(s3: FakeS3, bucket: Bucket) -> None:
    s3.objects = {"data/cat/1.png": picture(1), "data/cat/2.png": picture(2), "data/dog/3.png": picture(3)}
    frozen = {"get data/cat/2.png": "AccessDenied", "get data/dog/3.png": "InvalidObjectState"}
    s3.faults.append(lambda asked: refusal(403, frozen[asked]) if asked in frozen else None)
    dataset = read_bucket(bucket, "data")
    assert [photo.name for photo in dataset.photos] == ["cat/1.png"]
    assert dataset.unreadable == ("cat/2.png", "dog/3.png")


def test_what_is_larger_than_any_photo_is_named_and_not_fetched(
    s3: FakeS3, running: FakeS3, tmp_path: Path
) -> None:
    s3.objects = {"cat/1.png": picture(1), "cat/all.zip": bytes(2000)}
    s3.faults.append(lambda asked: Answer(bytes(2000), cut=1999) if asked == "get cat/all.zip" else None)
    dataset = read_bucket(Bucket(running.address(tmp_path), attempts=1, largest=1999), "")
    assert ([photo.name for photo in dataset.photos], dataset.unreadable) == (["cat/1.png"], ("cat/all.zip",))


def test_a_photo_that_was_read_and_may_be_read_no_more_ends_the_training(s3: FakeS3, bucket: Bucket) -> None:
    """Else a version would learn from those alone that were decoded before a right was taken away."""
    s3.objects = {"cat/1.png": picture(1)}
    [photo] = read_bucket(bucket, "").photos
    s3.faults.append(lambda asked: refusal(403, "AccessDenied") if asked.startswith("get") else None)
    assert failure(photo.read) == denied(s3, "AccessDenied: because")


def denied(s3: FakeS3, said: str) -> tuple[str, str]:
    """Return what is said of keys without the rights."""
    return "AccessDenied", (
        f"bucket photos at {s3.endpoint} may not be read ({said}); put the keys of a user who has "
        f"s3:ListBucket and s3:GetObject into the Secret that {FIELDS}.credentialsSecret names, as "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )


def test_a_bucket_of_which_all_may_be_listed_and_nothing_read_is_denied(s3: FakeS3, bucket: Bucket) -> None:
    s3.objects["cat/1.png"] = picture(1)
    s3.faults.append(lambda asked: refusal(403, "AccessDenied") if asked.startswith("get") else None)
    assert failure(lambda: read_bucket(bucket, "")) == denied(s3, "AccessDenied: because")


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"])
def test_wrong_keys_are_told_with_the_servers_word(s3: FakeS3, bucket: Bucket, code: str) -> None:
    s3.faults.append(lambda _: refusal(403, code))
    assert failure(lambda: read_bucket(bucket, "")) == denied(s3, f"{code}: because")


def test_a_key_that_is_empty_is_named_before_anybody_is_asked(s3: FakeS3, tmp_path: Path) -> None:
    address = s3.address(tmp_path)
    (tmp_path / "AWS_SECRET_ACCESS_KEY").write_text("\n")
    assert failure(lambda: Bucket(address)) == (
        "AccessDenied",
        f"AWS_SECRET_ACCESS_KEY is empty in the Secret that {FIELDS}.credentialsSecret names; fill it in",
    )
    assert s3.journal == []


@pytest.mark.parametrize(
    ("name", "content"),
    [("AWS_ACCESS_KEY_ID", b"\xff\xfe"), ("AWS_SECRET_ACCESS_KEY", b"\xff"), ("AWS_ACCESS_KEY_ID", b"a\nb")],
)
def test_a_key_that_is_none_is_named_before_anybody_is_asked(
    s3: FakeS3, tmp_path: Path, name: str, content: bytes
) -> None:
    address = s3.address(tmp_path)
    (tmp_path / name).write_bytes(content)
    assert failure(lambda: Bucket(address)) == (
        "AccessDenied",
        f"{name} in the Secret that {FIELDS}.credentialsSecret names is no key, which is a line of text",
    )
    assert s3.journal == []


@pytest.mark.parametrize("content", [b"", b"no certificate", None])
def test_a_ca_that_is_no_certificate_is_not_blamed_on_the_endpoint(
    s3: FakeS3, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "ca.crt").write_bytes(content)
    address = s3.address(tmp_path, tmp_path / "ca.crt")
    names = f"ca.crt in the Secret that {FIELDS}.caSecret names"
    assert failure(lambda: Bucket(address)) == (
        "EndpointUnreachable",
        f"{names} has no certificate in PEM; put that of the endpoint's CA there",
    )
    assert s3.journal == []


def test_a_bucket_that_is_not_there_is_named(s3: FakeS3, tmp_path: Path) -> None:
    elsewhere = Bucket(s3.address(tmp_path, bucket="fotos"), attempts=1)
    assert failure(lambda: read_bucket(elsewhere, "")) == (
        "BucketNotFound",
        f"bucket fotos is not at {s3.endpoint}; create it, or name another in {FIELDS}.bucket",
    )


@pytest.mark.parametrize(("prefix", "source"), [("data", "s3://photos/data/"), ("", "s3://photos/")])
def test_a_prefix_without_photos_says_what_belongs_there(
    s3: FakeS3, bucket: Bucket, prefix: str, source: str
) -> None:
    s3.objects = {"data/": b"", "data/birds/1.png": picture(1)}
    message = f"{source} has no photos: it should hold {EXPECTED}"
    assert failure(lambda: read_bucket(bucket, prefix)) == ("DataNotFound", message)


def test_a_wrong_region_says_what_to_set(s3: FakeS3, bucket: Bucket) -> None:
    s3.faults.append(lambda _: refusal(400, "AuthorizationHeaderMalformed", "expecting 'eu-central-1'"))
    reason, message = failure(lambda: read_bucket(bucket, ""))
    assert reason == "RegionMismatch"
    assert message.endswith(f"expecting 'eu-central-1'; set {FIELDS}.region to the bucket's")


def test_an_endpoint_at_which_nobody_listens_is_named(tmp_path: Path) -> None:
    with serving(FakeS3()) as gone:
        address = gone.address(tmp_path)
    assert failure(lambda: read_bucket(Bucket(address, attempts=1), "")) == (
        "EndpointUnreachable",
        (
            f"{gone.endpoint} cannot be reached (Connection refused); see that it runs, and that "
            f"{FIELDS}.endpoint names it"
        ),
    )


def test_a_ca_that_is_named_is_trusted_and_no_other(tmp_path: Path) -> None:
    authority, stranger = make_authority("ours"), make_authority("theirs")
    authority.write(tmp_path, "ca")
    stranger.write(tmp_path, "stranger")
    issue(authority, "s3", hosts=["localhost"]).write(tmp_path, "server")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    with serving(FakeS3({"cat/1.png": picture(1)}), tls) as s3:
        address = s3.address(tmp_path, tmp_path / "ca.crt")
        assert len(read_bucket(Bucket(address, attempts=1), "").photos) == 1
        for ca, advice in (
            (
                tmp_path / "stranger.crt",
                f"see that {FIELDS}.caSecret names the certificate of the CA that signed the endpoint's",
            ),
            (None, f"if a CA of your own signed its certificate, name the CA's Secret in {FIELDS}.caSecret"),
        ):
            untrusting = Bucket(s3.address(tmp_path, ca), attempts=1)
            reason, message = failure(lambda: read_bucket(untrusting, ""))  # noqa: B023 - called at once
            assert reason == "EndpointUnreachable"
            assert message == (
                f"{s3.endpoint} is not trusted (unable to get local issuer certificate); {advice}"
            )
