"""How brokers come to a new authority: first all trust it, then they show certificates of it."""

import pytest

from tests.cluster.strimzi.authorities import Authorities, Authority
from tests.cluster.strimzi.broker_config import Addresses
from tests.cluster.strimzi.certificates import Files, build_broker_files, shows
from tests.cluster.strimzi.pki import KeyPair, is_signed_by_any, new_authority, renew_authority
from tests.unit.strimzi.resources import sample_cluster

CLUSTER = sample_cluster(brokers=2)
ADDRESSES = Addresses({broker.pod: "192.0.2.1" for broker in CLUSTER.brokers}, {}, {}, ("192.0.2.9",))


@pytest.fixture(scope="module")
def old() -> KeyPair:
    return new_authority("cluster-ca v0")


@pytest.fixture(scope="module")
def new() -> KeyPair:
    return new_authority("cluster-ca v1")


def trusting(signer: KeyPair, *former: KeyPair) -> Authorities:
    trusted = (signer.certificate, *(each.certificate for each in former))
    return Authorities(Authority(signer, trusted), Authority(signer, trusted))


def files(authorities: Authorities, found: Files, *, rolled_out: bool = True) -> Files:
    return build_broker_files(CLUSTER, authorities, ADDRESSES, found, rolled_out=rolled_out)


def test_a_new_authority_is_trusted_by_all_before_one_shows_it(old: KeyPair, new: KeyPair) -> None:
    first = files(trusting(old), {})
    assert shows(CLUSTER, first, trusting(old))
    trust = files(trusting(new, old), first)
    assert new.certificate in trust["cluster-ca.crt"]
    assert old.certificate in trust["cluster-ca.crt"]
    pairs = [name for name in first if not name.endswith("-ca.crt")]
    assert [trust[name] for name in pairs] == [first[name] for name in pairs]
    assert files(trusting(new, old), trust, rolled_out=False) == trust
    shown = files(trusting(new, old), trust)
    assert shows(CLUSTER, shown, trusting(new, old))
    only_new = Authorities(trusting(new).cluster, trusting(new, old).clients)
    assert files(only_new, shown) == shown  # no broker is restarted to trust one less of its like


def test_nothing_changes_while_nothing_is_asked(old: KeyPair) -> None:
    first = files(trusting(old), {})
    assert files(trusting(old), first) == first
    assert files(trusting(old), first, rolled_out=False) == first


def test_a_renewed_authority_has_signed_what_the_former_one_did(old: KeyPair) -> None:
    first = files(trusting(old), {})
    renewed = renew_authority(old, "cluster-ca v0")
    assert renewed.certificate != old.certificate
    certificate = first[f"{CLUSTER.brokers[0].pod}.crt"]
    assert is_signed_by_any(certificate, [renewed.certificate])
