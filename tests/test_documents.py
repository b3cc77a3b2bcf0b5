"""README and docs say what is true: examples print what they show, links lead somewhere, lists are complete.

In a `console` block a line `$ command` is run, and what follows is its output. A `python` block is run too, and the
`text` block after it is its output. `...` stands for anything: for any lines where it stands alone, for any characters
elsewhere. What is not run is named in NOT_RUN, and nothing else may stay unrun. Every rule that code, tests or
documents quote by its number is written down in docs/rules.md.
"""

import os
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
from matplotlib.image import imread

from model.arch import CONDITIONS
from sim import deviations

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")])
TIME_LIMIT_SECONDS = 600  # a command may have to build a simulator first

# Command -> why it is not run here.
NOT_RUN = {
    "make test": "it runs this test",
    "vtd replay linux-scalable.jsonl.gz": "run below, where the shared folders are",
    "vtd synth --config small --min-mhz 71": "it takes minutes; tests/sim/test_synth.py synthesises a tiny unit",
    "vtd synth --config small --sweep build/sweep.svg --json build/sweep.json": "it takes an hour; as above",
}

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^]]*\]\((?P<target>[^)\s]+)\)")
TABLE_ROW = re.compile(r"^\| (?P<name>[^|]+?) \|", re.MULTILINE)

