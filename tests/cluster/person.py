"""People who have a certificate of the cluster's, and the rights that somebody gives them."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.cluster.node_config import NAMESPACE
from tests.cluster.pki import Identity, issue, write_kubeconfig
from tests.cluster.state import Instance


def write_persons_kubeconfig(cluster: Instance, name: str, path: Path) -> None:
    """Write a kubeconfig of a user, whose context names the namespace that an administrator's does."""
    pki = cluster.layout.node_dir / "pki"
    certificate = x509.load_pem_x509_certificate((pki / "ca.crt").read_bytes())
    key = serialization.load_pem_private_key((pki / "ca.key").read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the cluster's authority has a key of another kind")
    authority = Identity(certificate, key)
    write_kubeconfig(path, cluster.layout.api_server, authority, issue(authority, name), NAMESPACE)
