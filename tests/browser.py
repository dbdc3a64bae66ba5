"""Lays out a page in headless Chromium, where that is installed, and finds what does not fit on it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
#: Sends the width of the page, what sticks out of it, and what is cut without a way to scroll to it.
_PROBE = """<script>addEventListener("load", () => {
  const width = document.documentElement.clientWidth;
  const name = e => e.tagName + (e.id ? "#" + e.id : "") + " " + e.textContent.trim().slice(0, 30);
  const seen = [...document.querySelectorAll("body *")].filter(e => !e.closest(".skip"));
  const out = seen.filter(e => !e.parentElement.closest(".scroll, pre")).filter(e => {
    const box = e.getBoundingClientRect();
    return box.width && (box.right > width + 1 || box.left < -1);
  });
  const cut = seen.filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth
    && getComputedStyle(e).overflowX === "hidden");
  const unmarked = seen.filter(e => e.scrollWidth > e.clientWidth + 1
    && getComputedStyle(e).overflowX === "auto" && getComputedStyle(e).backgroundImage === "none");
  parent.postMessage({width, page: document.documentElement.scrollWidth, out: out.map(name), cut: cut.map(name),
                      unmarked: unmarked.map(name)}, "*");
})</script>"""
#: Collects what the frames send.
_COLLECT = """<!doctype html><pre id=found></pre><script>
const all = [];
addEventListener("message", e => {
  all.push(e.data);
  document.getElementById("found").textContent = JSON.stringify(all);
});</script>"""


def chromium() -> str | None:
    """The path of Chromium, or None."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


def laid_out(page: Path, widths: Sequence[int], folder: Path) -> list[dict[str, Any]]:
    """What is wrong with a page at each width: ``out``, ``cut`` and ``unmarked`` name elements.

    The page is shown in frames, because Chromium's own window cannot be as narrow as a telephone.
    """
    source = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())  # it forbids our script
    (folder / "probed.html").write_text(source.replace("</body>", f"{_PROBE}</body>"))
    frames = "".join(
        f'<iframe src="probed.html" style="width: {width}px; height: 600px; border: 0"></iframe>' for width in widths
    )
    (folder / "frames.html").write_text(_COLLECT + frames)
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"--user-data-dir={folder / 'user'}"]
    command = [str(chromium()), *options, (folder / "frames.html").as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    (found,) = re.findall(r'<pre id="found">(.*?)</pre>', shown, flags=re.DOTALL)
    return sorted(json.loads(html.unescape(found)), key=lambda each: each["width"])
