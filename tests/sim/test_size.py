"""`vtd size`: the caches alone find what those of the unit find, for a recording and for requests made up."""

import json
import random
import re
import tomllib
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from model.arch import PRESETS, UnitConfig
from model.cycle.request import Invalidation
from sim.__main__ import vtd
from sim.commands.shared import BUNDLED
from sim.recording import load_recording
from sim.section import DescriptionError
from sim.sizing.caches import Caches
from sim.sizing.description import description_of
from sim.sizing.recorded import recorded_stream
from sim.sizing.stream import NOTHING, Command, PageTag, Stream
from sim.sizing.synthetic import synthetic_stream
from tests.sim.handmade import EVENTS, HEADER, write_recording
from tests.sim.lockstep_counts import lockstep_counts
from tests.sim.naive_caches import Request, naive_counts

EXAMPLE = Path(__file__).parents[2] / "sim" / "data" / "stream.toml"

DMA = EVENTS[:10]
READ = EVENTS[10]
UNMAPPED = {**READ, "a": "0x8080605abc", "ok": False, "fr": "0x6"}
OTHER = {**READ, "sid": "0x3a0b", "ok": False, "fr": "0x2"}  # its context-entry is not there
IOTLB_GLOBAL = {"e": "w", "o": "0xf8", "s": 8, "v": "0x9000000000000000"}
IOTLB_OTHER_DOMAIN = {"e": "w", "o": "0xf8", "s": 8, "v": "0xa000000600000000"}
CONTEXT_GLOBAL = {"e": "w", "o": "0x28", "s": 8, "v": "0xa000000000000000"}
CONTEXT_OF_DEVICE = {"e": "w", "o": "0x28", "s": 8, "v": "0xe00000003a0a0007"}
# Version 5.0 with CAP.PI.
POSTING_HEADER = {**HEADER, "ver": "0x50", "cap": "0xc8d2018c22780e66", "ecap": "0xf00fdb", "haw": 48}
RESET = {"e": "mark", "text": "reset"}
INTERRUPT = {**EVENTS[17], "sid": "0x3a0b", "ok": True, "oaddr": "0xfee09000", "odata": "0x4045"}
BY_REGISTER = [*DMA, READ, READ, IOTLB_OTHER_DOMAIN, READ, IOTLB_GLOBAL, READ, UNMAPPED, CONTEXT_OF_DEVICE, READ]
BY_REGISTER += [IOTLB_GLOBAL, READ, OTHER, CONTEXT_GLOBAL, IOTLB_GLOBAL, READ, READ, *EVENTS[13:17], INTERRUPT]
BY_REGISTER += [INTERRUPT, RESET, *DMA[:4], READ, READ, *EVENTS[13:16], INTERRUPT, EVENTS[17]]


