"""The CatDogModel's schema as the CRD has it, and the defaults that the API server fills in from it."""

import copy
from pathlib import Path
from typing import Any

import yaml

CRD_FILE = Path(__file__).parents[1] / "crds" / "catdogmodels.yaml"

Schema = dict[str, Any]


def model_version() -> dict[str, Any]:
    """Return version v1alpha1: its schema, columns and subresources."""
    version: dict[str, Any]
    [version] = yaml.safe_load(CRD_FILE.read_text())["spec"]["versions"]
    return version


def model_schema() -> Schema:
    """Return the schema of version v1alpha1."""
    schema: Schema = model_version()["schema"]["openAPIV3Schema"]
    return schema


def with_defaults(value: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Return `value` as the API server stores it: with the schema's defaults where it says nothing."""
    filled = copy.deepcopy(value)
    for name, field in schema.get("properties", {}).items():
        if name not in filled and "default" in field:
            filled[name] = copy.deepcopy(field["default"])
        if isinstance(filled.get(name), dict):
            filled[name] = with_defaults(filled[name], field)
    return filled
