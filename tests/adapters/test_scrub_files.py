from __future__ import annotations

import json
from pathlib import Path

import pytest

from tracebridge.adapters.scrub_files import audit_path, scrub_file
from tracebridge.domain.errors import ConfigurationError, ScrubError

ROW = {
    "id": "9f2c4e1b-0000-4000-8000-000000000001",
    "ts": 1707480000.125,
    "messages": [
        {"role": "user", "content": "mail jane@example.com\n@app.route('/')"},
        {"role": "tool", "content": '{"phone": "(555) 123-4567"}'},
    ],
}


def write(path: Path, *lines: str) -> bytes:
    path.write_bytes(data := "".join(line + "\n" for line in lines).encode())
    return data


def test_rows_are_scrubbed_in_every_content_and_the_source_is_untouched(tmp_path: Path) -> None:
    source, out = tmp_path / "qa.jsonl", tmp_path / "qa.clean.jsonl"
    before = write(source, json.dumps(ROW), '{"messages": []}', "")
    assert scrub_file(source, out) == {"EMAIL": 1, "PHONE": 1}
    assert source.read_bytes() == before
    first, second, third = out.read_text().split("\n")[:3]
    row = json.loads(first)
    assert row["messages"][0]["content"] == "mail [EMAIL]\n@app.route('/')"
    assert json.loads(row["messages"][1]["content"]) == {"phone": "[PHONE]"}
    assert (row["id"], row["ts"]) == (ROW["id"], ROW["ts"])
    assert (second, third) == ('{"messages": []}', "")


def test_an_untouched_file_comes_out_byte_for_byte(tmp_path: Path) -> None:
    source, out = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    source.write_bytes(data := b'{"a": 1.50}\r\n\xff\xfe not utf-8\r\n{"torn": ')
    assert scrub_file(source, out) == {}
    assert out.read_bytes() == data


def test_a_second_scrub_finds_nothing(tmp_path: Path) -> None:
    source, out, again = tmp_path / "a.jsonl", tmp_path / "b.jsonl", tmp_path / "c.jsonl"
    write(source, json.dumps(ROW))
    scrub_file(source, out)
    assert scrub_file(out, again) == {}
    assert again.read_bytes() == out.read_bytes()


def test_a_pretty_printed_document_stays_valid_json(tmp_path: Path) -> None:
    source, out = tmp_path / "a.json", tmp_path / "b.json"
    source.write_text(json.dumps([ROW], indent=2))
    scrub_file(source, out)
    assert json.loads(out.read_text())[0]["messages"][0]["content"].startswith("mail [EMAIL]")


def test_a_key_block_over_several_lines_of_text_is_one_find(tmp_path: Path) -> None:
    source, out = tmp_path / "a.txt", tmp_path / "b.txt"
    source.write_text(
        "x\n-----BEGIN " + "PRIVATE KEY-----\nMIIB\n-----END " + "PRIVATE KEY-----\ny\n"
    )
    assert scrub_file(source, out) == {"SECRET": 1}
    assert out.read_text() == "x\n[SECRET]\ny\n"


def test_the_source_is_never_the_output(tmp_path: Path) -> None:
    source, link = tmp_path / "a.jsonl", tmp_path / "link.jsonl"
    before = write(source, json.dumps(ROW))
    link.symlink_to(source)
    for out in (source, link):
        with pytest.raises(ConfigurationError, match="-o"):
            scrub_file(source, out)
    assert source.read_bytes() == before


def test_a_missing_source_leaves_no_output(tmp_path: Path) -> None:
    with pytest.raises(ScrubError, match="missing"):
        scrub_file(tmp_path / "missing.jsonl", tmp_path / "out.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_audit_names_file_line_and_type_but_no_content(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    write(tmp_path / "deep" / "a.jsonl", '{"x":1}', json.dumps(ROW))
    write(tmp_path / "b.txt", "all clean", "ssn 219-45-6789")
    (tmp_path / "c.parquet").write_bytes(b"PAR1\0jane@example.com")
    report = audit_path(tmp_path)
    assert [(find.file, find.line, find.type, find.count) for find in report] == [
        ("b.txt", 2, "SSN", 1),
        ("deep/a.jsonl", 2, "EMAIL", 1),
        ("deep/a.jsonl", 2, "PHONE", 1),
    ]
    assert (report.files, report.skipped) == (2, ("c.parquet",))
    assert "jane" not in repr(report)


def test_audit_sees_what_json_escapes_hide_over_lines(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{\n"x":\n"jane\\u0040example.com"\n}')
    assert [(find.line, find.type) for find in audit_path(tmp_path / "a.json")] == [(1, "EMAIL")]


def test_audit_of_a_scrubbed_file_finds_nothing(tmp_path: Path) -> None:
    source, out = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    write(source, json.dumps(ROW))
    scrub_file(source, out)
    assert len(audit_path(out)) == 0


def test_audit_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScrubError, match="nowhere"):
        audit_path(tmp_path / "nowhere")
