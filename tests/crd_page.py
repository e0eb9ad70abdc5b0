"""Writes the reference of the CatDogModel, docs/reference/catdogmodel.md, from its CRD: `make docs`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.crd import Schema, model_version

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "catdogmodel.md"

_INTRODUCTION = """\
# CatDogModel

`catdog.dev/v1alpha1`, short name `cdm`. Made from `crds/catdogmodels.yaml` by `make docs`; the cluster says
the same by `kubectl explain`. A field without a default may be left out, unless it is *required*; what the
operator then takes is in its description and, as resolved, in the status. Where something is refused, the
message stands here as it is said. [Conditions](conditions.md) has what the reasons in `status.conditions`
ask for.
"""
_BOUNDS = {
    "minimum": "≥ {}",
    "maximum": "≤ {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "maxProperties": "at most {}",
    "pattern": "matches {}",
}


def reference_page() -> str:
    """Return the page as the CRD has it."""
    version = model_version()
    schema: Schema = version["schema"]["openAPIV3Schema"]
    parts = schema["properties"]
    seen: dict[int, str] = {}
    sections = [section for name in ("spec", "status") for section in _sections(name, parts[name], seen)]
    whole = ["## The resource", schema["description"], *_rules(schema), _columns(version)]
    return "\n\n".join([_INTRODUCTION.strip(), *whole, *sections]) + "\n"


def _columns(version: dict[str, Any]) -> str:
    rows = [
        f"| {each['name'].upper()} | `{each['jsonPath']}` | {each.get('description', 'Since it was made.')} |"
        for each in version["additionalPrinterColumns"]
    ]
    scale = version["subresources"]["scale"]["specReplicasPath"]
    head = f"`kubectl get` shows these columns, and `kubectl scale` writes `{scale}`:"
    return "\n".join([head, "", "| column | of | |", "|---|---|---|", *rows])


def _sections(path: str, schema: Schema, seen: dict[int, str]) -> Iterator[str]:
    """Yield the section of an object, and those of the objects in it.

    An object that the CRD has in two places, as one, is described at the first.
    """
    seen[id(schema)] = path
    inner = schema.get("items", schema)
    yield f"## {path}"
    yield _text(schema.get("description", ""))
    yield from _rules(schema)
    if inner is not schema:
        yield from _rules(inner)
    rows = [_row(path, name, field, inner, seen) for name, field in inner["properties"].items()]
    yield "\n".join(["| field | type | default | limits | |", "|---|---|---|---|---|", *rows])
    for name, field in inner["properties"].items():
        if _has_section(field) and id(field) not in seen:
            yield from _sections(f"{path}.{name}", field, seen)


def _row(path: str, name: str, field: Schema, parent: Schema, seen: dict[int, str]) -> str:
    kind = _kind(field)
    if _has_section(field):
        target = seen.get(id(field), f"{path}.{name}")
        kind = f"[{kind}](#{target.replace('.', '').lower()})"
    required = "*required*" if name in parent.get("required", []) else ""
    default = f"`{_shown(field['default'])}`" if "default" in field else required
    described = _text(field.get("description", ""))
    if _has_section(field):  # which has all of it
        described = re.split(r"(?<=[.;:]) ", described)[0].rstrip(";:.") + "."
    refused = "".join(f"<br>Refused: {_text(rule['message'])}" for rule in _own_rules(field))
    return f"| `{name}` | {kind} | {default} | {_limits(field)} | {described}{refused} |"


def _has_section(field: Schema) -> bool:
    return "properties" in field.get("items", field)


def _own_rules(field: Schema) -> list[dict[str, str]]:
    """Return the rules of a field that has no section, where they would stand."""
    if _has_section(field):
        return []
    inner = field.get("additionalProperties") or {}
    rules: list[dict[str, str]] = [
        *field.get("x-kubernetes-validations", []),
        *inner.get("x-kubernetes-validations", []),
    ]
    return rules


def _rules(schema: Schema) -> Iterator[str]:
    """Yield the list of what is refused: the message, and the rule in CEL."""
    rules = schema.get("x-kubernetes-validations", [])
    if rules:
        lines = [f"- {_text(rule['message'])}\n\n  `{_one_line(rule['rule'])}`" for rule in rules]
        yield "\n\n".join(["Refused, unless the rule holds:", *lines])


def _kind(field: Schema) -> str:
    if field["type"] == "array":
        return f"list of {_kind(field['items'])}s"
    if field.get("x-kubernetes-preserve-unknown-fields"):
        return "object, as in a Pod"
    if isinstance(field.get("additionalProperties"), dict):
        return "map"
    kind: str = field["type"]
    return "time" if field.get("format") == "date-time" else kind


def _limits(field: Schema) -> str:
    limits = [f"`{value}`" for value in field.get("enum", [])]
    said = [" ".join(limits)] if limits else []
    for name, words in _BOUNDS.items():
        if name in field:
            value = field[name]
            exclusive = field.get(f"exclusive{name.capitalize()}", False)
            shown = f"`{_escaped(value)}`" if name == "pattern" else f"{value:,}"
            said.append((words.replace("≥", ">") if exclusive else words).format(shown))
    return ", ".join(said)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(words: str) -> str:
    """Return words in one line, safe in a table: what stands in < > would be taken for HTML."""
    return _escaped(_one_line(words)).replace("<", "&lt;").replace("*", "\\*")


def _one_line(words: str) -> str:
    return re.sub(r"\s+", " ", words).strip()


def _escaped(words: str) -> str:
    return words.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(reference_page())
