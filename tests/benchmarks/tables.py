"""Tables of figures, for people."""

from collections.abc import Sequence

from rich.table import Table

# A sentence, the value, what it should be at least or at most, by the issue that asked for it.
Goal = tuple[str, float, str, float]


def goals_table(goals: Sequence[Goal]) -> Table:
    """Return what was wanted and what is."""
    table = new_table("Goals", "", "measured", "wanted", "")
    for sentence, value, direction, bound in goals:
        holds = value >= bound if direction == "≥" else value <= bound
        table.add_row(sentence, f"{value:.3g}", f"{direction} {bound:g}", "holds" if holds else "MISSED")
    return table


def new_table(title: str, *columns: str) -> Table:
    """Return a table with no rows yet: names on the left, numbers on the right."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table
