"""The reference of the CatDogModel says what its CRD says."""

import copy
from typing import Any

import pytest

from tests import crd_page
from tests.crd import model_schema, model_version
from tests.crd_page import PAGE, reference_page


def test_the_reference_is_as_the_crd_would_have_it() -> None:
    assert PAGE.read_text() == reference_page(), "run `make docs`"


def test_it_has_each_message_of_a_refusal() -> None:
    text = PAGE.read_text().replace("\\", "").replace("&lt;", "<")
    for message in _messages(model_schema()):
        assert " ".join(message.split()) in text


def test_a_change_of_the_crd_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    version = copy.deepcopy(model_version())
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    spec["inference"]["properties"]["replicas"]["default"] = 2
    monkeypatch.setattr(crd_page, "model_version", lambda: version)
    assert "| `replicas` | integer | `2` | ≥ 0, ≤ 1,000 |" in reference_page()
    assert PAGE.read_text() != reference_page()


def _messages(schema: Any) -> list[str]:  # noqa: ANN401 - whatever YAML has
    if isinstance(schema, list):
        return [each for item in schema for each in _messages(item)]
    if not isinstance(schema, dict):
        return []
    own = [rule["message"] for rule in schema.get("x-kubernetes-validations", [])]
    return own + [each for value in schema.values() for each in _messages(value)]
