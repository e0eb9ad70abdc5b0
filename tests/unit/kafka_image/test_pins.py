import hashlib
from pathlib import Path

import pytest

from tests.cluster import kafka_image, kafka_tools
from tests.cluster.kafka_image import JarMismatchError, check_jars, read_pins


def jars_in(directory: Path, **contents: bytes) -> dict[str, str]:
    """Write jars, and return the pins that they satisfy."""
    for name, content in contents.items():
        (directory / f"{name}.jar").write_bytes(content)
    return {f"{name}.jar": hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def test_jars_as_pinned_are_accepted(tmp_path: Path) -> None:
    check_jars(tmp_path, jars_in(tmp_path, kafka=b"broker", scala=b"library"))


def test_a_jar_that_is_missing_one_too_many_and_one_of_other_content_are_all_named(tmp_path: Path) -> None:
    pins = jars_in(tmp_path, kafka=b"broker", scala=b"library")
    (tmp_path / "kafka.jar").write_bytes(b"something else")
    (tmp_path / "scala.jar").unlink()
    (tmp_path / "extra.jar").write_bytes(b"")
    with pytest.raises(JarMismatchError) as error:
        check_jars(tmp_path, pins)
    for problem in ("scala.jar is missing", "extra.jar is not in jars.sha256", "kafka.jar has sha256"):
        assert problem in str(error.value)


def test_the_committed_pins_hold_a_broker_and_its_log() -> None:
    pins = read_pins(Path(kafka_image.__file__).parent / "jars.sha256")
    assert {"kafka_2.13-4.3.1.jar", "log4j-slf4j-impl-2.25.4.jar"} <= pins.keys()
    assert all(len(digest) == 64 for digest in pins.values())


def test_the_tools_are_of_the_same_release_as_the_broker() -> None:
    broker, tools = (
        read_pins(Path(str(module.__file__)).parent / "jars.sha256") for module in (kafka_image, kafka_tools)
    )
    assert "kafka-tools-4.3.1.jar" in tools
    shared = broker.keys() & tools.keys()
    assert "kafka-clients-4.3.1.jar" in shared
    assert {name: tools[name] for name in shared} == {name: broker[name] for name in shared}
