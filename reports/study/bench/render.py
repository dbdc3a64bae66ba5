"""Tables for the terminal."""

from __future__ import annotations

from typing import Any

from rich.table import Table as RichTable

from reports.study.bench.tables import Table


def rich_table(table: Table) -> RichTable:
    """The table with numbers of three digits."""
    drawn = RichTable(title=table.title, caption=table.note or None, title_justify="left", caption_justify="left")
    for name in table.columns():
        numeric = all(not isinstance(row.get(name), str) for row in table.rows)
        # What a row is about stays whole, as does every number; the headings of numbers can be broken.
        widest = max((len(cell(row.get(name))) for row in table.rows), default=1)
        drawn.add_column(name, justify="right" if numeric else "left", no_wrap=not numeric, min_width=widest)
    for row in table.rows:
        drawn.add_row(*(cell(row.get(name)) for name in table.columns()))
    return drawn


def cell(value: Any) -> str:
    """A value in few characters."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
