import pytest
from confluent_kafka.admin import AclBinding

from tests.cluster.strimzi.acls import InvalidUserError, build_acls, orphaned
from tests.cluster.strimzi.kube import Manifest


def some_user(*acls: Manifest, authentication: str = "tls") -> Manifest:
    authorization = {"type": "simple", "acls": list(acls)}
    spec = {"authentication": {"type": authentication}, "authorization": authorization}
    return {"metadata": {"name": "pets"}, "spec": spec}


def allow(kind: str, name: str, pattern: str, operation: str) -> AclBinding:
    return AclBinding(kind, name, pattern, "User:CN=pets", "*", operation, "ALLOW")


def test_every_operation_is_a_rule_of_its_own() -> None:
    user = some_user({"resource": {"type": "topic", "name": "orders"}, "operations": ["Describe", "Read"]})
    assert build_acls(user) == {
        allow("TOPIC", "orders", "LITERAL", "DESCRIBE"),
        allow("TOPIC", "orders", "LITERAL", "READ"),
    }


def test_a_user_with_a_password_has_its_own_name() -> None:
    rule = {"resource": {"type": "topic", "name": "orders"}, "operations": ["Read"]}
    [acl] = build_acls(some_user(rule, authentication="scram-sha-512"))
    assert acl.principal == "User:pets"


def test_a_prefix_is_kafkas_prefixed_pattern() -> None:
    resource = {"type": "group", "name": "catdog.", "patternType": "prefix"}
    user = some_user({"resource": resource, "operations": ["Read"]})
    assert build_acls(user) == {allow("GROUP", "catdog.", "PREFIXED", "READ")}


def test_a_cluster_has_kafkas_own_name_and_operations_of_two_words_are_understood() -> None:
    user = some_user({"resource": {"type": "cluster"}, "operations": ["DescribeConfigs"]})
    assert build_acls(user) == {allow("BROKER", "kafka-cluster", "LITERAL", "DESCRIBE_CONFIGS")}


def test_a_rule_may_deny_and_name_a_host() -> None:
    resource = {"type": "transactionalId", "name": "t"}
    user = some_user(
        {"resource": resource, "operations": ["Write"], "type": "deny", "host": "10.0.0.1"},
    )
    expected = AclBinding("TRANSACTIONAL_ID", "t", "LITERAL", "User:CN=pets", "10.0.0.1", "WRITE", "DENY")
    assert build_acls(user) == {expected}


def test_a_rule_without_a_name_is_refused_in_words() -> None:
    user = some_user({"resource": {"type": "topic"}, "operations": ["Read"]})
    with pytest.raises(InvalidUserError) as error:
        build_acls(user)
    assert str(error.value) == "An ACL rule on a resource of type topic needs a name."


def test_a_user_without_authorization_has_no_rules() -> None:
    assert build_acls({"metadata": {"name": "pets"}, "spec": {}}) == set()


def test_only_rules_of_users_that_are_gone_are_orphaned() -> None:
    mine = allow("TOPIC", "orders", "LITERAL", "READ")
    gone = AclBinding("TOPIC", "orders", "LITERAL", "User:CN=gone", "*", "READ", "ALLOW")
    assert orphaned([mine, gone], {"User:CN=pets"}) == {gone}
