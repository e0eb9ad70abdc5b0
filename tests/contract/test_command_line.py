"""The client, what it reads and asks for, and what is written of it hold together."""

import re
import tomllib
from importlib import import_module
from typing import Any

import msgspec
import yaml

from catdog_client.__main__ import cli
from catdog_client.cluster.checks import FIELDS
from catdog_client.cluster.logs import COMPONENTS, Pod
from catdog_client.cluster.model import Model
from catdog_client.cluster.models import GROUP, KIND, MODEL_LABEL, PLURAL, VERSION
from catdog_client.cluster.seen import OPERATOR_NAMESPACE, OPERATOR_SELECTOR, RIGHTS
from tests.cluster.cache import REPOSITORY
from tests.command_page import PAGE, reference_page
from tests.contract.test_crd import fields, pairs
from tests.crd import model_schema
from tests.howto import read_blocks

PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
HOWTO = REPOSITORY / "docs" / "how-to" / "command-line.md"
DOCTORS_OWN = {("apps", "deployments", "list"), ("kafka.strimzi.io", "kafkas", "list")}


def test_what_the_commands_read_is_in_the_schema() -> None:
    schema = model_schema()
    for path, part, struct in pairs("", schema, Model):
        known = part.get("properties", {}).keys() | ({"metadata"} if not path else set())
        if not path.startswith(".metadata"):
            assert set(struct.__struct_encode_fields__) <= known, path


def test_what_the_doctor_looks_for_is_in_the_schema() -> None:
    parts = model_schema()["properties"]
    known = {path.replace("[]", "") for part in ("spec", "status") for path, _ in fields(part, parts[part])}
    assert set(FIELDS) <= known


def test_the_crd_is_called_as_the_client_calls_it() -> None:
    crd = yaml.safe_load((REPOSITORY / "crds" / "catdogmodels.yaml").read_text())["spec"]
    names = crd["names"]
    assert (crd["group"], names["plural"], names["kind"]) == (GROUP, PLURAL, KIND)
    assert [each["name"] for each in crd["versions"]] == [VERSION]


def test_pods_are_found_by_the_labels_that_the_operator_gives_them() -> None:
    from catdog_operator.views import MODEL_LABEL as GIVEN

    assert MODEL_LABEL == GIVEN
    golden = REPOSITORY / "tests" / "unit" / "operator" / "golden"
    files = ("Job.json", "Deployment.json", "Deployment-shadow.json")
    for component, file in zip(COMPONENTS, files, strict=True):
        template = yaml.safe_load((golden / file).read_text())["spec"]["template"]
        assert template["metadata"]["labels"]["app.kubernetes.io/component"] == component
        made = {"metadata": {"name": "made"}, "spec": template["spec"]}
        assert msgspec.convert(made, Pod).container == template["spec"]["containers"][0]["name"]


def test_the_operator_is_found_by_its_labels_where_it_is_installed() -> None:
    base = REPOSITORY / "manifests" / "base"
    labels = yaml.safe_load((base / "deployment.yaml").read_text())["metadata"]["labels"]
    wanted = dict(each.split("=") for each in OPERATOR_SELECTOR.split(","))
    assert wanted.items() <= labels.items()
    assert yaml.safe_load((base / "namespace.yaml").read_text())["metadata"]["name"] == OPERATOR_NAMESPACE


def test_the_howtos_role_has_just_what_the_commands_need() -> None:
    [role] = [yaml.safe_load(each.text) for each in read_blocks(HOWTO.read_text()) if each.language == "yaml"]
    given = {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    needed = {
        (each.group, "/".join(filter(None, (each.resource, each.subresource))), each.verb) for each in RIGHTS
    }
    assert given == needed | DOCTORS_OWN


def test_each_command_that_an_installation_gives_is_there() -> None:
    scripts: dict[str, str] = PROJECT["project"]["scripts"]
    assert {"catdog", "kubectl-catdog", "oc-catdog", "kubectl_complete-catdog"} <= scripts.keys()
    for target in scripts.values():
        module, function = target.split(":")
        assert callable(getattr(import_module(module), function))


def test_an_installation_has_every_package_of_the_client() -> None:
    there = {
        ".".join(file.parent.relative_to(REPOSITORY / "client").parts)
        for file in (REPOSITORY / "client").rglob("__init__.py")
    }
    assert {each for each in PROJECT["tool"]["setuptools"]["packages"] if "client" in each} == there


def test_the_reference_is_what_the_commands_say_of_themselves() -> None:
    assert PAGE.read_text() == reference_page(), "run `make docs`"


def test_the_howto_names_no_command_or_option_that_is_not_there() -> None:
    text = "\n".join(each.text for each in read_blocks(HOWTO.read_text()) if each.language == "sh")
    for name, line in re.findall(r"catdog (?!-)([a-z-]+)(.*)", text):
        known = {flag for each in cli.commands[name].params for flag in each.opts}
        assert set(re.findall(r"(--[a-z-]+)", line)) <= known, line
