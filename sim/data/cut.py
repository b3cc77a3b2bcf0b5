"""Cut the bundled recording, `bundled.jsonl.gz`, out of the capture `linux-faults`.

    python sim/data/cut.py linux-faults.jsonl.gz sim/data/bundled.jsonl.gz

Nothing that the unit's state depends on goes: every register access, DMA request, memory write, event message and
mark stays. Two kinds of lines are left out, because they only repeat. An interrupt request goes when the same line was
already kept since the last register write or mark. Memory read by the unit goes when the lines before it already say
that the memory holds these bytes. The header's `source` says so too. The same input gives the same bytes.
"""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

NOTE = (
    "excerpt of {name}, lines 2 to {last}, without interrupt requests that repeat a line since the last register "
    "write or mark, and without memory reads that repeat what earlier lines say: "
)


class Image:
    """What the lines so far say about memory: a byte, or None where reads fail."""

    def __init__(self) -> None:
        self._bytes: dict[int, int | None] = {}

    def take(self, event: dict[str, Any]) -> bool:
        """Take over the bytes of an `m` or `x` line; say whether that changed anything."""
        address, data = int(event["a"], 16), event["d"]
        values = [None] * event["s"] if data is None else list(bytes.fromhex(data))
        new = dict(enumerate(values, address))
        changed = any(self._bytes.get(place, "unknown") != value for place, value in new.items())
        self._bytes |= new
        return changed


def needed(lines: list[str]) -> Iterator[str]:
    """Yield the event lines that do not merely repeat."""
    image, interrupts = Image(), set[str]()
    for line in lines:
        event = json.loads(line)
        if event["e"] in ("m", "x"):
            changed = image.take(event)
            if event["e"] == "m" and not changed:
                continue
        elif event["e"] == "i":
            if line in interrupts:
                continue
            interrupts.add(line)
        elif event["e"] in ("w", "mark"):
            interrupts.clear()
        yield line


@click.command(help="Cut the bundled recording out of a capture.")
@click.argument("capture", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
def main(capture: Path, output: Path) -> None:
    """Read the capture, write the excerpt."""
    first, *lines = gzip.decompress(capture.read_bytes()).decode().splitlines(keepends=True)
    header = json.loads(first)
    header["source"] = NOTE.format(name=capture.name, last=len(lines) + 1) + header["source"]
    text = json.dumps(header, separators=(",", ":")) + "\n" + "".join(needed(lines))
    output.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    main()
