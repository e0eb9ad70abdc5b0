import json
from collections.abc import Iterator

from tests.cluster.volumes import parse_stream


def test_an_object_of_a_watch_is_seen_as_soon_as_it_is_whole() -> None:
    read: list[str] = []

    def lines() -> Iterator[str]:
        for manifest in ({"name": "one", "spec": {"path": "}"}}, {"name": "two"}):
            read.append(manifest["name"])  # type: ignore[arg-type]
            yield from json.dumps(manifest, indent=4).splitlines(keepends=True)

    first = next(parse_stream(lines()))
    assert first["name"] == "one"
    assert read == ["one"]
