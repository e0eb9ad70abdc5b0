"""A small S3 on localhost: it lists in pages as real ones do, and fails when told to."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from catdog_trainer.data.addresses import BucketAddress


@dataclass(frozen=True)
class Answer:
    """What the server says; `cut` bytes of it are promised and never come."""

    body: bytes
    status: int = 200
    cut: int = 0


@dataclass
class FakeS3:
    """One bucket, `photos`, and who asked for what."""

    objects: dict[str, bytes] = field(default_factory=dict)
    page: int = 1000  # keys a page
    faults: list[Callable[[str], Answer | None]] = field(default_factory=list)  # asked with each request
    journal: list[str] = field(default_factory=list)  # "list data/cat/ from 2", "get data/cat/1.png"
    endpoint: str = ""

    def address(self, directory: Path, ca_file: Path | None = None, bucket: str = "photos") -> BucketAddress:
        """Return where it is, with credentials in a directory."""
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            (directory / name).write_text(f"{name.lower()}\n")
        return BucketAddress(self.endpoint, bucket, "us-east-1", directory, ca_file)

    def answer(self, path: str, query: dict[str, list[str]]) -> Answer:
        """Return what S3 would."""
        bucket, _, key = path.lstrip("/").partition("/")
        prefix, start = query.get("prefix", [""])[0], int(query.get("continuation-token", ["0"])[0])
        asked = f"get {key}" if key else f"list {prefix} from {start}"
        self.journal.append(asked)
        for fault in self.faults:
            if (told := fault(asked)) is not None:
                return told
        if bucket != "photos":
            return refusal(404, "NoSuchBucket")
        if key:
            return self._object(key)
        most = int(query.get("max-keys", [str(self.page)])[0])
        return self._listing(prefix, start, min(most, self.page))

    def _object(self, key: str) -> Answer:
        if (content := self.objects.get(key)) is None:
            return refusal(404, "NoSuchKey")
        return Answer(content)

    def _listing(self, prefix: str, start: int, count: int) -> Answer:
        found = sorted(key for key in self.objects if key.startswith(prefix))
        return listing(found[start : start + count], start + count if start + count < len(found) else None)


def listing(keys: list[str], following: int | None = None, *, truncated: bool | None = None) -> Answer:
    """Return a page of keys, and where the next one begins."""
    token = "" if following is None else f"<NextContinuationToken>{following}</NextContinuationToken>"
    contents = "".join(f"<Contents><Key>{escape(quote(key))}</Key></Contents>" for key in keys)
    more = str(following is not None if truncated is None else truncated).lower()
    text = (
        f"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>{more}</IsTruncated>"
        f"{token}{contents}</ListBucketResult>"
    )
    return Answer(f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode())


def refusal(status: int, code: str, message: str = "because") -> Answer:
    """Return an error as S3 says it."""
    text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer(f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode(), status)


@contextmanager
def serving(s3: FakeS3, tls: ssl.SSLContext | None = None) -> Iterator[FakeS3]:
    """Have it answer on localhost, over TLS if there is a context."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            told = s3.answer(unquote(url.path), parse_qs(url.query))
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body[: len(told.body) - told.cut])
            self.close_connection = self.close_connection or told.cut > 0

        def do_PUT(self) -> None:
            bucket, _, key = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
            content = self.rfile.read(int(self.headers["Content-Length"]))
            told = Answer(b"") if bucket == "photos" else refusal(404, "NoSuchBucket")
            if told.status == 200:
                s3.objects[key] = content
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients may hang up
    scheme = "https" if tls else "http"
    s3.endpoint = f"{scheme}://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield s3
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
