"""Makes of a schema what is wrong by it: every number out of its range, every text too long."""

from collections.abc import Callable
from typing import Any

from tests.crd import Schema, model_schema
from tests.e2e.refused import Spec, bound

Wrong = tuple[Any, list[str]]  # a value, and what the API server says of it
UNTOLD: Wrong = (None, [])


def wrong_by(schema: Schema, path: str, of_leaf: Callable[[Schema, str], Wrong]) -> Wrong:
    """Return a value with all that `of_leaf` finds wrong in a part of the resource, or None."""
    if "items" in schema:
        value, messages = wrong_by(schema["items"], f"{path}[0]", of_leaf)
        return (None if value is None else [value]), messages
    if "properties" not in schema:
        return of_leaf(schema, path)
    fields = {
        name: wrong_by(field, f"{path}.{name}", of_leaf) for name, field in schema["properties"].items()
    }
    values = {name: value for name, (value, _) in fields.items() if value is not None}
    return values or None, [message for _, messages in fields.values() for message in messages]


def too_small(schema: Schema, path: str) -> Wrong:
    """Return a number below the least."""
    if "minimum" not in schema:
        return UNTOLD
    least, exclusive = schema["minimum"], schema.get("exclusiveMinimum")
    relation = "greater than" if exclusive else "greater than or equal to"
    return least - 1, [bound(path, least - 1, f"{relation} {least}")]


def too_large(schema: Schema, path: str) -> Wrong:
    """Return a number above the largest."""
    if "maximum" not in schema:
        return UNTOLD
    most = schema["maximum"]
    return most + 1, [bound(path, most + 1, f"less than or equal to {most}")]


def too_long(schema: Schema, path: str) -> Wrong:
    """Return a text of one character more than it may have; a choice is made where there is one."""
    if "enum" in schema:
        return schema["enum"][0], []
    if "maxLength" not in schema:
        return UNTOLD
    most = schema["maxLength"]
    return "a" * (most + 1), [f"{path}: Too long: may not be more than {most} bytes"]


def _parts_out_of_bounds() -> dict[str, tuple[str, Spec, list[str]]]:
    cases = {}
    for part, schema in model_schema()["properties"]["spec"]["properties"].items():
        for of_leaf in (too_small, too_large, too_long):
            value, messages = wrong_by(schema, f"spec.{part}", of_leaf)
            if messages:
                cases[f"{part} {of_leaf.__name__}"] = (part, value, messages)
    return cases


OUT_OF_BOUNDS = _parts_out_of_bounds()  # part of the spec, its value, and what is said of it
