"""What holds for every command: its help, its options anywhere, one document, one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import pytest

from tests.cli.calls import Answer, Call, paths
from tests.workspaces import COMMAND, Cycled, command, is_one_sentence
from tracebridge.cli import output
from tracebridge.cli.main import COMMANDS, common_options_first, main

HEAVY = ("duckdb", "pyarrow", "numpy", "prefect", "agentlightning", "scipy", "polars", "jinja2")


@pytest.mark.parametrize("path", paths(), ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_help_shows_the_options_that_hold_everywhere(
    call: Call, path: tuple[str, ...], flag: str
) -> None:
    answer = call(*path, flag)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"Usage: tracebridge {' '.join(path)} ")
    assert "--json" in answer.out
    assert "--workspace" in answer.out
    assert call(*path, flag).out == answer.out, "asked again, it says the same"


def test_the_first_help_lists_the_commands_in_the_order_of_the_cycle(call: Call) -> None:
    text = call("--help").out
    at = [text.index(f"\n  {name} ") for name in COMMANDS]
    assert at == sorted(at)


@pytest.mark.parametrize("words", [["--help"], ["cycle", "run", "--help"], ["schema"]])
def test_asking_for_help_imports_nothing_heavy(words: list[str]) -> None:
    probe = (
        "import sys; from tracebridge.cli.main import main; "
        f"code = main({words!r}); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr); "
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    "words", [["--version"], ["nosuch"], ["gap"], ["cycle", "run", "--day", "x"]]
)
def test_a_document_on_stdout_is_the_only_one_wherever_json_stands(
    call: Call, tmp_path: Path, words: list[str]
) -> None:
    common = ["--json", f"--workspace={tmp_path}"]
    documents = set()
    for order in permutations([*common, " ".join(words)]):
        line = [word for part in order for word in (words if part == " ".join(words) else [part])]
        answer = call(*line)
        assert answer.document
        documents.add((answer.code, answer.out))
    assert len(documents) == 1


def test_common_options_may_stand_anywhere() -> None:
    assert common_options_first(["cycle", "run", "--json", "--workspace", "w", "--seed", "3"]) == [
        "--json",
        "--workspace",
        "w",
        "cycle",
        "run",
        "--seed",
        "3",
    ]
    assert common_options_first(["gap", "--debug", "plan", "--", "--json"]) == [
        "--debug",
        "gap",
        "plan",
        "--",
        "--json",
    ]


@pytest.mark.parametrize("line", [["--workspace"], ["cycle", "list", "--workspace", "--json"]])
def test_a_workspace_option_without_a_path_takes_nothing_else_for_it(
    call: Call, line: list[str]
) -> None:
    answer = call(*line)
    assert answer.code == 2
    assert "'--workspace' requires an argument" in answer.sentence


def test_the_workspace_comes_from_the_option_then_the_variable_then_here(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each place refuses itself by name, so the refusal tells which was read."""
    option, variable, here = (tmp_path / name for name in ("option", "variable", "here"))
    for folder in (option, variable, here):
        folder.mkdir()
        (folder / "tracebridge.toml").write_text(f"{folder.name} = 1\n")
    monkeypatch.chdir(here)
    assert "unknown key 'here'" in call("cycle", "list").sentence
    monkeypatch.setenv("TRACEBRIDGE_WORKSPACE", str(variable))
    assert "unknown key 'variable'" in call("cycle", "list").sentence
    assert "unknown key 'option'" in call("cycle", "list", "--workspace", str(option)).sentence


def test_an_error_is_shown_in_full_only_when_asked(call: Call, tmp_path: Path) -> None:
    words = ["gap", "plan", str(tmp_path / "gone")]
    plain = call(*words)
    assert "there is no such file or folder" in plain.sentence
    asked = call("--debug", *words)
    assert asked.code == plain.code == 2
    assert "Traceback" in asked.err
    assert asked.err.endswith(plain.err)


