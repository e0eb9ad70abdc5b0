"""What the supervisor is told: the node's network, its programs, and what of the host it must see."""

from pathlib import Path

import msgspec


class Program(msgspec.Struct, frozen=True):
    """A program that runs as long as the node does."""

    name: str
    argv: list[str]
    needs_api: bool = True  # start it when the API server is ready
    env: dict[str, str] = {}


class NodeSpec(msgspec.Struct, frozen=True):
    """One node."""

    address: str  # the node's end of the link, with its prefix length
    api_server: str  # its URL
    authority: str  # the file of the CA that the API server's certificate is from
    directory: str  # where the programs run
    logs: str
    seen: list[str]  # directories of the host that nothing may cover
    programs: list[Program]


def read_node_spec(path: Path) -> NodeSpec:
    """Parse what `write_node_spec` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=NodeSpec)


def write_node_spec(path: Path, spec: NodeSpec) -> None:
    """Write the file that the supervisor is given."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(spec)))
