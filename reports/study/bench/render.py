"""Shows the tables of benchmarks on a terminal."""

from __future__ import annotations

from typing import Any

from rich.table import Table as RichTable

from reports.study.bench.tables import Table


def rich_table(table: Table) -> RichTable:
    """The table for rich, with numbers of three digits."""
    drawn = RichTable(title=table.title, caption=table.note or None, title_justify="left", caption_justify="left")
    for name in table.columns():
        numeric = all(not isinstance(row.get(name), str) for row in table.rows)
        # Text and numbers are never wrapped; the headings of columns of numbers may be.
        widest = max((len(cell(row.get(name))) for row in table.rows), default=1)
        drawn.add_column(name, justify="right" if numeric else "left", no_wrap=not numeric, min_width=widest)
    for row in table.rows:
        drawn.add_row(*(cell(row.get(name)) for name in table.columns()))
    return drawn


def cell(value: Any) -> str:
    """A value as short text."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
