"""Reads a process's configuration from its environment, once, into a typed object."""

from collections.abc import Mapping
from typing import TypeVar, get_origin

import msgspec

Config = TypeVar("Config", bound=msgspec.Struct)

PREFIX = "CATDOG_"


def read_environment(config: type[Config], environ: Mapping[str, str]) -> Config:
    """Return a `config` whose field `max_batch_size` is read from `CATDOG_MAX_BATCH_SIZE`, and so on.

    A tuple has its values separated by commas.

    Raises:
        ValueError: a name is missing, or its value is not of the field's type; the message names it.
    """
    names = {field.name: PREFIX + field.name.upper() for field in msgspec.structs.fields(config)}
    values: dict[str, str | list[str]] = {
        field: environ[name] for field, name in names.items() if name in environ
    }
    for field in msgspec.structs.fields(config):
        if field.required and field.name not in values:
            raise ValueError(f"the environment has no {names[field.name]}")
        if get_origin(field.type) is tuple and field.name in values:
            parts = environ[names[field.name]].split(",")
            values[field.name] = [part.strip() for part in parts if part.strip()]
    try:
        return msgspec.convert(values, config, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"the environment's {PREFIX}* are wrong: {error}") from error
