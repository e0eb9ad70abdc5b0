import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from catdog_common.kafka_binding import KafkaLogin
from catdog_common.kafka_diagnosis import why_unreachable
from catdog_common.kafka_security import KafkaSecurity
from tests.unit.common.test_kafka_security import write_pair


@asynccontextmanager
async def broker(directory: Path, clients: Path | None = None) -> AsyncIterator[str]:
    """Listen with a certificate for localhost, and let in those alone that have one in `clients`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "localhost.crt", directory / "localhost.key")
    if clients:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(wait, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"localhost:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
def security(tmp_path: Path) -> KafkaSecurity:
    """Return what trusts the broker and shows a certificate."""
    write_pair(tmp_path / "ca", "localhost", dns="localhost")
    write_pair(tmp_path / "user", "user")
    return KafkaSecurity(tmp_path / "ca", tmp_path / "user")


async def test_where_we_are_let_in_there_is_nothing_to_say(security: KafkaSecurity, tmp_path: Path) -> None:
    async with broker(tmp_path / "ca", tmp_path / "user" / "user.crt") as server:
        assert await why_unreachable(KafkaLogin(server, security)) is None


async def test_a_broker_that_is_not_trusted_is_named(security: KafkaSecurity, tmp_path: Path) -> None:
    write_pair(tmp_path / "other", "localhost", dns="localhost")
    async with broker(tmp_path / "other") as server:
        assert (
            await why_unreachable(KafkaLogin(server, security))
            == f"{server} is not trusted: self-signed certificate"
        )


async def test_a_broker_of_another_name_is_not_trusted(security: KafkaSecurity, tmp_path: Path) -> None:
    write_pair(tmp_path / "ca", "localhost", dns="elsewhere")
    async with broker(tmp_path / "ca") as server:
        said = await why_unreachable(KafkaLogin(server, security))
    assert said == (f"{server} is not trusted: Hostname mismatch, certificate is not valid for 'localhost'.")


async def test_a_broker_that_does_not_know_our_certificate_is_named(
    security: KafkaSecurity, tmp_path: Path
) -> None:
    write_pair(tmp_path / "strangers", "stranger")
    async with broker(tmp_path / "ca", tmp_path / "strangers" / "stranger.crt") as server:
        said = await why_unreachable(KafkaLogin(server, security))
    assert said is not None
    assert said.startswith(f"{server} does not accept our certificate")


async def test_one_server_that_lets_us_in_is_enough(security: KafkaSecurity, tmp_path: Path) -> None:
    async with broker(tmp_path / "ca", tmp_path / "user" / "user.crt") as server:
        assert await why_unreachable(KafkaLogin(f"localhost:1, {server}", security)) is None


async def test_a_server_at_an_address_of_ipv6_is_found(security: KafkaSecurity) -> None:
    said = await why_unreachable(KafkaLogin("[::1]:1", security))
    assert said is not None
    assert "Name or service not known" not in said  # nobody listens there, but it is an address


async def test_nobody_at_the_address_is_told(security: KafkaSecurity) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = f"localhost:{free.getsockname()[1]}"
    assert await why_unreachable(KafkaLogin(server, security)) is not None


async def test_a_file_that_is_missing_is_named(security: KafkaSecurity, tmp_path: Path) -> None:
    (tmp_path / "user" / "user.key").unlink()
    said = await why_unreachable(KafkaLogin("localhost:1", security))
    assert said == f"{tmp_path}/user/user.key is missing: nothing tells the brokers who we are"
