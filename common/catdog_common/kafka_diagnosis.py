"""Finds out why no broker lets us in: aiokafka says only that none did."""

import asyncio
import ssl
from contextlib import suppress
from typing import Any

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError

from catdog_common.kafka_binding import KafkaLogin
from catdog_common.kafka_security import KafkaSecurityError

_SECONDS = 5.0
# TLS 1.3 has a server refuse a client's certificate only after the handshake; one that does not says nothing.
_REFUSAL_SECONDS = 1.0


async def why_unreachable(login: KafkaLogin) -> str | None:
    """Return what the first of the bootstrap servers says where none lets us in, or None where one does."""
    try:
        settings = login.security.settings()
    except KafkaSecurityError as error:
        return str(error)
    servers = [server.strip() for server in login.servers.split(",")]
    reasons = [await _why_closed(server, settings) for server in servers]
    return reasons[0] if all(reasons) else None


async def _why_closed(server: str, settings: dict[str, Any]) -> str | None:
    host, _, port = server.rpartition(":")
    host = host.strip("[]")  # an IPv6 address's
    try:
        async with asyncio.timeout(_SECONDS):
            if not await _is_open(host, int(port), settings.get("ssl_context")):
                return f"{server} does not accept our certificate, it seems: it closes the connection"
            if "sasl_mechanism" in settings:
                (await create_conn(host, int(port), **settings)).close()
            return None
    except KafkaError as error:
        return f"{server} refuses us: {error}"
    except TimeoutError:
        return f"{server} does not answer"
    except ssl.SSLCertVerificationError as error:
        return f"{server} is not trusted: {error.verify_message}"
    except ssl.SSLError as error:
        refused = "does not accept our certificate" if _is_of_certificate(error) else "refuses us"
        return f"{server} {refused}: {_words(error)}"
    except OSError as error:
        return f"{server} can't be reached: {error.strerror or error}"


async def _is_open(host: str, port: int, context: ssl.SSLContext | None) -> bool:
    """Connect, and return whether the server goes on listening."""
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        async with asyncio.timeout(_REFUSAL_SECONDS):
            return await reader.read(1) != b""
    except TimeoutError:
        return True
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _is_of_certificate(error: ssl.SSLError) -> bool:
    """Whether a server's alert (RFC 8446, section 6.2) is on the certificate that we showed, or did not."""
    reason = error.reason or ""
    return "_ALERT_" in reason and ("CERTIFICATE" in reason or reason.endswith("UNKNOWN_CA"))


def _words(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).lower().replace("_", " ")
