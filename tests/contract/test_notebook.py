"""The notebook lies here as it is before anybody has run it."""

import ast

from tests.notebook import read_notebook


def test_it_is_a_notebook_without_outputs_and_without_a_trace_of_who_ran_it() -> None:
    notebook = read_notebook()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells
    assert [cell.outputs for cell in cells] == [[]] * len(cells)
    assert {cell.execution_count for cell in cells} == {None}
    assert notebook.metadata.keys() == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec == {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    assert notebook.metadata.language_info == {"name": "python"}


def test_each_cell_of_code_is_plain_python() -> None:
    for cell in read_notebook().cells:
        if cell.cell_type == "code":
            ast.parse(cell.source)