def model_counts(stream: Stream, sizes: UnitConfig) -> Counter[str]:
    """Return the counts of the caches alone, by the names of lockstep_counts."""
    counts = Caches(stream).count(
        iotlb=sizes.iotlb_entries,
        context_cache=sizes.context_cache_entries,
        paging_structure_cache=sizes.paging_structure_cache_entries,
    )
    interrupts = Caches(stream).interrupts(sizes.iec_entries)
    return Counter(
        {
            "requests": counts.requests,
            "page hits": counts.iotlb.hits,
            "contexts": counts.context_cache.lookups,
            "context hits": counts.context_cache.hits,
            "tables": counts.paging_structure_cache.lookups,
            "table hits": counts.paging_structure_cache.hits,
            "walks": counts.walks,
            "reads": counts.reads,
            "interrupts": interrupts.lookups,
            "interrupt hits": interrupts.hits,
        }
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_counts_of_the_bundled_recording_are_those_of_the_unit(preset, monkeypatch):
    recording, sizes = load_recording(BUNDLED), PRESETS[preset]
    expected = lockstep_counts(monkeypatch, recording, sizes, in_flight=1)
    assert expected["reads"] == {"default": 1257, "small": 1331}[preset]
    assert model_counts(recorded_stream(recording), sizes) == expected


def test_requests_that_overlap_read_a_little_more(monkeypatch):
    """With 8 requests at the unit some look up what one before them is still reading: 1360 reads, not 1331."""
    recording = load_recording(BUNDLED)
    counts = lockstep_counts(monkeypatch, recording, PRESETS["small"], in_flight=8)
    assert counts["requests"] == 1730
    assert 1331 < counts["reads"] < 1331 * 1.03


def test_counts_with_invalidations_by_register_are_those_of_the_unit(monkeypatch, tmp_path):
    recording = load_recording(write_recording(tmp_path / "recording.jsonl.gz", *BY_REGISTER))
    counts = model_counts(recorded_stream(recording), PRESETS["small"])
    assert counts == lockstep_counts(monkeypatch, recording, PRESETS["small"], in_flight=1)
    # Reads: a cold miss 6, three times; after IOTLB_GLOBAL 4, and 6 where the context-entry is gone too; 1 for what is
    # not mapped beside it; 2 without a context-entry.
    assert (counts["requests"], counts["page hits"], counts["reads"]) == (12, 5, 6 + 4 + 1 + 6 + 2 + 6 + 6)
    assert (counts["interrupts"], counts["interrupt hits"]) == (4, 2)


def test_entry_of_a_posting_that_fails_is_kept_as_in_the_unit(monkeypatch, tmp_path):
    """The entry was right; what is wrong is in the descriptor, which comes later."""
    entry = {**EVENTS[16], "d": "0180450000b000000b3a040000000000"}
    descriptor = {"e": "m", "a": "0xb000", "d": "00" * 32 + "0400" + "00" * 30}
    refused = {**EVENTS[17], "sid": "0x3a0b", "fr": "0x28"}
    file = write_recording(
        tmp_path / "posting.jsonl.gz", *EVENTS[13:16], entry, descriptor, refused, refused, header=POSTING_HEADER
    )
    counts = model_counts(recorded_stream(load_recording(file)), PRESETS["small"])
    assert (counts["interrupts"], counts["interrupt hits"]) == (2, 1)
    assert counts == lockstep_counts(monkeypatch, load_recording(file), PRESETS["small"], in_flight=1)


def test_limit_and_requests_that_need_no_cache(tmp_path):
    early = {**READ, "a": "0x1000", "pa": "0x1000", "perm": 3}  # before translation is on
    recording = load_recording(write_recording(tmp_path / "recording.jsonl.gz", early, *DMA, READ, READ))
    stream = recorded_stream(recording)
    assert (len(stream.requests), stream.beside, stream.refused) == (2, 1, 0)
    assert len(recorded_stream(recording, limit=len(DMA) + 2).requests) == 1


def test_recording_of_interrupts_alone(tmp_path):
    recording = write_recording(tmp_path / "recording.jsonl.gz", *EVENTS[13:17], INTERRUPT, INTERRUPT)
    result = run(recording, "--iec", "8")
    assert result.exit_code == 0, result.output
    assert "requests: 0 DMA, 0 of them refused, and 2 interrupts" in result.output
    assert re.search(r"│ interrupt entry cache +│ +8 │ +2 │ +50.0% │ 0.500 │", result.output)
    assert "IOTLB  " not in result.output


# Random streams: places of a few devices, so that every cache overflows and is invalidated.

PAGES = (0x100, 0x101, 0x102, 0x300, 0x301, 0x40000, 0x40200, 0x80000, 0x80201, 1 << 27, 1 << 27 | 1)
TABLE_SHIFTS = (9, 18, 27)


def place(source_id: int, number: int, permitted: bool, ends_at: int) -> Request:
    """A request: source-id 5 has no root-entry, 6 no context-entry, 7 is passed through; 0 to 4 share three domains.

    `ends_at` 0 is a page, else the level whose entry is not there; pages at and above 0x40000 are large.
    """
    domain_id, page = source_id // 2, PAGES[number]
    if source_id >= 5:
        heads = 1 if source_id == 5 else 2
        context = None if source_id == 5 else (domain_id, source_id)
        return Request(None, False, context, source_id == 7, heads, None, source_id == 7)
    level = max(ends_at, 1 if page < 0x40000 else 2)
    shift = 9 * (level - 1)
    tag = (source_id, PageTag(domain_id, page >> shift << shift, shift)) if not ends_at else None
    tables = tuple(PageTag(domain_id, page >> s << s, s) for s in TABLE_SHIFTS[level - 1 :])
    return Request(tag, permitted and not ends_at, (domain_id, source_id), True, 2, tables, False)


def invalidation(rng: random.Random) -> Invalidation:
    """Any command of the unit; its fields fit the entries of `place`."""
    domain_id = rng.randrange(3)
    return rng.choice(
        [
            Invalidation(iotlb_global=1),
            Invalidation(iotlb_domain=1, domain_id=domain_id),
            Invalidation(
                iotlb_page=1,
                keep_tables=rng.randrange(2),
                domain_id=domain_id,
                page=rng.choice(PAGES),
                page_mask=rng.choice((0, 1, 0x1FF, 0x7FFFF)),
            ),
            Invalidation(context_global=1),
            Invalidation(context_domain=1, domain_id=domain_id),
            Invalidation(
                context_device=1,
                domain_id=domain_id,
                source_id=rng.randrange(8),
                function_mask=rng.choice((0, 4, 6, 7)),
            ),
            Invalidation(iec_global=1),
            Invalidation(iec_index=1, interrupt_index=rng.randrange(8), interrupt_mask=rng.choice((0, 1, 3))),
        ]
    )


def random_events(rng: random.Random) -> list:
    """Return requests, (index, kept) of interrupts, and invalidations: none, some or many."""
    share_of_invalidations = rng.choice((0, 0.03, 0.2))
    events: list = []
    for _ in range(300):
        if rng.random() < share_of_invalidations:
            events.append(invalidation(rng))
        elif rng.random() < 0.2:
            events.append((rng.randrange(8), rng.random() < 0.8))
        else:
            ends_at = rng.choice((0, 0, 0, 0, 0, 1, 2, 3))
            events.append(place(rng.randrange(8), rng.randrange(len(PAGES)), rng.random() < 0.8, ends_at))
    return events


def stream_of(events: list) -> Stream:
    """Return the stream of such events."""
    requests = [event for event in events if isinstance(event, Request)]
    interrupts = [event for event in events if type(event) is tuple]
    commands = []
    for number, event in enumerate(events):
        if isinstance(event, Invalidation):
            before = events[:number]
            dma = sum(isinstance(earlier, Request) for earlier in before)
            commands.append(Command(dma, sum(type(earlier) is tuple for earlier in before), event))
    pages = _distinct(r.page for r in requests)
    contexts = _distinct(r.context for r in requests)
    tables = _distinct(table for r in requests for table in r.tables or ())
    routes = list(dict.fromkeys(r.tables for r in requests if r.tables is not None))
    return Stream(
        requests=np.arange(len(requests)),
        page=_numbers(pages, (r.page for r in requests)),
        page_kept=np.array([r.page_kept for r in requests], dtype=bool),
        context=_numbers(contexts, (r.context for r in requests)),
        context_kept=np.array([r.context_kept for r in requests], dtype=bool),
        heads=np.array([r.heads for r in requests], dtype=np.int64),
        route=_numbers(routes, (r.tables for r in requests)),
        passed_through=np.array([r.passed_through for r in requests], dtype=bool),
        routes=[tuple(tables.index(table) for table in route) for route in routes],
        pages=[tag for _, tag in pages],
        contexts=contexts,
        tables=tables,
        index=np.array([index for index, _ in interrupts], dtype=np.int64),
        index_kept=np.array([kept for _, kept in interrupts], dtype=bool),
        commands=commands,
    )


def _distinct(things) -> list:
    return [thing for thing in dict.fromkeys(things) if thing is not None]


def _numbers(known: list, things) -> np.ndarray:
    return np.array([NOTHING if thing is None else known.index(thing) for thing in things], dtype=np.int64)


@given(st.integers(0, (1 << 32) - 1))
def test_any_stream_counts_as_in_a_plain_model(seed):
    rng = random.Random(seed)
    events, sizes = random_events(rng), [rng.randint(2, 6) for _ in range(4)]
    names = ("iotlb_entries", "context_cache_entries", "paging_structure_cache_entries", "iec_entries")
    config = UnitConfig(**dict(zip(names, sizes, strict=True)))
    assert model_counts(stream_of(events), config) == naive_counts(events, config)


# Requests made up


def described(text: str) -> Stream:
    return synthetic_stream(description_of(tomllib.loads(text)))


def counts_of(stream: Stream, iotlb: int = 64, context_cache: int = 16, paging_structure_cache: int = 32):
    return Caches(stream).count(iotlb=iotlb, context_cache=context_cache, paging_structure_cache=paging_structure_cache)


STRIDE = 'requests = 1000\n[[devices]]\nsource_id = "00:1f.2"\nworking_set = "64K"\nstride = 4096\n'


@pytest.mark.parametrize(
    ("more", "iotlb", "hits", "reads"),
    [
        ("", 16, 984, 2 + 4 + 15),
        ("", 15, 0, 2 + 4 + 999),  # in turn: one entry too few, and every page has gone when it comes again
        ("levels = 3", 16, 984, 2 + 3 + 15),
        ("levels = 5", 16, 984, 2 + 5 + 15),
        ('page_size = "2M"', 16, 999, 2 + 3),
        ('page_size = "1G"', 16, 999, 2 + 2),
        ('base = "5000M"\nstride = 2048', 16, 984, 2 + 4 + 15),
        ("pass_through = true", 16, 0, 2),
        ('permissions = "w"', 16, 0, 2 + 4 + 999),  # reads are refused, and their pages are not kept
        ('permissions = "w"\nwrites = 1', 16, 984, 2 + 4 + 15),
        ('permissions = "r"', 16, 984, 2 + 4 + 15),
    ],
)
def test_device_that_strides(more, iotlb, hits, reads):
    text = STRIDE.replace("stride = 4096\n", "") if "stride" in more else STRIDE
    counts = counts_of(described(f"{text}{more}\n"), iotlb)
    assert (counts.requests, counts.iotlb.hits, counts.reads) == (1000, hits, reads)
    assert counts.iotlb.lookups == (0 if "pass_through" in more else 1000)


def test_tables_between_pages_far_apart():
    """Two pages of each of three tables of level 1, below one of level 2."""
    stream = described(STRIDE.replace("64K", "6M").replace("4096", '"1M"'))
    assert stream.tables == [PageTag(1, 0x100000 + n * 0x200, 9) for n in range(3)] + [
        PageTag(1, 0x100000, 18),
        PageTag(1, 0, 27),
    ]
    counts = counts_of(stream, iotlb=2, paging_structure_cache=5)
    assert (counts.paging_structure_cache.lookups, counts.paging_structure_cache.hits) == (1000, 999)
    assert counts.reads == 2 + 4 + 1 + 2 + 1 + 2 + 995


def test_invalidations_and_interrupts_come_between():
    more = "vectors = 4\n[invalidations]\nevery = 100\nkind = "
    head = "interrupts_every = 10\n"
    pages = described(f'{head}{STRIDE}{more}"page"\n')
    assert [c.requests for c in pages.commands] == list(range(100, 1001, 100))
    assert [c.interrupts for c in pages.commands] == list(range(10, 101, 10))
    # Of the page of the last request: (100 - 1) % 16 = 3.
    assert pages.commands[0].invalidation == Invalidation(
        iotlb_page=1, keep_tables=1, domain_id=1, page=0x100003, page_mask=0
    )
    assert counts_of(pages).iotlb.hits == 984 - 9
    assert counts_of(described(f'{head}{STRIDE}{more}"domain"\n')).iotlb.hits == 1000 - 16 * 10
    everything = described(f'{head}{STRIDE}{more}"all"\n')
    assert (counts_of(everything).iotlb.hits, counts_of(everything).reads) == (1000 - 16 * 10, 10 * (6 + 15))
    assert len(everything.index) == 100
    assert set(everything.index) == {0, 1, 2, 3}
    assert Caches(pages).interrupts(4).hits == 96
    assert Caches(everything).interrupts(4).hits < 70


def test_shares_writes_and_seeds():
    other = '[[devices]]\nsource_id = "03:00.0"\nshare = 3\nworking_set = "1M"\nwrites = 0.25\npermissions = "r"\n'
    stream = described(STRIDE + other)
    assert stream.contexts == [(1, 0x00FA), (2, 0x0300)]
    of_other = sum(stream.contexts[stream.context[place]] == (2, 0x0300) for place in stream.requests)
    assert 700 < of_other < 800
    assert 150 < stream.refused < 230
    assert (described(STRIDE + other).requests == stream.requests).all()
    assert described("seed = 2\n" + STRIDE + other).refused != stream.refused


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seed = 1", "requests is missing"),
        ("requests = 0", "requests must be a whole number, 1 to 100000000, not 0"),
        ("requests = true", "requests must be a whole number, 1 to 100000000, not True"),
        ("requests = 1", "devices must be at least one table, [[devices]]"),
        ("requests = 1\ndevices = [1]", "devices[0] must be a table of names and values"),
        ("requests = 1\nseeds = 1", "seeds is not known; there are requests, seed, interrupts_every, invalidations, "),
        (
            'requests = 1\n[invalidations]\nkind = "pages"',
            "invalidations.kind must be one of 'page', 'domain', 'global', 'all', not 'pages'",
        ),
        (STRIDE.replace("00:1f.2", "1f.2"), "devices[0].source_id must be bus:device.function such as "),
        (STRIDE.replace("64K", "64k"), 'devices[0].working_set must be bytes such as 4096, "64K" or "2M", not '),
        (STRIDE.replace("64K", "0K"), "devices[0].working_set must be at least 1 byte and end below 2^48, "),
        (STRIDE.replace("64K", "300T"), "devices[0].working_set must be at least 1 byte and end below 2^48, "),
        (STRIDE + 'base = "3G"\nlevels = 6', "devices[0].levels must be one of 3, 4, 5, not 6"),
        (
            STRIDE.replace("64K", "4M") + "base = 0xfec00000",
            "devices[0].working_set must not reach 0xfee00000 to 0xfeefffff, where interrupts go; "
            "it is 0xfec00000 to 0xfeffffff",
        ),
        (STRIDE + "share = -1", "devices[0].share must be a number, 0 to 1e+06, not -1"),
        (STRIDE + "share = 0", "devices[0].share must be above 0, or that of another device: nobody makes a request"),
        (STRIDE + "writes = 2", "devices[0].writes must be a number, 0 to 1, not 2"),
        (STRIDE + "pass_through = 1", "devices[0].pass_through must be true or false, not 1"),
        (
            STRIDE + STRIDE.partition("\n")[2] + "domain = 7",
            "devices[1].domain must be that of devices[0], which has the same source_id",
        ),
        (
            STRIDE + STRIDE.partition("\n")[2] + 'page_size = "2M"',
            "devices[1].page_size must be that of devices[0], which has the same source_id, where their working sets "
            "meet",
        ),
    ],
)
def test_description_that_is_wrong(text, sentence):
    with pytest.raises(DescriptionError, match=f"^{re.escape(sentence)}"):
        description_of(tomllib.loads(text))


