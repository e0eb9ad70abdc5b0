"""Kafka clients of others, as they come: Kafka's console tools, kcat, the CloudEvents SDK for Go."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.people import Person

PATIENCE_SECONDS = 240
_JAVA = ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")  # they live too short for more compiling


@dataclass(frozen=True)
class ReadRecord:
    """A record as a tool printed it; "null" is its word where there is no key or value."""

    key: str
    headers: dict[str, str]
    value: str


@dataclass(frozen=True)
class ConsoleTools:
    """Kafka's own console producer and consumer."""

    jars: Path
    person: Person

    def produce(self, topic: str, lines: bytes, *options: str) -> None:
        """Send each line as a record."""
        self._run("ConsoleProducer", topic, *options, stdin=lines)

    def consume(self, topic: str, count: int) -> list[ReadRecord]:
        """Return so many records from a topic's beginning, or those that came in time."""
        printed = ("print.key=true", "print.headers=true")
        options = [word for each in printed for word in ("--formatter-property", each)]
        limits = ("--max-messages", str(count), "--timeout-ms", str(PATIENCE_SECONDS * 1000))
        said = self._run("consumer.ConsoleConsumer", topic, "--from-beginning", *limits, *options)
        return [_parse(line, assignment=":") for line in said.decode().splitlines()]

    def _run(self, tool: str, topic: str, *options: str, stdin: bytes = b"") -> bytes:
        program = (*_JAVA, "-cp", f"{self.jars}/*", f"org.apache.kafka.tools.{tool}")
        servers = ("--bootstrap-server", self.person.servers, "--command-config", str(self._config()))
        return run(*program, *servers, "--topic", topic, *options, stdin=stdin)

    def _config(self) -> Path:
        """Write what they need to be let in; return the file."""
        directory = self.person.directory
        identity = directory / "identity.pem"
        identity.write_bytes(self.person.key.read_bytes() + self.person.certificate.read_bytes())
        settings = {
            "security.protocol": "SSL",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": identity,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.person.authority,
        }
        config = directory / "console.properties"
        config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return config


@dataclass(frozen=True)
class Kcat:
    """Debian's kcat."""

    person: Person

    def produce(self, topic: str, *options: str, stdin: bytes = b"") -> None:
        """Send files that the options name, else each line of `stdin`."""
        self._run("-P", topic, *options, stdin=stdin)

    def consume(self, topic: str, count: int) -> list[ReadRecord]:
        """Return so many records from a topic's beginning.

        Raises:
            AssertionError: there are not so many.
        """
        said = self._run("-C", topic, "-q", "-o", "beginning", "-c", str(count), "-f", r"%h\t%k\t%s\n")
        return [_parse(line, assignment="=") for line in said.decode().splitlines()]

    def _run(self, mode: str, topic: str, *options: str, stdin: bytes = b"") -> bytes:
        settings = {
            "security.protocol": "ssl",
            "ssl.ca.location": self.person.authority,
            "ssl.certificate.location": self.person.certificate,
            "ssl.key.location": self.person.key,
        }
        words = [word for name, value in settings.items() for word in ("-X", f"{name}={value}")]
        return run("kcat", mode, "-b", self.person.servers, "-t", topic, *words, *options, stdin=stdin)


def read_events(program: Path, person: Person, topic: str, count: int) -> list[dict[str, Any]]:
    """Return so many events from a topic's beginning, as CloudEvents' SDK for Go read them."""
    options = {
        "servers": person.servers,
        "ca": person.authority,
        "cert": person.certificate,
        "key": person.key,
        "topic": topic,
        "group": "a-service-in-go",
        "count": count,
    }
    said = run(program, *(f"-{name}={value}" for name, value in options.items()))
    return [json.loads(line) for line in said.splitlines()]


def run(*argv: str | Path, stdin: bytes = b"") -> bytes:
    """Run a program to its end and return its output.

    Raises:
        AssertionError: its exit code was not 0, or it took too long; the message has what it said.
    """
    try:
        done = subprocess.run(
            argv, input=stdin, capture_output=True, check=True, timeout=PATIENCE_SECONDS + 30
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = [each.decode(errors="replace") for each in (error.stdout, error.stderr) if each]
        raise AssertionError("\n".join([str(error), *said])) from error
    return done.stdout


def _parse(line: str, assignment: str) -> ReadRecord:
    headers, key, value = line.split("\t", 2)
    # Commas are also in values, but not before what looks like another header.
    pairs = (pair.partition(assignment) for pair in re.split(rf",(?=[\w.-]+{assignment})", headers))
    return ReadRecord(key, {name: text for name, _, text in pairs}, value)
