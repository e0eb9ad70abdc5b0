"""A real S3 on the host, which pods reach by its address: versitygw over a directory, with its own CA."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.session import get_session

from tests.cluster.cache import REPOSITORY
from tests.cluster.commands import run
from tests.cluster.instance import Instance
from tests.cluster.pki import issue, make_authority
from tests.cluster.programs import build_s3_server
from tests.cluster.waiting import PATIENCE_SECONDS, await_answer

KEY, SECRET = "catdog-tests", "not-to-be-guessed"

_PORT = 7443


@dataclass(frozen=True)
class S3Server:
    """A server, and how it is reached and trusted."""

    endpoint: str
    ca_file: Path
    root: Path  # its buckets are directories in it

    def make_bucket(self, name: str) -> None:
        """Make a bucket."""
        client(self).create_bucket(Bucket=name)

    def make_folder(self, bucket: str, key: str) -> None:
        """Make a key that ends in '/', as consoles do for a folder."""
        client(self).put_object(Bucket=bucket, Key=key)

    def upload(self, directory: Path, bucket: str, prefix: str) -> str:
        """Fill a bucket by the command `catdog upload`, and return what it says."""
        target = ("--s3-endpoint", self.endpoint, "--s3-bucket", bucket, "--s3-prefix", prefix)
        keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
        trust = ("--s3-ca-file", self.ca_file)
        environment = {"PYTHONPATH": str(REPOSITORY / "client") + os.pathsep + str(REPOSITORY / "common")}
        command = ("-m", "catdog_client", "upload", directory, *target, *trust)
        return run(sys.executable, *command, env={**environment, **keys})


def client(server: S3Server) -> Any:  # noqa: ANN401 - botocore makes its methods as it runs
    """Return a client with all rights."""
    return get_session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=server.endpoint,
        verify=str(server.ca_file),
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(s3={"addressing_style": "path"}),
    )


@contextmanager
def s3_server(cluster: Instance, directory: Path) -> Iterator[S3Server]:
    """Run a server without buckets, and end it with the context.

    Raises:
        RuntimeError: it ended before it answered.
    """
    address, root = cluster.layout.host_address, directory / "buckets"
    root.mkdir()
    authority = make_authority("catdog-tests-s3")
    authority.write(directory, "ca")
    issue(authority, "s3", hosts=[address]).write(directory, "server")
    program = build_s3_server(cluster.cache)
    tls = ("--cert", directory / "server.crt", "--key", directory / "server.key")
    listening = ("--port", f"{address}:{_PORT}", "--health", "/health")
    environment = {"ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET}
    with (directory / "s3.log").open("wb") as log:
        process = subprocess.Popen(
            [program, *listening, *tls, "posix", root], env=environment, stdout=log, stderr=log
        )

    def check_it_lives() -> None:
        if (code := process.poll()) is not None:
            raise RuntimeError(f"versitygw ended with {code}: {(directory / 's3.log').read_text()[-2000:]}")

    endpoint = f"https://{address}:{_PORT}"
    try:
        await_answer(f"{endpoint}/health", PATIENCE_SECONDS, directory / "ca.crt", check_it_lives)
        yield S3Server(endpoint, directory / "ca.crt", root)
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
