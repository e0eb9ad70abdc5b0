import numpy as np
import pytest
from numpy.typing import NDArray

from catdog_trainer.principal import principal_directions


def covariance(width: int, seed: int, rank: int | None = None) -> NDArray[np.float64]:
    """Return a matrix whose variances fall off as those of features do."""
    random = np.random.default_rng(seed)
    directions = np.linalg.qr(random.normal(size=(width, width))).Q
    variances = 0.1 / np.arange(1, width + 1) ** 1.2
    variances[width if rank is None else rank :] = 0
    matrix: NDArray[np.float64] = (directions * variances) @ directions.T
    return (matrix + matrix.T) / 2


@pytest.mark.parametrize(("width", "count"), [(3, 1), (40, 10), (161, 32), (600, 32), (600, 5)])
def test_the_directions_are_the_first_of_all(width: int, count: int) -> None:
    matrix = covariance(width, width)
    variances, directions = principal_directions(matrix, count)
    values, vectors = np.linalg.eigh(matrix)
    np.testing.assert_allclose(variances, values[::-1][:count], rtol=1e-9)
    along = np.abs((directions * vectors[:, ::-1][:, :count].T).sum(axis=1))
    np.testing.assert_allclose(along, 1, atol=1e-9)


@pytest.mark.parametrize("rank", [0, 1, 20, 39, 41, 90])
def test_where_photos_vary_in_few_directions_the_others_have_no_variance(rank: int) -> None:
    variances, directions = principal_directions(covariance(400, 1, rank), 32)
    np.testing.assert_allclose(variances[:rank], 0.1 / np.arange(1, min(rank, 32) + 1) ** 1.2, rtol=1e-9)
    np.testing.assert_allclose(variances[rank:], 0, atol=1e-12)
    np.testing.assert_allclose(directions @ directions.T, np.eye(32), atol=1e-9)


def test_directions_that_vary_alike_are_found_too() -> None:
    variances, directions = principal_directions(np.eye(300), 32)
    np.testing.assert_allclose(variances, 1)
    np.testing.assert_allclose(directions @ directions.T, np.eye(32), atol=1e-9)


def test_the_same_matrix_gives_the_same_to_the_bit() -> None:
    (first, these), (second, those) = (principal_directions(covariance(500, 2), 32) for _ in range(2))
    assert np.array_equal(first, second)
    assert np.array_equal(these, those)


@pytest.mark.parametrize("is_near", [True, False])
def test_wherever_it_begins_the_same_directions_are_found(is_near: bool) -> None:  # noqa: FBT001 - a case
    """At those of more of the same photos, as for folds; and at those of other pictures altogether."""
    scales = np.sqrt(0.1 / np.arange(1, 301) ** 1.2)
    photos = np.random.default_rng(3).normal(size=(500, 300)) * scales
    matrix = np.cov(photos[::2], rowvar=False, bias=True)
    first = np.cov(photos, rowvar=False, bias=True) if is_near else covariance(300, 4)
    variances, directions = principal_directions(matrix, 20, principal_directions(first, 20)[1], 1e-4)
    values = np.linalg.eigvalsh(matrix)[::-1][:20]
    np.testing.assert_allclose(variances, values, rtol=1e-4)
    np.testing.assert_allclose(directions @ directions.T, np.eye(20), atol=1e-9)
    spread = np.einsum("kf,fg,kg->k", directions, matrix, directions)
    np.testing.assert_allclose(spread, values, rtol=1e-4)
