"""What is built once: only what is whole stays, whatever becomes of the process that builds it."""

import subprocess
import sys
from pathlib import Path

from sim.building import made_once

KILLED = """
import os, signal, sys
from pathlib import Path
from sim.building import made_once

def build(folder):
    (folder / "half").write_text("")
    os.kill(os.getpid(), signal.SIGKILL)

made_once(Path(sys.argv[1]), build)
"""


def write_whole(folder: Path) -> None:
    (folder / "whole").write_text("")


def folders(parent: Path) -> set[str]:
    return {path.name for path in parent.iterdir() if path.is_dir()}


def killed_while_building(folder: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, folder], cwd=Path(__file__).parents[2], check=False)
    assert folders(folder.parent) >= {f".{folder.name}"}


def test_leftover_of_a_killed_process_goes_with_the_next(tmp_path: Path) -> None:
    killed_while_building(tmp_path / "a")
    made_once(tmp_path / "b", write_whole)
    assert folders(tmp_path) == {"b"}


def test_killed_build_is_done_anew(tmp_path: Path) -> None:
    killed_while_building(tmp_path / "a")
    made_once(tmp_path / "a", write_whole)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["whole"]
    assert folders(tmp_path) == {"a"}


def test_what_is_being_built_stays(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        write_whole(folder)
        made_once(tmp_path / "b", write_whole)

    made_once(tmp_path / "a", build)
    assert folders(tmp_path) == {"a", "b"}
    assert (tmp_path / "a" / "whole").exists()


def test_folder_without_a_lock_is_not_ours_to_remove(tmp_path: Path) -> None:
    (tmp_path / ".other").mkdir()
    made_once(tmp_path / "a", write_whole)
    assert folders(tmp_path) == {".other", "a"}
