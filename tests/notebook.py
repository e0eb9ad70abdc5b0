"""The notebook for people, and what its cells have shown."""

import nbformat
from nbformat import NotebookNode

from tests.cluster.cache import REPOSITORY

NOTEBOOK = REPOSITORY / "examples" / "catdog.ipynb"


def read_notebook() -> NotebookNode:
    """Return the notebook as it lies here, which is valid."""
    notebook: NotebookNode = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    return notebook


def pictures(cell: NotebookNode) -> int:
    """Return how many pictures a cell has shown."""
    return sum("image/png" in output.get("data", {}) for output in cell.outputs)


def printed(cell: NotebookNode) -> str:
    """Return what a cell has printed."""
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")
