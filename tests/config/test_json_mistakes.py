"""The mistakes that people make in JSON files: one line each, where it is, and what it most likely was."""

from pathlib import Path

import pytest

from ess_actors.config.json_reader import parse, read
from ess_actors.core.findings import Severity
from tests.config.modbus_trees import MARK, marked

FILE = """{
  "connection": { "name": "x", "ip_address": "10.0.0.1" },
  "components": [
    { "id": "c", "frequency": 500,
      "registers": [
        { "type": "Holding", "map": [
          { "id": "a", "offset": 1, "scale": 10 },
          { "id": "b", "offset": 2, "bit_strings": ["x", "y"] },
          { "id": "c",
            "offset": 3
          }
        ]}
      ]
    }
  ]
}
"""

MISTAKES = {
    "no closing quote of a value": ('"a", "offset"', '"a, "☞offset"', "a quote is missing before 'offset'"),
    "no closing quote of a key": ('"id": "a"', '"id: "☞a"', "a quote is missing before 'a'"),
    "no opening quote of a key": ('"id": "a"', '☞id": "a"', "a quote is missing around 'id'"),
    "no opening quote of a value": ('"id": "a"', '"id": ☞a"', "a quote is missing around 'a'"),
    "no closing quote at the end of a line": ('"c",\n', '☞"c,\n', "no closing quote"),
    "no closing quote in a list": ('["x", "y"]', '["x, "☞y"]', "a quote is missing before 'y'"),
    "no comma between members": ('"id": "a",', '"id": "a"☞', "no comma before"),
    "no comma between lines": ('"c",\n', '"c"☞\n', "no comma before"),
    "no comma between objects": ("10 },", "10 }☞", "no comma before"),
    "no comma in a list": ('"x", "y"', '"x"☞ "y"', "no comma before"),
    "semicolon for a comma": ('"offset": 1,', '"offset": 1☞;', "';' where a comma belongs"),
    "no colon": ('"offset": 1', '"offset" ☞1', "no colon after the key 'offset'"),
    "equals sign for a colon": ('"offset": 1', '"offset" ☞= 1', "no colon after the key 'offset'"),
    "no closing brace": ("10 },", "10 ,", "the '{' of 7:11 is not closed"),
    "no closing brace, no comma": ("10 },", "10", "the '{' of 7:11 is not closed"),
    "no closing bracket": ('"y"] }', '"y" ☞}', "'}' closes the '['"),
    "braces crossed": ('"y"] }', '"y"☞} ]', "'}' closes the '['"),
    "no value": ('"offset": 1,', '"offset": ☞,', "a value is missing before ','"),
    "no key": ('"id": "a"', '☞: "a"', "a key is missing before ':'"),
    "no last brace": ("  ]\n}\n", "  ]\n☞", "'{' of 1:1 is never closed"),
    "single quotes": ('"a"', "☞'a'", "single quotes"),
    "single quoted key": ('"offset": 1', "☞'offset': 1", "single quotes"),
    "typographic quotes": ('"a"', "☞“a”", "typographic quotes"),
    "bare key": ('"offset": 1', "☞offset: 1", "unexpected 'offset'"),
    "key that is a number": ('"offset": 1', "☞5: 1", "without quotes"),
    "bare value": ('"a"', "☞abc", "unexpected 'abc'"),
    "NaN": ('"scale": 10', '"scale": ☞NaN', "NaN is no JSON number"),
    "infinity": ('"scale": 10', '"scale": ☞-Infinity', "-Infinity is no JSON number"),
    "hexadecimal": ('"scale": 10', '"scale": ☞0x10', "no JSON number"),
    "leading zero": ('"scale": 10', '"scale": ☞010', "no JSON number"),
    "leading dot": ('"scale": 10', '"scale": ☞.5', "no JSON number"),
    "plus sign": ('"scale": 10', '"scale": ☞+5', "no JSON number"),
    "too large": ('"scale": 10', '"scale": ☞1e309', "too large"),
    "Python's truth": ('"scale": 10', '"scale": ☞True', "True is not written like this"),
    "no-break space": ('"scale": 10', '☞\xa0"scale": 10', "U+00A0 (no-break space)"),
    "control character": ('"scale": 10', '☞\x00"scale": 10', "U+0000 (a control character)"),
    "wrong escape": ('"a"', r'☞"C:\plant"', "wrong escape"),
    "half a character": ('"a"', r'☞"\ud800"', "half a character"),
    "comment without end": ('"scale": 10', '"scale": 10 ☞/* ten', "comment without end"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_once_and_in_its_place(name: str) -> None:
    before, after, cause = MISTAKES[name]
    assert FILE.count(before) >= 1
    text, places = marked(FILE.replace(before, after, 1))
    document = parse(text, "plant.json")
    assert document.value is None
    fatal = [finding for finding in document.findings if finding.severity is Severity.FATAL]
    assert {finding.code for finding in fatal} == {"P01"}
    assert cause in fatal[0].text
    assert fatal[0].hint
    assert len(fatal) == (2 if name in ("comment without end", "braces crossed") else 1), fatal
    if places:
        assert (fatal[0].line, fatal[0].column) == places[0]


def test_several_mistakes_are_all_told() -> None:
    text = (
        FILE.replace('"id": "a",', '"id": "a"').replace('"y"]', '"y]').replace('"scale": 10', '"scale": NaN')
    )
    findings = parse(text.replace("500,", "500"), "plant.json").findings
    assert [(finding.code, finding.line) for finding in findings] == [
        ("P01", 4),
        ("P01", 7),
        ("P01", 7),
        ("P01", 8),
    ]


def test_places_count_characters_without_the_byte_order_mark() -> None:
    text, [place] = marked('{"ä": 1, ☞,}')
    (finding,) = parse("\ufeff" + text, "plant.json").findings[1:]
    assert (finding.line, finding.column) == place


@pytest.mark.parametrize(
    ("content", "place", "cause"),
    [
        (b'{"a":\n "\xb0C"}', (2, 3), "0xB0 is not UTF-8, in Windows files it is '°'"),
        (b"\xef\xbb\xbf{\x81", (1, 2), "0x81 is not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), (1, 1), "UTF-16"),
    ],
)
def test_what_is_no_utf_8_is_told_with_its_place(
    tmp_path: Path, content: bytes, place: tuple, cause: str
) -> None:
    (tmp_path / "w.json").write_bytes(content)
    (finding,) = read(tmp_path / "w.json").findings
    assert (finding.code, finding.severity, finding.hint) == ("P01", Severity.FATAL, "save the file as UTF-8")
    assert (finding.line, finding.column) == place
    assert cause in finding.text


def test_a_name_that_no_file_can_have_is_a_finding() -> None:
    for name in ("a\x00b", "x" * 5000):
        (finding,) = read(name).findings
        assert (finding.code, finding.severity) == ("P01", Severity.FATAL)


def test_a_comment_belongs_to_what_it_stands_in() -> None:
    text = '{ // one\n"a": [1, // two\n{"b": 2 /* three */}, // four\n3] // five\n} // six'
    findings = parse(text, "plant.json").findings
    assert [finding.path for finding in findings] == ["$", "$.a", "$.a[1]", "$.a", "$", "$"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 10_000,
        '{"a":' * 10_000,
        "[{" * 10_000,
        '[{"a":' * 10_000 + "1" + "}]" * 10_000,
        "/*" * 10_000,
        "<<" * 10_000,
    ],
)
def test_nothing_is_too_deep(text: str) -> None:
    findings = parse(text, "plant.json").findings
    assert any(finding.code == "P01" for finding in findings)
    assert len(findings) <= 25


HOSTILE = {
    "one line of closers": '{"a": "' + "}]," * 300_000,
    "quotes": '"' * 300_001,
    "single quotes": "{" + "'" * 300_001,
    "typographic quotes": '{"a": ' + "“" * 300_001,
    "backslashes": '{"a": "' + "\\" * 300_001,
    "digits": '{"a": ' + "1" * 300_000 + "x",
    "notes": "<< a >" * 100_000,
    "blank lines": "\n" * 300_000,
    "key of x": '{"' + "xX" * 150_000 + '": 1}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_line_takes_time_that_grows_with_its_square(name: str) -> None:
    """Each takes some hundredths of a second; with a square it would be minutes, and the run would show it."""
    assert MARK not in HOSTILE[name]
    assert parse(HOSTILE[name], "plant.json").findings or name == "key of x"


def test_a_placeholder_without_quotes_is_one_finding():
    (found,) = parse('{"/t": {"x": {"value":5##B##}, "y": 1}}', "t.json").findings
    assert "placeholder '5##B##'" in found.text and "quotes" in found.hint and found.column == 23