RULES = PROJECT / "docs" / "rules.md"
SOURCES = sorted(path for folder in ("model", "rtl", "tb", "sim", "tests") for path in (PROJECT / folder).rglob("*.py"))
RULE_SECTION = re.compile(r"^## (?P<number>\d+)\. (?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
RULE_ITEM = re.compile(r"^- \*\*(?P<number>\d+\.\d+)\*\* \S", re.MULTILINE)
CONDITION_ROW = re.compile(r"^\| ([A-Z]+\.[0-9A-Z.]+) \| (0x[0-9A-F]{2}) \| (yes|no) \| \S.* \|$", re.MULTILINE)
NUMBERS = r"\d+(?:\.\d+)?(?:(?:, | and | to |, and )\d+(?:\.\d+)?)*"
QUOTED = re.compile(rf"\b(?:rules?|digest) (?P<numbers>{NUMBERS})", re.IGNORECASE)
QUOTED_IN_TEST_NAME = re.compile(r"^def test_(\d+)_(\d+)_[a-z]", re.MULTILINE)
# In blocks of the model a number with one dot is a rule; after other letters or dots it is not (LCT.4.1).
QUOTED_BARE = re.compile(r"(?<![\w.])(?<!revision )\d{1,2}\.\d{1,2}(?!\d|\.\d)")
QUOTED_IN_BRACKETS = re.compile(rf"\((?P<numbers>{NUMBERS})\)")

Block = tuple[str, str]


class Example(NamedTuple):
    """A command or program of a document, and the output that the document shows."""

    document: str
    source: str
    output: str


def blocks(document: Path) -> list[Block]:
    return [(block["language"], block["text"]) for block in FENCE.finditer(document.read_text())]


def commands() -> list[Example]:
    found = []
    for document in DOCUMENTS:
        for language, text in blocks(document):
            if language == "console":
                for example in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                    command, _, output = example.partition("\n")
                    found.append(Example(document.name, command, output))
    return found


def programs() -> list[Example]:
    found = []
    for document in DOCUMENTS:
        for (language, text), (language_after, output) in pairwise([*blocks(document), ("", "")]):
            if language == "python":
                found.append(Example(document.name, text, output if language_after == "text" else ""))
    return found


def fits(shown: str, printed: str) -> bool:
    """Say whether `printed` is what `shown` stands for; trailing blanks do not count."""
    lines = [line.rstrip() for line in shown.rstrip("\n").split("\n")]
    parts = [
        r"(?:.*\n)*" if line == "..." else r"[^\n]*".join(map(re.escape, line.split("..."))) + r"\n" for line in lines
    ]
    text = "".join(line.rstrip() + "\n" for line in printed.rstrip("\n").split("\n"))
    return re.fullmatch("".join(parts), text) is not None


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command at the project's root as a person with a pipe would, whatever runs this test."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    return subprocess.run(
        command,
        cwd=PROJECT,
        env=kept | {"COLUMNS": "80", "PYTHONUTF8": "1", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_SECONDS,
        check=False,
    )


def run_as_shown(command: str) -> subprocess.CompletedProcess[str]:
    program, *arguments = shlex.split(command)
    if program == "vtd":
        return run(sys.executable, "-m", "sim", *arguments)
    if program == "fusesoc":
        run(sys.executable, "-m", "sim", "generate", "--config", "small", "-o", "build/small")
        return run(str(Path(sys.executable).parent / program), *arguments)
    assert command == "make run", f"{command!r} must be a vtd command, make run, or named in NOT_RUN"
    ready, made_from = PROJECT / ".venv" / ".ready", (PROJECT / "pyproject.toml", PROJECT / "requirements.lock")
    if not ready.exists() or ready.stat().st_mtime < max(path.stat().st_mtime for path in made_from):
        pytest.skip("make run would set up .venv first: run make setup")
    return run("make", "run")


@pytest.mark.parametrize("example", [e for e in commands() if e.source not in NOT_RUN], ids=lambda e: e.source)
def test_command_prints_what_is_shown(example: Example) -> None:
    result = run_as_shown(example.source)
    printed = result.stdout + result.stderr
    assert result.returncode == 0, printed
    assert fits(example.output, printed), f"{example.document}: `{example.source}` prints\n{printed}"


@pytest.mark.parametrize("example", programs(), ids=lambda e: e.document)
def test_program_prints_what_is_shown(example: Example) -> None:
    result = run(sys.executable, "-c", example.source)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout
    assert fits(example.output, result.stdout), f"{example.document}: the program prints\n{result.stdout}"


def test_refusal_of_scalable_mode(shared: Path) -> None:
    (example,) = [e for e in commands() if "linux-scalable" in e.source]
    result = run(sys.executable, "-m", "sim", "replay", str(shared / "captures" / "linux-scalable.jsonl.gz"))
    assert result.returncode == 2
    assert fits(example.output, result.stderr.replace(f"{shared / 'captures'}/", ""))


def test_there_are_examples() -> None:
    explain = "vtd explain sim/data/bundled.jsonl.gz --event 596 --svg build/explain.svg"
    assert {"make run", explain} <= {e.source for e in commands()}
    assert len(programs()) == 1
    languages = [language for document in DOCUMENTS for language, _ in blocks(document)]
    assert set(languages) == {"console", "python", "text"}, "a block of another kind would not be checked"
    assert languages.count("text") == len(programs()), "a text block must be the output of a python block"
    assert {e.source for e in commands()} >= set(NOT_RUN), "NOT_RUN names a command that no document shows"


@pytest.mark.parametrize("example", [*commands(), *programs()], ids=lambda e: e.source.partition("\n")[0])
def test_shown_output_says_something(example: Example) -> None:
    assert [line for line in example.output.splitlines() if line.replace("...", "").strip()]


@pytest.mark.parametrize(
    ("shown", "printed", "expected"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb\n", "a\nc\n", False),
        ("a\n", "a\nb\n", False),
        ("a\nb\n", "a\n", False),
        ("a (b)*\n", "a (b)*\n", True),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a\n...\nd\n", "a\nd\n", True),
        ("a\n...\nd\n", "a\nb\nc\n", False),
        ("in ... s\n", "in 1.5 s\n", True),
        ("in ... s\n", "in 1.5\n s\n", False),
        ("in ... s\n", "in 1.5 m\n", False),
    ],
)
def test_wildcard(shown: str, printed: str, expected: bool) -> None:
    assert fits(shown, printed) is expected


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = [match["target"] for match in LINK.finditer(FENCE.sub("", document.read_text()))]
    assert targets, f"{document.name} has no link: is the pattern still right?"
    for target in targets:
        assert "://" not in target, f"{document.name} links to {target}: nobody checks that it is still there"
        name, _, anchor = target.partition("#")
        place = document.parent / name if name else document
        assert place.resolve().is_relative_to(PROJECT), f"{document.name} links to {target} outside the project"
        assert place.exists(), f"{document.name} links to {target}, which is not there"
        assert not anchor or anchor in anchors(place), f"{document.name} links to {target}: no such heading"


def shown_pictures() -> set[Path]:
    targets = {
        document.parent / match["target"]
        for document in DOCUMENTS
        for match in LINK.finditer(document.read_text())
        if match["target"].endswith((".svg", ".png"))
    }
    return {target.resolve() for target in targets}


def test_every_picture_is_shown() -> None:
    docs = PROJECT / "docs"
    assert shown_pictures() == {path for pattern in ("*.svg", "*.png") for path in docs.rglob(pattern)}


@pytest.mark.parametrize("picture", sorted(shown_pictures()), ids=lambda path: path.name)
def test_picture_can_be_drawn(picture: Path) -> None:
    if picture.suffix == ".png":
        height, width, *_ = imread(picture).shape
        assert min(height, width) > 100
    else:
        assert ElementTree.parse(picture).getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_every_deviation_is_listed_once() -> None:
    text = (PROJECT / "docs" / "recording-format.md").read_text()
    _, _, section = text.partition("\n## Named exceptions\n")
    listed = [row["name"] for row in TABLE_ROW.finditer(section) if row["name"] != "name"]
    names = [value for name, value in vars(deviations).items() if name.isupper() and isinstance(value, str)]
    assert names
    assert sorted(listed) == sorted(names)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_named_code_exists(document: Path) -> None:
    """A file and function named in a row of spec-questions, "`unit.py` `_classify`", are there."""
    named = re.findall(r"`(\w+\.py)`((?: `\w+`(?:, (?=`\w+`))?)*)", document.read_text())
    for file, functions in named:
        folders = ("model/reference", "sim", "rtl", "rtl/axi", "model/cycle", "tb")
        found = [PROJECT / folder / file for folder in folders if (PROJECT / folder / file).exists()]
        assert found, f"{document.name} names {file}, which is in none of {', '.join(folders)}"
        code = found[0].read_text()
        for function in re.findall(r"\w+", functions):
            assert re.search(rf"\b(def|class) {function}\b", code), f"{document.name} names {function} of {file}"


def written_rules() -> set[str]:
    """Return the numbers that rules.md explains: of sections, and of items inside the section of their number."""
    numbers = []
    for section in RULE_SECTION.finditer(RULES.read_text()):
        items = RULE_ITEM.findall(section["text"])
        strays = [item for item in items if not item.startswith(section["number"] + ".")]
        assert not strays, f"rules.md has {strays} in section {section['number']}"
        numbers += [section["number"], *items]
    assert len(numbers) == len(set(numbers)), "rules.md gives a number twice"
    return set(numbers)


def quoted_rules(text: str) -> list[str]:
    """Return the numbers after the words rule, rules and digest."""
    return [number for quote in QUOTED.finditer(text) for number in re.findall(r"\d+(?:\.\d+)?", quote["numbers"])]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rule 6.3.", ["6.3"]),
        ("(rules 15 to 17)", ["15", "17"]),
        ('"rules 3.3, 21.2")', ["3.3", "21.2"]),
        ("Digest 4, 5.1, 6 and 11: DMA", ["4", "5.1", "6", "11"]),
        ("[rule 25]", ["25"]),
        ("rule by rule, 4 times", []),
        ("schedules 3", []),
    ],
)
def test_quotes_are_found(text: str, expected: list[str]) -> None:
    assert quoted_rules(text) == expected


