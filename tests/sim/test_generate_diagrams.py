"""Timing diagrams: what they show is what the RTL does, and the clocks are those that the unit promises."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from model.arch import PRESETS, UnitConfig
from model.arch.axi import unit_ports
from sim.handover.diagrams import wave_json, write_diagrams
from sim.simulator import run_job
from tb.jobs.diagrams import SCENES, Trace, play_scenes

DOCS = Path(__file__).resolve().parents[2] / "docs" / "diagrams"
SCENE = {scene.name: scene for scene in SCENES}


@pytest.fixture(scope="module")
def traces() -> dict[str, Trace]:
    return play_scenes(PRESETS["small"])


def test_the_rtl_shows_the_same(traces: dict[str, Trace]) -> None:
    """In lockstep, so that every output of the RTL is the model's in every clock; and the same signals come of it."""
    assert run_job({"kind": "diagrams"}, config=PRESETS["small"], simulator="icarus") == traces


def test_there_is_a_scene_of_each_kind(traces: dict[str, Trace]) -> None:
    hits, refusals = {"read_hit", "write_hit"}, {"refused_read", "refused_write"}
    assert set(traces) == hits | refusals | {"table_walk", "registers", "interrupt", "invalidation"}


@pytest.mark.parametrize(
    ("name", "arrows"),
    [
        ("read_hit", [("4 clocks", ".A...B")]),
        ("write_hit", [("4 clocks", ".A...B")]),
        ("refused_read", [("6 clocks", ".A....B")]),  # two of them are left out, as one column
        ("table_walk", [("27 clocks", f".A{'.' * 26}B")]),  # R (L + 3) + 7 with 5 reads and a latency of 1
        ("registers", [("2 clocks", ".A.B"), ("3 clocks", ".....C..D")]),
        ("interrupt", [("10 clocks", ".A.........B")]),  # L + 9
    ],
)
def test_clocks_that_are_drawn(traces: dict[str, Trace], name: str, arrows: list[tuple[str, str]]) -> None:
    """Each in a lane of its own right below the clock, where it covers no value."""
    drawn = wave_json(SCENE[name], traces[name])
    lanes = drawn["signal"][1 : 1 + len(arrows)]
    assert lanes == [{"name": text, "node": node} for text, node in arrows]
    assert drawn["edge"] == ["A<->B", "C<->D"][: len(arrows)]
    assert json.dumps(drawn["signal"]).count('"node"') == len(arrows)


def test_a_refused_request_does_not_reach_memory(traces: dict[str, Trace]) -> None:
    assert set(traces["refused_read"]["m_axi_arvalid"]) == {0}
    assert set(traces["refused_write"]["m_axi_awvalid"]) == {0}
    assert set(traces["refused_write"]["m_axi_wvalid"]) == {0}
    assert {value for value in traces["refused_read"]["s_axi_rresp"] if value is not None} == {2}
    assert {value for value in traces["refused_read"]["s_axi_rdata"] if value is not None} == {0}


def test_lanes_of_a_read_hit(traces: dict[str, Trace]) -> None:
    drawn = wave_json(SCENE["read_hit"], traces["read_hit"])
    device, host, answer = (part for part in drawn["signal"] if isinstance(part, list))
    assert device[0] == "s_axi_"
    assert device[1] == {"name": "arvalid", "wave": "010........"}
    assert device[3] == {"name": "araddr", "wave": "x3x........", "data": ["40000040"]}
    assert device[4] == {"name": "armmusid", "wave": "x3x........", "data": ["108"]}
    assert host[0] == "m_axi_"
    assert host[3] == {"name": "araddr", "wave": "x....5x....", "data": ["12345040"]}
    assert answer[4] == {"name": "rresp", "wave": "x......3x..", "data": ["OKAY"]}


def test_long_stretches_are_left_out() -> None:
    values = [0] * 3 + [1] + [0] * 20 + [1, 0]
    trace: Trace = {"s_axi_arvalid": list(values), "m_axi_arvalid": list(values)}
    drawn = wave_json(SCENE["read_hit"], trace)
    assert drawn["signal"][0]["wave"] == "======|==="
    assert drawn["signal"][0]["data"] == ["0", "1", "2", "3", "4", "5", "23", "24", "25"]
    assert drawn["signal"][3][1]["wave"] == "0..10.|.10"


def test_ports_of_scenes_exist() -> None:
    names = {port.name for port in unit_ports(UnitConfig())}
    assert {port for scene in SCENES for port in scene.ports} <= names


def test_a_unit_without_interrupts_has_no_such_scene() -> None:
    traces = play_scenes(UnitConfig(ir=False, eim=False, pi=False, qi=False, data_bits=32))
    assert {"interrupt", "invalidation"}.isdisjoint(traces)
    assert "read_hit" in traces


def test_files(small_folder: Path) -> None:
    folder = small_folder / "diagrams"
    assert {path.name for path in folder.iterdir()} == {f"{name}.{kind}" for name in SCENE for kind in ("json", "svg")}
    for path in folder.glob("*.json"):
        assert json.loads(path.read_text())["head"]["text"] == SCENE[path.stem].title
    for path in folder.glob("*.svg"):
        assert ElementTree.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_pictures_of_the_documents_are_todays(tmp_path: Path) -> None:
    """`vtd generate` writes them: copy those that differ to docs/diagrams."""
    write_diagrams(PRESETS["default"], tmp_path)
    pictures = sorted(DOCS.glob("*.svg"))
    assert pictures
    for picture in pictures:
        assert picture.read_text() == (tmp_path / "diagrams" / picture.name).read_text(), picture.name
