from pathlib import Path
from typing import Any

import pytest
import yaml

from catdog_client.cluster import kubeconfig as module
from catdog_client.cluster.kubeconfig import Where, find_login
from catdog_client.errors import ClientError

CONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [
        {"name": "here", "cluster": {"server": "https://here.example:6443"}},
        {"name": "there", "cluster": {"server": "https://there.example:6443"}},
    ],
    "users": [{"name": "jane", "user": {"token": "t"}}],
    "contexts": [
        {"name": "work", "context": {"cluster": "here", "user": "jane", "namespace": "photos"}},
        {"name": "home", "context": {"cluster": "there", "user": "jane"}},
    ],
    "current-context": "work",
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a kubeconfig that KUBECONFIG names."""
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(CONFIG))
    monkeypatch.setenv("KUBECONFIG", str(file))
    monkeypatch.setattr(module, "_POD_NAMESPACE", tmp_path / "no-pod")
    return file


def write(file: Path, **changes: Any) -> None:  # noqa: ANN401 - any part of a kubeconfig
    file.write_text(yaml.safe_dump({**CONFIG, **changes}))


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    ("where", "host", "namespace"),
    [
        (Where(), "https://here.example:6443", "photos"),
        (Where(namespace="other"), "https://here.example:6443", "other"),
        (Where(context="home"), "https://there.example:6443", "default"),
    ],
)
def test_cluster_and_namespace_are_the_contexts_unless_others_are_named(
    where: Where, host: str, namespace: str
) -> None:
    login = find_login(where)
    assert (login.configuration.host, login.namespace) == (host, namespace)


def test_a_file_that_is_named_comes_before_the_environments(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write(other, **{"current-context": "home"})
    assert find_login(Where(kubeconfig=str(other))).configuration.host == "https://there.example:6443"
    assert find_login(Where()).configuration.host == "https://here.example:6443"
    assert file.exists()


def test_several_files_are_one(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'nowhere'}:{file}")
    assert find_login(Where(context="home")).configuration.host == "https://there.example:6443"


def test_a_current_context_is_not_needed_where_one_is_named(file: Path) -> None:
    write(file, **{"current-context": ""})
    assert find_login(Where(context="work")).namespace == "photos"
    with pytest.raises(ClientError, match="has no current context: name one in --context"):
        find_login(Where())


@pytest.mark.usefixtures("file")
def test_a_context_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(ClientError, match=r"has no context wrok; it has home, work$"):
        find_login(Where(context="wrok"))


def test_without_a_kubeconfig_it_is_said_where_one_is_named(file: Path) -> None:
    file.unlink()
    with pytest.raises(
        ClientError, match=f"^there is no kubeconfig {file}: name one in --kubeconfig or KUBECONFIG"
    ):
        find_login(Where())


@pytest.mark.parametrize(
    "text", ["", "{", "kind: Config\n", "contexts: [{name: work, context: {cluster: x}}]"]
)
def test_what_is_no_kubeconfig_is_named(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ClientError, match=f"^kubeconfig {file}"):
        find_login(Where(context="work"))
