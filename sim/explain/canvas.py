"""A plain SVG picture: boxes, lines and text, readable in light and dark, with nothing fetched from anywhere."""

import textwrap
from xml.etree import ElementTree

__all__ = ["MONO", "SANS", "Canvas", "clip", "text_width", "wrap"]

SANS, MONO = "sans", "mono"

STYLE = """
:root {
  --paper: #ffffff; --ink: #1f2328; --muted: #59636e; --line: #c3ccd5; --card: #f6f8fa; --slot: #ffffff;
  --mark: #0969da; --mark-soft: #ddf4ff; --good: #1a7f37; --good-soft: #dafbe1; --bad: #c21d2a; --bad-soft: #ffebe9;
  --advice: #7d5200; --advice-soft: #fff5d1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0d1117; --ink: #e6edf3; --muted: #9aa4af; --line: #444c56; --card: #161b22; --slot: #0d1117;
    --mark: #58a6ff; --mark-soft: #10233d; --good: #4cc366; --good-soft: #10281a; --bad: #ff6b63; --bad-soft: #341417;
    --advice: #e0b04a; --advice-soft: #2b2210;
  }
}
text { font-family: "Segoe UI", "Noto Sans", "DejaVu Sans", Helvetica, Arial, sans-serif; font-size: 13px;
  fill: var(--ink); white-space: pre; }
.mono { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 12px; }
.title { font-size: 20px; font-weight: 600; }
.name { font-weight: 600; }
.small { font-size: 11px; }
.muted { fill: var(--muted); }
.marked { fill: var(--mark); font-weight: 600; }
.good { fill: var(--good); font-weight: 600; }
.bad { fill: var(--bad); font-weight: 600; }
.advice { fill: var(--advice); font-weight: 600; }
.inverse { fill: var(--paper); font-weight: 600; }
rect, path, circle { stroke-width: 1.2; fill: none; stroke: none; }
.paper { fill: var(--paper); }
.card { fill: var(--card); stroke: var(--line); }
.chip { fill: var(--slot); stroke: var(--line); }
.mark-box { fill: var(--mark-soft); stroke: var(--mark); }
.good-box { fill: var(--good-soft); stroke: var(--good); }
.bad-box { fill: var(--bad-soft); stroke: var(--bad); }
.advice-box { fill: var(--advice-soft); stroke: var(--advice); }
.mark-full { fill: var(--mark); }
.good-full { fill: var(--good); }
.bad-full { fill: var(--bad); }
.off { fill: var(--paper); stroke: var(--line); }
.rule { stroke: var(--line); }
.arrow { stroke: var(--mark); stroke-width: 1.8; marker-end: url(#tip); }
.good-line { stroke: var(--good); stroke-width: 5; }
.off-line { stroke: var(--line); stroke-width: 2; stroke-dasharray: 3 4; }
.tip { fill: var(--mark); }
"""

# Widths of characters in em, rather too wide than too narrow: no two machines have the same fonts.
MONO_EM = 0.605
NARROW, WIDE = frozenset("iljtfrI.,:;'|!()[]- /"), frozenset("mwMWQO@%")
NARROW_EM, USUAL_EM, WIDE_EM, CAPITAL_EM = 0.42, 0.63, 0.98, 0.76
BOLD = 1.08


def text_width(text: str, size: float = 13, font: str = SANS, *, bold: bool = False) -> float:
    """Return how wide a text is at most, in pixels."""
    if font == MONO:
        return len(text) * size * MONO_EM
    em = sum(NARROW_EM if c in NARROW else WIDE_EM if c in WIDE else _usual(c) for c in text)
    return em * size * (BOLD if bold else 1)


def _usual(character: str) -> float:
    return CAPITAL_EM if character.isupper() else USUAL_EM


def wrap(text: str, width: float, size: float = 13, font: str = SANS, *, bold: bool = False) -> list[str]:
    """Break a text into lines that fit."""
    if not text:
        return []
    average = text_width(text, size, font, bold=bold) / len(text)
    columns = max(int(width / average), 8)
    while True:
        lines = textwrap.wrap(text, columns)
        if columns <= 8 or all(text_width(line, size, font, bold=bold) <= width for line in lines):
            return lines
        columns -= 1


def clip(text: str, width: float, size: float = 12, font: str = MONO) -> str:
    """Shorten a text that does not fit."""
    while len(text) > 1 and text_width(text, size, font) > width:
        text = text[:-2] + "…"
    return text


class Canvas:
    """A picture of fixed width that grows downwards; every method draws one thing."""

    def __init__(self, width: int, title: str, description: str) -> None:
        self.width = width
        self._root = ElementTree.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img"})
        self._child("title").text = title
        self._child("desc").text = description
        self._child("style").text = STYLE
        tip = {
            "viewBox": "0 0 8 8",
            "refX": "7",
            "refY": "4",
            "markerWidth": "5",
            "markerHeight": "5",
            "orient": "auto",
        }
        marker = ElementTree.SubElement(self._child("defs"), "marker", {"id": "tip", **tip})
        ElementTree.SubElement(marker, "path", {"d": "M0 0 L8 4 L0 8 z", "class": "tip"})
        self._paper = self._child("rect", {"x": "0", "y": "0", "class": "paper", "width": str(width)})

    def _child(self, tag: str, attributes: dict[str, str] | None = None) -> ElementTree.Element:
        return ElementTree.SubElement(self._root, tag, attributes or {})

    def box(self, x: float, y: float, width: float, height: float, look: str, radius: float = 6) -> None:
        """Draw a box with round corners."""
        place = {"x": x, "y": y, "width": width, "height": height, "rx": radius}
        self._child("rect", {name: f"{value:g}" for name, value in place.items()} | {"class": look})

    def text(self, x: float, y: float, text: str, look: str = "", anchor: str = "start") -> None:
        """Write a line of text on the baseline `y`."""
        attributes = {"x": f"{x:g}", "y": f"{y:g}"} | ({"class": look} if look else {})
        if anchor != "start":
            attributes["text-anchor"] = anchor
        self._child("text", attributes).text = text

    def path(self, d: str, look: str) -> None:
        """Draw a line."""
        self._child("path", {"d": d, "class": look})

    def circle(self, x: float, y: float, radius: float, look: str) -> None:
        """Draw a circle."""
        self._child("circle", {"cx": f"{x:g}", "cy": f"{y:g}", "r": f"{radius:g}", "class": look})

    def svg(self, height: float) -> str:
        """Return the whole picture, `height` high."""
        size = {"viewBox": f"0 0 {self.width} {height:g}", "width": str(self.width), "height": f"{height:g}"}
        for name, value in size.items():
            self._root.set(name, value)
        self._paper.set("height", f"{height:g}")
        ElementTree.indent(self._root)
        return ElementTree.tostring(self._root, encoding="unicode") + "\n"
