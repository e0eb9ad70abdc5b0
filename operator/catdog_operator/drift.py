"""Tells whether an object is as it is wanted, leaf by leaf, and what a merge patch has to say."""

import re
from decimal import Decimal
from typing import Any

QUANTITY_FIELDS = ("requests", "limits", "storage", "sizeLimit")
QUANTITY = re.compile(r"([+-]?[0-9.]+)([eE][+-]?[0-9]+|[KMGTPE]i|[numkMGTPE])?")
SUFFIXES = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", start=1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)},
}  # fmt: skip


def differs(wanted: Any, observed: Any, *, quantity: bool = False) -> bool:  # noqa: ANN401 - JSON of any shape
    """Return whether a leaf of `wanted` is not so in `observed`, which may have more of its own."""
    if isinstance(wanted, dict):
        return not isinstance(observed, dict) or any(
            differs(value, observed.get(key), quantity=quantity or key in QUANTITY_FIELDS)
            for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            not isinstance(observed, list)
            or len(wanted) != len(observed)
            or any(differs(*pair) for pair in zip(wanted, observed, strict=True))
        )
    if quantity and wanted is not None and observed is not None:
        return parse_quantity(wanted) != parse_quantity(observed)
    return bool(wanted != observed)


def parse_quantity(quantity: str | int) -> Decimal:
    """Return a quantity of Kubernetes as a number: `500m` is 0.5, `1Gi` 1073741824.

    Raises:
        ValueError: it is none.
    """
    if (match := QUANTITY.fullmatch(str(quantity))) is None:
        raise ValueError(f"{quantity} is no quantity")
    number, suffix = match.group(1), match.group(2) or ""
    if suffix not in SUFFIXES:
        return Decimal(number + suffix)  # an exponent
    return Decimal(number) * SUFFIXES[suffix]


def merge_patch(wanted: dict[str, Any], observed: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch (RFC 7386) that makes `observed` equal to `wanted`; empty where it is."""
    patch: dict[str, Any] = dict.fromkeys(observed.keys() - wanted.keys())
    for key, value in wanted.items():
        former = observed.get(key)
        if isinstance(value, dict) and isinstance(former, dict):
            if deeper := merge_patch(value, former):
                patch[key] = deeper
        elif value != former:
            patch[key] = value
    return patch
