"""Documents that are pushed: read as forgivingly as files, hashed as received, and what is wrong with them is told."""

import hashlib

import orjson
import pytest

from ess_actors.core.access import pushes_document
from ess_actors.core.answers import FLAWED
from ess_actors.core.document_text import MOST_TOLERATED
from ess_actors.core.messages import Message, as_json, command_record
from tests.core.engine_bench import Bench

HALF = b'{"/p": {"a": 1, "b": {"value": 0, "actions": {"onSet": [{"remap": [{"inValue": 1}]}]}}}}'


def push(bench: Bench, text: bytes) -> Message:
    message = Message("set", "/ess_1/cfg/cfile/ess_1/more", text, "/me", explain=True)
    (answer,) = [one for one in bench.ess.handle(message, 1.0, 1.0) if one.uri == "/me"]
    return answer


def test_what_loads_from_a_folder_can_be_pushed() -> None:
    bench = Bench({})
    text = b'\xef\xbb\xbf\n{"/p": {"a": 1,}, // a note\n}\n'
    answer = push(bench, text)
    assert bench.value("/p:a") == 1 and answer.status == FLAWED
    told = orjson.loads(answer.body)
    assert told["reply"] == {"/p": {"a": 1}}
    assert told["findings"][0]["severity"] == "warning"
    assert "line 2, column 15" in told["findings"][0]["text"]
    assert bench.get("/config/cfile/more@md5sum") == hashlib.md5(text, usedforsecurity=False).hexdigest()
    assert any("column 15" in line.text for line in bench.ess.engine.lines)


def test_an_accepted_document_tells_what_of_it_cannot_work() -> None:
    answer = push(Bench({}), HALF)
    told = orjson.loads(answer.body)
    assert told["reply"] == orjson.loads(HALF)
    assert [(one["severity"], one["code"], one["document"]) for one in told["findings"]] == [
        ("error", "no-target", "more")
    ]


def test_a_flawless_document_is_echoed_and_nothing_else() -> None:
    answer = push(Bench({}), b'{"/p": {"a": 1}}\n')
    assert (answer.status, answer.body) == ("", b'{"/p":{"a":1}}')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"/p": 5', "line 1"),
        (b"[1,]", "object of tables"),
        (b'{"/p": {"a": 5##B##}}', "placeholder"),
        (b'{"/p": "' + b"x" * MOST_TOLERATED + b'",}', "larger than"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "nested deeper than"),
        (b'{"/p": "\xff"}', "UTF-8"),
    ],
)
def test_what_no_reader_can_forgive_is_refused_with_its_place(text: bytes, said: str) -> None:
    bench = Bench({})
    answer = push(bench, text)
    assert answer.status == "bad_document"
    findings = orjson.loads(answer.body)["findings"]
    assert len(findings) == 1 and said in findings[0]["text"] and findings[0]["severity"] == "fatal"
    assert bench.value("/config/cfile:more") is None


def test_where_documents_are_pushed_to() -> None:
    assert pushes_document("/ess_1/cfg/cfile/bms/x") and pushes_document("/cfg/ctmpl/bms/x")
    assert not pushes_document("/ess_1/cfg/crun") and not pushes_document("/ess_1/t/cfg/cfile/x")


def test_a_body_that_is_no_json_stands_as_a_text_inside_of_json() -> None:
    record = command_record(Message("set", "/t", b'{"a":1,}'), "web")
    assert orjson.loads(record.body)["body"] == '{"a":1,}'
    assert as_json(b"") is None and orjson.dumps(as_json(b"1.50")) == b"1.50"
