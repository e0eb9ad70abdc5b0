"""The rules that a KafkaUser asks for, as Kafka's authorizer keeps them.

Strimzi docs: "Using the User Operator: User authorization", "ACL rules".
"""

import re
from collections.abc import Collection

from confluent_kafka.admin import AclBinding

from tests.cluster.strimzi.kube import Manifest

_PATTERNS = {"literal": "LITERAL", "prefix": "PREFIXED"}
_RESOURCES = {"topic": "TOPIC", "group": "GROUP", "cluster": "BROKER", "transactionalId": "TRANSACTIONAL_ID"}


class InvalidUserError(Exception):
    """A KafkaUser asks for what can't be; the message says what."""


def build_acls(user: Manifest) -> set[AclBinding]:
    """Return one rule for every operation that the KafkaUser lists.

    Raises:
        InvalidUserError: a rule does not say what it is about.
    """
    principal = f"User:{username(user)}"
    rules = user["spec"].get("authorization", {}).get("acls", [])
    return {_acl(principal, rule, operation) for rule in rules for operation in rule["operations"]}


def username(user: Manifest) -> str:
    """Return the name that Kafka knows a KafkaUser by."""
    name: str = user["metadata"]["name"]
    return f"CN={name}" if user["spec"].get("authentication", {}).get("type") == "tls" else name


def orphaned(acls: Collection[AclBinding], principals: Collection[str]) -> set[AclBinding]:
    """Return the rules of principals that are not listed."""
    return {acl for acl in acls if acl.principal not in principals}


def _acl(principal: str, rule: Manifest, operation: str) -> AclBinding:
    resource = rule["resource"]
    name = "kafka-cluster" if resource["type"] == "cluster" else resource.get("name")
    if name is None:
        raise InvalidUserError(f"An ACL rule on a resource of type {resource['type']} needs a name.")
    return AclBinding(
        _RESOURCES[resource["type"]],
        name,
        _PATTERNS[resource.get("patternType", "literal")],
        principal,
        rule.get("host", "*"),
        re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).upper(),
        rule.get("type", "allow").upper(),
    )
