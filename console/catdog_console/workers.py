"""Finds the workers of a model."""

import asyncio
import ipaddress
from collections.abc import Sequence
from typing import Any

from catdog_client.cluster.models import MODEL_LABEL, Models
from catdog_client.errors import ClientError
from catdog_console.cluster import Connect, Key, tell_refusal

HTTP_PORT = 8080  # of a worker; a contract test holds it to the operator's

_SELECTOR = "app.kubernetes.io/component=inference"


async def find_workers(connect: Connect, model: Key) -> Sequence[str]:
    """Return the addresses of the workers that run, those first that are ready.

    Raises:
        ClientError: no API server answers, or it refuses.
    """
    try:
        return await asyncio.to_thread(lambda: list_workers(connect(model.namespace), model.name))
    except ClientError as error:
        raise ClientError(tell_refusal(error)) from error


def list_workers(models: Models, name: str) -> list[str]:
    """Return the addresses of the workers that run, those first that are ready."""
    query = {"labelSelector": f"{_SELECTOR},{MODEL_LABEL}={name}"}
    pods = models.api.get(f"/api/v1/namespaces/{models.namespace}/pods", query)["items"]
    return [_address(pod) for pod in sorted(filter(_runs, pods), key=_is_ready, reverse=True)]


def _runs(pod: dict[str, Any]) -> bool:
    status = pod.get("status", {})
    goes = "deletionTimestamp" in pod["metadata"]
    return status.get("phase") == "Running" and bool(status.get("podIP")) and not goes


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _address(pod: dict[str, Any]) -> str:
    address = ipaddress.ip_address(pod["status"]["podIP"])
    host = f"[{address}]" if address.version == 6 else str(address)
    return f"http://{host}:{HTTP_PORT}"
