"""The operator's configuration, read once from its environment."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from catdog_common.environment import read_environment
from catdog_operator.observed import Images

Positive = Annotated[int, msgspec.Meta(ge=1)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class Config(msgspec.Struct, frozen=True):
    """How the operator is run; read from `CATDOG_*`."""

    retry_seconds: Positive = 60  # the first wait between attempts at training; it doubles
    longest_retry_seconds: Positive = 1800  # up to this
    # Models whose workers are replaced at once when an upgrade changes their pods; 0 holds that back.
    parallel_rollouts: Annotated[int, msgspec.Meta(ge=0)] = 5
    http_port: Port = 8080  # /healthz
    metrics_port: Port = 8081  # /metrics
    workers: Positive = 8  # models that are looked at side by side
    namespaces: tuple[str, ...] = ()  # that are watched; none means all, and needs a ClusterRole


def read_config(environ: Mapping[str, str]) -> Config:
    """Return the configuration.

    Raises:
        ValueError: a value is wrong; the message names it.
    """
    return read_environment(Config, environ)


def read_images(environ: Mapping[str, str]) -> Images:
    """Return the images of trainer and worker: RELATED_IMAGE_TRAINER, RELATED_IMAGE_INFERENCE.

    Raises:
        ValueError: one is missing; the message names it.
    """
    names = {"trainer": "RELATED_IMAGE_TRAINER", "inference": "RELATED_IMAGE_INFERENCE"}
    for name in names.values():
        if not environ.get(name):
            raise ValueError(f"the environment has no {name}")
    return Images(**{field: environ[name] for field, name in names.items()})
