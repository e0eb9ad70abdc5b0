"""The build context of the Kafka broker's image: the jars of a released Kafka, pinned by digest."""

import hashlib
import os
import shutil
import ssl
import subprocess
import tempfile
import warnings
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.utils import CryptographyDeprecationWarning

_SOURCE = Path(__file__).parent
_BUILD_FILES = ("Containerfile", "log4j2.properties", "start-broker")
_PASSWORD = "changeit"  # noqa: S105 -- Java's own default for a store of public certificates


class DownloadError(Exception):
    """Maven failed; the message is what it said."""


class JarMismatchError(Exception):
    """What Maven delivered is not what `jars.sha256` pins; the message names the jars."""


def prepare(context_dir: Path, maven_repository: Path) -> None:
    """Put all that `Containerfile` needs into `context_dir`, downloading through `maven_repository`.

    Raises:
        JarMismatchError: a jar is missing, another, or one too many.
        DownloadError: Maven failed; the message is what it said.
    """
    context_dir.mkdir(parents=True, exist_ok=True)
    for name in _BUILD_FILES:
        shutil.copy(_SOURCE / name, context_dir / name)
    fetch_jars(context_dir / "jars", maven_repository)


def fetch_jars(jars_dir: Path, maven_repository: Path, source: Path = _SOURCE) -> None:
    """Let Maven copy the jars of a `pom.xml` (the broker's) into `jars_dir`, and check every one.

    Raises:
        JarMismatchError: a jar is missing, another, or one too many than in `jars.sha256` beside the pom.
        DownloadError: Maven failed; the message is what it said.
    """
    with tempfile.TemporaryDirectory() as scratch:
        # Maven writes beside the pom that it reads; the checkout stays as it is.
        pom = Path(shutil.copy(source / "pom.xml", scratch))
        trust = _write_trust_store(Path(scratch) / "trust.p12")
        done = subprocess.run(
            [
                "mvn", "--batch-mode", "-Dstyle.color=never", "--quiet", "--strict-checksums", "--file", pom,
                f"-Dmaven.repo.local={maven_repository}",
                "dependency:copy-dependencies", "-DincludeScope=runtime",
                f"-DoutputDirectory={jars_dir.resolve()}",
            ],
            check=False,
            capture_output=True,
            text=True,
            env=os.environ | {"MAVEN_OPTS": f"{os.environ.get('MAVEN_OPTS', '')} {trust}".strip()},
        )  # fmt: skip
    if done.returncode != 0:
        raise DownloadError(done.stdout + done.stderr)
    check_jars(jars_dir, read_pins(source / "jars.sha256"))


def read_pins(path: Path) -> dict[str, str]:
    """Return name → sha256 as `sha256sum` wrote them."""
    return {name: digest for digest, name in (line.split() for line in path.read_text().splitlines())}


def check_jars(jars_dir: Path, pins: dict[str, str]) -> None:
    """Raise JarMismatchError unless `jars_dir` holds exactly the files of `pins`."""
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars_dir.iterdir()}
    changed = sorted(name for name in pins.keys() & found.keys() if found[name] != pins[name])
    problems = [
        *(f"{name} is missing" for name in sorted(pins.keys() - found.keys())),
        *(f"{name} is not in jars.sha256" for name in sorted(found.keys() - pins.keys())),
        *(f"{name} has sha256 {found[name]}" for name in changed),
    ]
    if problems:
        raise JarMismatchError(f"{jars_dir}: {'; '.join(problems)}")


def _write_trust_store(path: Path) -> str:
    """Make Java trust whom Python trusts here; return Java's options for it.

    A machine behind a proxy with a CA of its own names it in SSL_CERT_FILE or in the system's bundle,
    and Java reads neither.
    """
    bundle = ssl.get_default_verify_paths().cafile
    if bundle is None:
        return ""
    with warnings.catch_warnings():
        # Some old root in Debian's bundle has a serial number of 0, which is no concern of ours.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        certificates = x509.load_pem_x509_certificates(Path(bundle).read_bytes())
    named = [pkcs12.PKCS12Certificate(cert, str(number).encode()) for number, cert in enumerate(certificates)]
    encryption = serialization.BestAvailableEncryption(_PASSWORD.encode())
    path.write_bytes(pkcs12.serialize_java_truststore(named, encryption))
    return f"-Djavax.net.ssl.trustStore={path} -Djavax.net.ssl.trustStorePassword={_PASSWORD}"
