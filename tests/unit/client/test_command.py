import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from catdog_client.__main__ import cli, main

TOPICS = ("input", "output", "dead-letter")


def test_help_needs_no_configuration() -> None:
    result = CliRunner().invoke(cli, ["send", "--help"])
    assert result.exit_code == 0
    assert "--wait" in result.output


def test_it_says_which_version_it_is() -> None:
    result = CliRunner().invoke(cli, ["--version"])
    assert result.exit_code == 0
    assert result.output.startswith("catdog ")


def test_a_completion_waits_for_no_library_that_a_command_needs() -> None:
    script = "import catdog_client.__main__, sys; print(*sys.modules)"
    imported = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout
    assert {"kubernetes", "aiokafka", "botocore", "numpy", "rich"}.isdisjoint(imported.split())


def test_a_missing_setting_is_named_with_its_variable() -> None:
    result = CliRunner().invoke(cli, ["send", "photo.jpg"])
    assert result.exit_code == 2
    assert "--kafka-bootstrap-servers is missing" in result.output
    assert "CATDOG_KAFKA_BOOTSTRAP_SERVERS" in result.output


@pytest.mark.parametrize("servers", ["localhost:9093/", "kafka:", "kafka:9093,"])
def test_an_address_that_is_none_is_refused_with_what_to_write(servers: str) -> None:
    options = ["--kafka-ca-dir=.", "--kafka-user-dir=.", *(f"--{each}-topic=x" for each in TOPICS)]
    result = CliRunner().invoke(cli, [f"--kafka-bootstrap-servers={servers}", *options, "send", "photo.jpg"])
    assert result.exit_code == 2
    assert f"is {servers!r}: write host:port" in result.output


def test_certificates_that_are_not_there_are_one_line_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "INPUT_TOPIC", "OUTPUT_TOPIC", "DEAD_LETTER_TOPIC"):
        monkeypatch.setenv(f"CATDOG_{name}", "x:1")
    monkeypatch.setenv("CATDOG_KAFKA_CA_DIR", str(tmp_path))
    monkeypatch.setenv("CATDOG_KAFKA_USER_DIR", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["catdog", "send", "photo.jpg"])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 1
    assert (
        capsys.readouterr().err == f"catdog: {tmp_path} has no *.crt: nothing says which brokers to trust\n"
    )
