"""Size and clock against the sizes of the unit: one size changed at a time, all results in a table and a chart."""

import dataclasses
import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from model.arch import UnitConfig
from sim.building import unit_verilog
from sim.synth import STEPS, DoesNotFit, Flow, Synthesis, SynthesisError, synthesise

__all__ = ["SWEEP", "Point", "chart", "sweep"]

SWEEP = {"iotlb_entries": (8, 16, 32, 64, 128, 256), "walks": (1, 2, 4, 8, 16)}
TITLES = {"iotlb_entries": "IOTLB entries", "walks": "walks at once"}


@dataclasses.dataclass(frozen=True)
class Point:
    """One configuration: the field that was changed, its value, and the result, or why there is none."""

    field: str
    value: int
    result: Synthesis | None
    failure: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the figures that the chart shows."""
        figures = {} if self.result is None else self.result.to_json()
        names = ("lut4", "ff", "bram", "fmax_mhz")
        return {"field": self.field, "value": self.value, "failure": self.failure or None} | {
            name: figures.get(name) for name in names
        }


def sweep(
    base: UnitConfig,
    sizes: dict[str, tuple[int, ...]],
    flow: Flow,
    progress: Callable[[int], None] | None = None,
) -> list[Point]:
    """Synthesise `base` with each size in turn, as many at a time as there are processors.

    What was done before, in a sweep that was interrupted too, is not done again. A point that fails is there without
    a result. `progress` is called with the number of steps done, of STEPS for each point.
    """
    wanted = [(field, value) for field, values in sizes.items() for value in values]
    steps = dict.fromkeys(wanted, 0)

    def point(field: str, value: int) -> Point:
        def report(done: int) -> None:
            steps[field, value] = done
            if progress:
                progress(sum(steps.values()))

        try:
            changed: dict[str, Any] = {field: value}
            verilog = unit_verilog(dataclasses.replace(base, **changed), core_port=False)
            return Point(field, value, synthesise(verilog, flow, report))
        except (DoesNotFit, SynthesisError) as error:
            return Point(field, value, None, str(error))
        finally:
            report(STEPS)

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the work is done by the processes of the tools
        return list(pool.map(lambda pair: point(*pair), wanted))


def chart(points: list[Point]) -> bytes:
    """Return an SVG: area above and clock below, a column for each size that was changed."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    fields = list(dict.fromkeys(point.field for point in points))
    with mpl.rc_context({"svg.hashsalt": "vtd", "svg.fonttype": "none"}):
        figure = Figure(figsize=(5 * len(fields), 6), layout="constrained")
        axes = figure.subplots(2, len(fields), sharex="col", sharey="row", squeeze=False)
        for column, field in enumerate(fields):
            known = [point for point in points if point.field == field and point.result]
            results = [point.result for point in known if point.result]
            values = [point.value for point in known]
            area, clock = axes[0][column], axes[1][column]
            area.plot(values, [result.cells["lut4"] for result in results], "o-", label="LUT4")
            area.plot(values, [result.cells["ff"] for result in results], "s--", label="flip-flops")
            clock.plot(values, [result.fmax_mhz for result in results], "o-", color="tab:green")
            clock.set_xlabel(TITLES.get(field, field))
            clock.set_xscale("log", base=2)
            clock.set_xticks(values, [str(value) for value in values])
        for axis in axes.flat:
            axis.grid(alpha=0.3)
            axis.set_ylim(bottom=0)  # after all is drawn: the scale of a row no longer grows then
        axes[0][0].set_ylabel("cells")
        axes[0][0].legend()
        axes[1][0].set_ylabel("MHz")
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
