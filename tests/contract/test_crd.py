"""The CRD's schema and the operator's types say the same, field by field."""

import types
from collections.abc import Iterator
from typing import Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from catdog_operator.resource import MODEL_SHAPING_FIELDS, Spec, Training
from catdog_operator.status_fields import ModelStatus
from tests.crd import Schema, model_schema

SCHEMA = model_schema()["properties"]
Struct = type[msgspec.Struct]
UNIONS = (types.UnionType, Union)


@pytest.mark.parametrize(("part", "struct"), [("spec", Spec), ("status", ModelStatus)])
def test_every_field_of_the_schema_is_one_of_the_operators_type_and_the_other_way_round(
    part: str, struct: Struct
) -> None:
    for path, schema, each in pairs(part, SCHEMA[part], struct):
        assert set(schema.get("properties", {})) == set(each.__struct_encode_fields__), path


def test_what_the_operator_takes_for_granted_is_required_or_has_a_default_in_the_schema() -> None:
    for path, schema, struct in pairs("spec", SCHEMA["spec"], Spec):
        for field in msgspec.structs.fields(struct):
            given = field.encode_name in schema.get("required", [])
            has_default = "default" in schema["properties"][field.encode_name]
            assert field.required == (given or has_default), f"{path}.{field.encode_name}"


def test_values_of_enums_are_the_same_on_both_sides() -> None:
    for path, schema, struct in pairs("spec", SCHEMA["spec"], Spec):
        for field in msgspec.structs.fields(struct):
            assert schema["properties"][field.encode_name].get("enum", []) == values(struct, field.name), (
                f"{path}.{field.encode_name}"
            )


def test_every_field_has_a_description_since_explain_is_the_manual() -> None:
    for path, schema in fields("spec", SCHEMA["spec"]):
        assert schema.get("description", "").endswith("."), path
    for path, schema in fields("status", SCHEMA["status"]):
        assert schema.get("description", "").endswith("."), path


def test_model_shaping_fields_have_no_default_in_the_schema() -> None:
    """A default that the API server writes into a resource would be in its hash."""
    training = SCHEMA["spec"]["properties"]["training"]["properties"]
    names = [
        Training.__struct_encode_fields__[Training.__struct_fields__.index(name)]
        for name in MODEL_SHAPING_FIELDS
    ]
    shaping = [each for name in names for each in fields(name, training[name])]
    assert [path for path, schema in shaping if "default" in schema] == []


def test_every_number_and_list_has_bounds() -> None:
    for path, schema in fields("spec", SCHEMA["spec"]):
        if schema.get("type") in ("integer", "number"):
            assert {"minimum", "maximum"} <= schema.keys(), path
        if schema.get("type") == "array":
            assert "maxItems" in schema, path


def pairs(path: str, schema: Schema, struct: Struct) -> Iterator[tuple[str, Schema, Struct]]:
    """Give each part of a schema beside the type that reads it."""
    yield path, schema, struct
    hints = get_type_hints(struct)
    for field in msgspec.structs.fields(struct):
        if (inner := struct_in(hints[field.name])) is not None:
            deeper = schema["properties"][field.encode_name]
            yield from pairs(f"{path}.{field.encode_name}", deeper.get("items", deeper), inner)


def struct_in(hint: object) -> Struct | None:
    """Return the struct that an annotation holds: itself, an optional one, or a tuple of it."""
    if get_origin(hint) in (*UNIONS, tuple):
        return next((found for each in get_args(hint) if (found := struct_in(each))), None)
    return hint if isinstance(hint, type) and issubclass(hint, msgspec.Struct) else None


def values(struct: Struct, name: str) -> list[str]:
    """Return the values that a field may have, where they are named."""
    hint = get_type_hints(struct)[name]
    options = get_args(hint) if get_origin(hint) in UNIONS else (hint,)
    return [value for option in options if get_origin(option) is Literal for value in get_args(option)]


def fields(path: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Give every field of a schema, itself first."""
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from fields(f"{path}.{name}", field)
    if "properties" in schema.get("items", {}):
        yield from (each for each in fields(f"{path}[]", schema["items"]) if each[0] != f"{path}[]")