def test_a_defect_of_the_program_is_one_sentence_too(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("tracebridge.operations.cycles.cycle_rows", broken)
    answer = call("cycle", "list", "--workspace", str(tmp_path), "--json")
    assert answer.code == 3
    assert "ZeroDivisionError" in answer.sentence
    assert answer.document["exit_code"] == 3


def test_an_error_after_the_answer_adds_no_second_document(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emit = output.emit

    def answer_then_fail(document: dict[str, object], lines: list[str]) -> None:
        emit(document, lines)
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr("tracebridge.cli.cycle.emit", answer_then_fail)
    answer = call("cycle", "list", "--workspace", str(tmp_path), "--json")
    assert answer.document["schema"] == "tracebridge.cycles.v1"
    assert (answer.code, answer.sentence.split(";")[0]) == (
        3,
        "somewhere: no space left on device",
    )


def test_text_of_logs_cannot_steer_the_terminal() -> None:
    hostile = "a\x1b[2Jb\u202ec\r\nd\x9be"
    assert output.plain(hostile) == "a [2Jb c d e"
    assert output.table(["x"], [[hostile]])[1] == "a [2Jb c d e"
    family = "\U0001f469\u200d\U0001f467"
    assert output.plain(family) == family
    assert output.plain("abcdef", 4) == "abc\u2026"


@pytest.mark.parametrize("words", [["gap", "plan"], ["bundle", "verify"], ["scrub", "audit"]])
def test_names_of_files_cannot_steer_the_terminal(call: Call, words: list[str]) -> None:
    answer = call(*words, "gone\x1b[2J\u202e.txt")
    assert answer.code == 2
    assert answer.sentence.startswith("gone [2J .txt: ")


def test_tables_line_up_and_say_when_they_are_empty() -> None:
    assert output.table(["name", "n"], [["a", 1], ["long", None], ["b", 22.5]]) == [
        "name     n",
        "a        1",
        "long     -",
        "b     22.5",
    ]
    assert output.table(["n"], []) == []
    assert output.table(["n"], [], empty="nothing") == ["nothing"]


class TestInProcessesOfTheirOwn:
    """The console script itself, as cron and a shell start it."""

    def test_an_error_is_one_line_without_a_traceback(self, tmp_path: Path) -> None:
        done = command(tmp_path, "bundle", "verify", "gone")
        assert (done.returncode, done.stdout) == (2, "")
        assert is_one_sentence(done.stderr)

    def test_an_empty_environment_and_no_terminal_are_enough(self, cycled: Cycled) -> None:
        done = command(cycled.root, "cycle", "list", "--json", env={})
        assert done.returncode == 0
        assert len(json.loads(done.stdout)["cycles"]) == 2

    def test_names_and_emoji_survive_a_terminal_that_has_none(self, cycled: Cycled) -> None:
        env = {**os.environ, "PYTHONIOENCODING": "ascii"}
        shown = command(cycled.root, "labels", "list", "--day", "2026-03-03", env=env)
        assert shown.returncode == 0
        assert "\\U0001f44d" in shown.stdout or "label nothing" in shown.stdout
        odd = os.fsdecode(b"\xff.jsonl")
        done = command(cycled.root, "import", odd, "--json", env=env)
        assert done.returncode == 2
        assert "there is no such file" in json.loads(done.stdout)["error"]

    def test_a_reader_that_goes_away_is_no_traceback(self, cycled: Cycled) -> None:
        line = f"{COMMAND} --workspace {cycled.root} schema event | head -n 1"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("{\n", "")


def test_main_takes_the_line_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["tracebridge", "--version"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("tracebridge ")


def test_an_answer_is_no_error(call: Call, tmp_path: Path) -> None:
    answer: Answer = call("review", "--workspace", str(tmp_path))
    assert answer.code == 1
    assert answer.err == ""
    assert answer.out.startswith("Phase 1 is not over")