# The command


def run(*arguments):
    return CliRunner(env={"COLUMNS": "80"}).invoke(vtd, ["size", *map(str, arguments)])


def test_table_json_and_chart(tmp_path):
    table, chart = tmp_path / "size.json", tmp_path / "size.svg"
    result = run(BUNDLED, "--iotlb", "8,64", "--latency", "100", "--json", table, "--chart", chart)
    assert result.exit_code == 0, result.output
    assert "requests: 1730 DMA, 171 of them refused, and 252 interrupts, with 199 invalidations" in result.output
    values = json.loads(table.read_text())
    assert [values[name] for name in ("requests", "refused", "interrupts", "latency")] == [1730, 171, 252, 100]
    assert values["fixed"] == {"iotlb": 64, "context_cache": 16, "paging_structure_cache": 32, "iec": 32}
    rows = {(row["cache"], row["entries"]): row for row in values["rows"]}
    assert [entries for cache, entries in rows if cache == "iotlb"] == [8, 64]
    # 630 of 1690 look-ups hit; 1058 walks read 1257 times: 672 x 4 + 1257 x 103 + 1058 x 7 clocks.
    row = rows["iotlb", 64]
    assert (row["lookups"], row["hits"], row["hit_rate"]) == (1690, 630, 630 / 1690)
    assert row["reads_per_request"] == 1257 / 1730
    assert row["clocks_per_request"] == (672 * 4 + 1257 * 103 + 1058 * 7) / 1730
    assert rows["context_cache", 16]["clocks_per_request"] == row["clocks_per_request"]
    # 207 of 252 interrupts hit: 6 clocks, 109 otherwise.
    assert rows["iec", 32]["clocks_per_request"] == pytest.approx((207 * 6 + 45 * 109) / 252)
    assert re.search(r"│ IOTLB +│ +8 │ +1690 │ +33.0% │ 0.768 │", result.output)
    picture = ElementTree.fromstring(chart.read_bytes())
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    texts = {"".join(text.itertext()) for text in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert texts >= {"hit rate of the cache varied", "reads per request", "expected clocks per request", "IOTLB"}
    assert texts >= {"context-cache", "paging-structure cache", "interrupt entry cache", "64"}


def test_example_description():
    result = run(EXAMPLE, "--limit", "2000")
    assert result.exit_code == 0, result.output
    assert "requests: 2000 DMA, " in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--iotlb", "1,8"), "--iotlb takes numbers of 2 to 256 such as 8,16,32, not '1,8'"),
        (("--iec", "8;16"), "--iec takes numbers of 2 to 256 such as 8,16,32, not '8;16'"),
        (("--limit", "1"), f"{BUNDLED}: no request needs a cache; there must be one that is translated or remapped"),
        (("--chart", "no/such/folder/chart.svg"), "no/such/folder/chart.svg: no such file or directory; --chart must"),
    ],
)
def test_usage_that_is_wrong(arguments, sentence):
    result = run(BUNDLED, *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_files_that_are_wrong(tmp_path):
    for name in ("stream.toml", "recording.jsonl.gz"):
        result = run(tmp_path / name)
        assert result.exit_code == 2
        assert f"{name}: no such file or directory; a " in result.stderr
    bad = tmp_path / "bad.toml"
    for text, sentence in (
        ("requests = 0", "requests must be a whole number, 1 to 100000000, not 0"),
        ("requests", "not TOML: Expected '=' after a key in a key/value pair (at end of document)"),
    ):
        bad.write_text(text)
        result = run(bad)
        assert result.exit_code == 2
        assert result.stderr == f"Error: {bad}: {sentence}\n"