def test_quoted_rules_are_written_down() -> None:
    quotes = {path: quoted_rules(path.read_text()) for path in SOURCES if path != Path(__file__).resolve()}
    for path, numbers in quotes.items():
        text = path.read_text()
        numbers += set(map(".".join, QUOTED_IN_TEST_NAME.findall(text)))
        if path.is_relative_to(PROJECT / "model"):
            numbers += QUOTED_BARE.findall(text)
    rules = written_rules()
    missing = {
        f"{path.relative_to(PROJECT)}: {n}" for path, numbers in quotes.items() for n in numbers if n not in rules
    }
    assert not missing, "quoted, but not in rules.md"
    quoted = {number for numbers in quotes.values() for number in numbers}
    assert quoted >= {"3.4", "4.3", "6.3", "16.2", "22.3", "23.1", "24.6", "25"}, "are the patterns still right?"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_rules_quoted_in_documents_are_written_down(document: Path) -> None:
    text = document.read_text()
    numbers = set(quoted_rules(text))
    if document.name == "spec-questions.md":
        numbers |= {n for quote in QUOTED_IN_BRACKETS.finditer(text) for n in re.findall(r"\d+(?:\.\d+)?", quote[0])}
        assert numbers >= {"3.1", "28.11", "17"}, "is the pattern still right?"
    assert not numbers - written_rules(), f"{document.name} quotes what is not in rules.md"


def test_every_fault_condition_is_listed_once() -> None:
    rows = CONDITION_ROW.findall(RULES.read_text().partition("\n## Fault conditions\n")[2])
    expected = [(c.name, f"0x{c.reason:02X}", "yes" if c.qualified else "no") for c in CONDITIONS.values()]
    assert expected
    assert sorted(rows) == sorted(expected)
