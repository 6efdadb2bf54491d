"""The tolerant reader: what it forgives, what it refuses, and where it says so."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.config.json_reader import parse, read
from ess_actors.core.findings import Severity

NOTE_STYLE = """{
    "fileInfo": {
        [...]
    },
    "connection": {
        "name": "BMS 1",
        "ip_address": "127.0.0.1", },
    "components": [
        {
            "id": "ess_1/rack_state",  << data for ess_1>>

            "frequency": 1000, // one second
            "registers": [ ... , { "type": "Input", "map": [ {"id": "soc", "offset": 3}, ] } ] /* all
            of it */
        },
    ]
}
"""


def said(text: str) -> list[tuple[str, int, int]]:
    return [(finding.code, finding.line, finding.column) for finding in parse(text, "f.json").findings]


def test_a_file_in_the_style_of_the_dual_bms_note_loads() -> None:
    document = parse(NOTE_STYLE, "f.json")
    assert document.value == {
        "fileInfo": {},
        "connection": {"name": "BMS 1", "ip_address": "127.0.0.1"},
        "components": [
            {
                "id": "ess_1/rack_state",
                "frequency": 1000,
                "registers": [{"type": "Input", "map": [{"id": "soc", "offset": 3}]}],
            }
        ],
    }
    codes = said(NOTE_STYLE)
    assert ("P05", 3, 9) in codes
    assert ("P05", 10, 40) in codes
    assert ("P02", 7, 34) in codes
    assert ("P05", 12, 32) in codes
    assert all(finding.severity < Severity.ERROR for finding in document.findings)


def test_the_first_of_two_equal_keys_wins_and_both_places_are_told() -> None:
    document = parse('{"a": {"b": 1},\n "a": {"b": 2, "c": 3}}', "f.json")
    assert document.value == {"a": {"b": 1}}
    (finding,) = document.findings
    assert (finding.code, finding.line, finding.column) == ("P04", 2, 2)
    assert "1:2" in finding.text
    assert "$.a.c" not in document.positions
    assert document.positions["$.a.b"] == (1, 13)


def test_keys_of_another_case_are_left_to_who_reads_them() -> None:
    assert parse('{"a": 1, "A": 2}', "f.json").value == {"a": 1, "A": 2}


def test_a_missing_comma_and_an_unclosed_string_are_two_errors() -> None:
    lines = ["{"] + [f'"k{n}": {n},' for n in range(2, 50)] + ['"last": 1', "}"]
    lines[11] = '"k12": 12 "extra": 5,'
    lines[39] = '"k40": "never closed,'
    document = parse("\n".join(lines), "f.json")
    assert document.value is None
    assert [(f.code, f.severity, f.line) for f in document.findings] == [
        ("P01", Severity.FATAL, 12),
        ("P01", Severity.FATAL, 40),
    ]
    assert "no comma" in document.findings[0].text
    assert "closing quote" in document.findings[1].text


@pytest.mark.parametrize(
    ("text", "place", "cause"),
    [
        ("", (1, 1), "empty"),
        ("  \n // only a comment", (2, 19), "empty"),
        ('{"a": [1, 2', (1, 7), "never closed"),
        ('{"a" 1}', (1, 6), "no colon"),
        ("{\"a\": 'x'}", (1, 7), "single quotes"),
        ('{"a": NaN}', (1, 7), "no JSON number"),
        ('{"a": -Infinity}', (1, 7), "no JSON number"),
        ('{"a": True}', (1, 7), "not written like this"),
        ('{"a": 0x1F}', (1, 7), "no JSON number"),
        ('{"a": 1e400}', (1, 7), "too large"),
        ('{"a": 1,, "b": 2}', (1, 9), "key is missing"),
        ('{"a": [1,,2]}', (1, 10), "element is missing"),
        ('{"a": }', (1, 7), "value is missing"),
        ('{"a": [1, 2}, "b": 1}', (1, 12), "closes"),
        ("{a: 1}", (1, 2), "unexpected"),
        ('{"a": "\\q"}', (1, 7), "wrong escape"),
        ('{"a": 1 /* no end }', (1, 9), "comment without end"),
        ("[" * 10_000, (1, 101), "nested"),
    ],
)
def test_what_is_refused_and_where(text: str, place: tuple[int, int], cause: str) -> None:
    document = parse(text, "f.json")
    assert document.value is None
    fatal = [finding for finding in document.findings if finding.severity is Severity.FATAL]
    assert any(cause in finding.text for finding in fatal), fatal
    assert all(finding.code == "P01" for finding in fatal)
    if cause != "never closed":
        first = next(finding for finding in fatal if cause in finding.text)
        assert (first.line, first.column) == place


def test_the_missing_brackets_of_a_pasted_snippet_are_each_named_once() -> None:
    document = parse('{"components": [\n {"id": "a", "registers": [\n {}\n }\n}\n', "f.json")
    assert [(f.code, f.line) for f in document.findings] == [("P01", 4), ("P01", 5)]


def test_no_more_than_twenty_errors_are_listed() -> None:
    text = "[" + " ".join("1" for _ in range(60)) + "]"
    assert len(parse(text, "f.json").findings) == 20


def test_text_behind_the_end_is_quoted() -> None:
    document = parse('{"a": 1}\nthis is not part of it, is it? no, it is certainly not', "f.json")
    assert document.value == {"a": 1}
    (finding,) = document.findings
    assert (finding.code, finding.line, finding.column) == ("P03", 2, 1)
    assert "this is not part of it, is it? no, it is" in finding.text


def test_windows_files_are_read(tmp_path: Path) -> None:
    file = tmp_path / "w.json"
    file.write_bytes(b'\xef\xbb\xbf{\r\n\t"a": "x\ty"\r\n}\r\n')
    document = read(file)
    assert document.value == {"a": "x\ty"}
    assert [f.code for f in document.findings] == ["P07"]
    assert document.positions["$.a"] == (2, 7)


def test_files_that_cannot_be_read_are_findings(tmp_path: Path) -> None:
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xe4"}')
    for name in ("absent.json", "latin.json"):
        document = read(tmp_path / name)
        assert document.value is None
        assert [(f.code, f.severity) for f in document.findings] == [("P01", Severity.FATAL)]


def test_notes_and_comments_inside_strings_are_text() -> None:
    text = '{"a": "<< x >> // y /* z */ ...", "b": "[...]"}'
    assert parse(text, "f.json").value == json.loads(text)
    assert said(text) == []


trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(trees, st.sampled_from([None, 1]), st.booleans())
def test_everything_a_strict_parser_accepts_is_read_the_same(
    tree: object, indent: int | None, ascii_: bool
) -> None:
    text = json.dumps(tree, indent=indent, ensure_ascii=ascii_)
    document = parse(text, "f.json")
    assert document.value == json.loads(text)
    assert [f for f in document.findings if f.code != "P07"] == []


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="{}[],:\"'\\ \n\t/*<>.-+0123456789aeltrufsn", max_size=60))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    document = parse(text, "f.json")
    assert document.findings or document.value is not None or text.strip() == "null"


def test_ten_thousand_lines_take_well_below_a_second() -> None:
    entry = '{"id": "p%d",\n"offset": %d,\n"size": 1,\n"scale": -1.5, "bit_strings": ["a", null, "b"]}'
    text = '{"map": [' + ",\n".join(entry % (n, n) for n in range(2600)) + "]}"
    assert text.count("\n") > 10_000
    started = time.process_time()
    document = parse(text, "f.json")
    assert time.process_time() - started < 1.0
    assert document.value == json.loads(text)
    assert document.positions["$.map[2599].offset"] == (10398, 11)
