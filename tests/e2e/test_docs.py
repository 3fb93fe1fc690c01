"""Documents are tested like code: marked examples run, and every flag stands both in the help and in the man page.

A fenced block is run when its info string says how:

    ```sh test=cli     commands; `vecd` is the built program, VECD_MODELS holds the default model
    ```sh test=server  the same, with a server on port 8080 (rewritten to the test's port)
    ```c test=compile  compiled and linked against the built library and run with the default model's folder

A following ```text block, if any, must match what is printed: "..." stands for anything.
"""
import os
import pathlib
import re
import subprocess

import pytest

from conftest import DEADLINE_S, ROOT, Server, clean_env

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)[ ]+test=(\w+)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S)


def examples():
    for path in DOCUMENTS:
        text = path.read_text()
        for m in BLOCK.finditer(text):
            line = text.count("\n", 0, m.start()) + 1
            yield pytest.param(*m.groups(), id=f"{path.name}:{line}")


def matches(expected, got):
    pattern = r"[\s\S]*?".join(re.escape(part) for part in expected.strip().split("..."))
    return re.fullmatch(pattern, got.strip())


@pytest.fixture(scope="module")
def real_server(vecd_bin, models_dir):
    server = Server(vecd_bin, models_dir)
    yield server
    server.stop()


def run_shell(code, vecd_bin, models_dir, tmp_path):
    env = clean_env(models_dir)
    env["PATH"] = f"{pathlib.Path(vecd_bin).parent}:{env['PATH']}"
    return subprocess.run(["bash", "-eu", "-o", "pipefail", "-c", code], capture_output=True, text=True, cwd=tmp_path, env=env,
                          timeout=DEADLINE_S)


def run_c(code, vecd_bin, models_dir, tmp_path):
    build = pathlib.Path(vecd_bin).parent
    (tmp_path / "example.c").write_text(code)
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include"]
    subprocess.run(["gcc", *flags, "-o", "example", "example.c", f"-L{build}", "-lvecd", f"-Wl,-rpath,{build}"], cwd=tmp_path,
                   check=True, timeout=DEADLINE_S)
    return subprocess.run(["./example", str(models_dir / "all-MiniLM-L6-v2")], capture_output=True, text=True, cwd=tmp_path,
                          timeout=DEADLINE_S)


@pytest.mark.parametrize("language, how, code, expected", examples())
def test_examples_do_what_they_say(language, how, code, expected, vecd_bin, models_dir, tmp_path, request):
    if how == "compile":
        done = run_c(code, vecd_bin, models_dir, tmp_path)
    else:
        assert language == "sh" and how in ("cli", "server")
        if how == "server":
            code = code.replace(":8080", f":{request.getfixturevalue('real_server').port}")
        done = run_shell(code, vecd_bin, models_dir, tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    if expected is not None:
        assert matches(expected, done.stdout), done.stdout


def test_there_are_examples_at_all():
    kinds = [p.values[1] for p in examples()]
    assert {"cli", "server", "compile"} <= set(kinds)


def long_flags(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text))


def man_page_sections():
    """{command: its text} from the subsections of the man page's COMMANDS section."""
    text = (ROOT / "docs" / "vecd.1").read_text().replace("\\-", "-")
    commands = text.split(".SH COMMANDS")[1].split("\n.SH ")[0]
    return {re.match(r'"?(\w+)', part).group(1): part for part in commands.split("\n.SS ")[1:]}


def test_man_page_and_help_name_the_same_flags(vecd):
    sections = man_page_sections()
    listed = set(re.findall(r"^  ([a-z]+) ", vecd("help").out, re.M))
    assert set(sections) == listed
    for command in sections:
        in_help = long_flags(vecd("help", command).out) - {"--help"}
        in_page = long_flags(sections[command]) - {"--help"}
        assert in_help == in_page, f"vecd {command}: only in help {in_help - in_page}, only in the page {in_page - in_help}"


def test_man_page_and_help_name_the_same_variables(vecd):
    page = (ROOT / "docs" / "vecd.1").read_text()
    in_page = set(re.findall(r"VECD_[A-Z_]+", page))
    in_help = set(re.findall(r"VECD_[A-Z_]+", "".join(vecd("help", c).out for c in man_page_sections()))) | {"VECD_MODELS"}
    assert in_help == in_page


def test_documents_name_files_that_exist():
    """Relative links and `path/with/slash.ext` in code marks."""
    missing = []
    for path in [*DOCUMENTS, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]:
        text = path.read_text()
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
        marks = re.findall(r"`((?:src|tests|tools|docs|include|examples|bench)/[\w./-]+\.\w+)`", text)
        base = {**{link: path.parent for link in links}, **{mark: ROOT for mark in marks}}
        missing += [f"{path.name}: {name}" for name, at in base.items() if not (at / name).exists()]
    assert not missing


def test_no_document_speaks_of_a_path_of_one_machine():
    for path in [*DOCUMENTS, ROOT / "CONTRIBUTING.md", ROOT / "docs" / "vecd.1"]:
        assert not re.search(r"(/root|/home/\w+|/work)/", path.read_text()), path


def test_man_page_renders_without_complaint():
    if not any(os.access(f"{d}/man", os.X_OK) for d in os.environ["PATH"].split(":")):
        pytest.skip("no man here")
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", str(ROOT / "docs" / "vecd.1")], capture_output=True, text=True,
                          env={**os.environ, "MANWIDTH": "100"}, timeout=DEADLINE_S)
    assert done.returncode == 0 and done.stderr == "" and "similarity" in done.stdout
