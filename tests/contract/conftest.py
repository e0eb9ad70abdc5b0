"""What contract tests share with the unit tests of the parts that they hold together."""

from tests.unit.inference.conftest import environment, serving, unknown

__all__ = ["environment", "serving", "unknown"]
