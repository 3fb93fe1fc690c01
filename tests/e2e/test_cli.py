"""The command line's contract, texts in and vectors out: formats, order, exit codes, one clear line for every fault."""
import contextlib
import io
import json
import os
import pty
import signal
import subprocess
import threading
import time

import numpy as np
import pytest

from conftest import DEADLINE_S, TINY, clean_env, golden_of, write_jsonl

M = ("-m", "bert-mean-norm")
NEAR = 2e-6  # between ISAs and the reference, tiny models with spread-out weights


def rows(run):
    """The vectors of --format jsonl."""
    assert run.code == 0, run.err
    return np.array([json.loads(line) for line in run.lines()], dtype=np.float32)


def one_line(run, code, *words):
    """Failed with this exit code and exactly one line "vecd: ..." that has the words in it; nothing on stdout."""
    assert run.code == code, (run.code, run.err)
    assert run.err.startswith("vecd: ") and run.err.count("\n") == 1 and run.err.endswith("\n"), run.err
    for word in words:
        assert word in run.err, run.err
    assert run.out == ""


# --- embed: results


def test_embed_prints_one_vector_a_line(vecd, golden):
    texts, _, vectors = golden
    picked = [i for i, t in enumerate(texts) if t and "\0" not in t and not t.startswith("-")][:5]
    got = rows(vecd("embed", *M, *[texts[i] for i in picked]))
    assert got.shape == (len(picked), vectors.shape[1])
    assert np.abs(got - vectors[picked]).max() < NEAR


def test_embed_matches_reference_for_every_text_as_jsonl_input(vecd, golden, tmp_path):
    texts, _, vectors = golden
    path = write_jsonl(tmp_path / "in.jsonl", texts, more=[1, {"text": "not this"}])
    assert np.abs(rows(vecd("embed", *M, "-i", path)) - vectors).max() < NEAR


def test_embed_lines_from_stdin_keep_their_order(vecd):
    lines = [f"text number {i} " + "word " * (i * 7 % 31) for i in range(500)]
    got = rows(vecd("embed", *M, stdin="\n".join(lines).encode()))
    alone = rows(vecd("embed", *M, lines[0], lines[137], lines[499]))
    assert len(got) == 500
    assert np.array_equal(got[[0, 137, 499]], alone), "the same text must give the same bits in any batch"


def test_an_empty_line_is_a_text_and_the_last_newline_is_not(vecd):
    got = rows(vecd("embed", *M, "-i", "-", stdin=b"a\n\nb\n"))
    assert len(got) == 3
    assert np.array_equal(got, rows(vecd("embed", *M, "a", "", "b")))
    assert len(rows(vecd("embed", *M, stdin=b"a\n\nb"))) == 3


def test_line_ends_of_windows_are_line_ends(vecd):
    assert np.array_equal(rows(vecd("embed", *M, stdin=b"one\r\ntwo\r\n")), rows(vecd("embed", *M, "one", "two")))


def test_empty_input_gives_empty_output(vecd):
    run = vecd("embed", *M, stdin=b"")
    assert (run.code, run.out) == (0, "")
    assert json.loads(vecd("embed", *M, "--format", "json", stdin=b"").out) == []


def test_a_nul_byte_is_a_character_like_any_other(vecd):
    assert len(rows(vecd("embed", *M, stdin=b"a\0b\nc\n"))) == 2


def test_formats_carry_the_same_floats(vecd, tmp_path):
    texts = ["one", "two words", "three"]
    want = rows(vecd("embed", *M, *texts))

    as_json = vecd("embed", *M, "--format", "json", *texts)
    assert np.array_equal(np.array(json.loads(as_json.out), dtype=np.float32), want)

    raw = vecd("embed", *M, "--format", "f32", *texts)
    assert np.array_equal(np.frombuffer(raw.raw, dtype="<f4").reshape(want.shape), want)

    path = tmp_path / "out.npy"
    run = vecd("embed", *M, "--format", "npy", "-o", path, stdin="\n".join(texts).encode())
    assert (run.code, run.out) == (0, ""), run.err
    loaded = np.load(path)
    assert loaded.dtype == np.float32 and np.array_equal(loaded, want)

    piped = vecd("embed", *M, "--format", "npy", *texts)
    assert np.array_equal(np.load(io.BytesIO(piped.raw)), want)


def test_floats_are_the_shortest_that_read_back(vecd):
    text = vecd("embed", *M, "hello").lines()[0]
    for word in text.strip("[]").split(","):
        value = np.float32(word)
        digits = len(word.strip().lstrip("-").split("e")[0].replace(".", "").lstrip("0"))
        shortest = len(np.format_float_scientific(value, unique=True, trim="-").lstrip("-").split("e")[0].replace(".", ""))
        assert digits <= shortest, (word, value)


def test_output_goes_to_a_file(vecd, tmp_path):
    out = tmp_path / "v.jsonl"
    run = vecd("embed", *M, "-o", out, "hello")
    assert (run.code, run.out) == (0, "")
    assert len(json.loads(out.read_text())) == 36


def test_no_normalize_keeps_lengths(vecd):
    got = rows(vecd("embed", *M, "hello there", "x"))
    raw = rows(vecd("embed", *M, "--no-normalize", "hello there", "x"))
    assert np.allclose(np.linalg.norm(got, axis=1), 1, atol=1e-6)
    assert not np.allclose(np.linalg.norm(raw, axis=1), 1, atol=1e-3)
    assert np.allclose(raw / np.linalg.norm(raw, axis=1, keepdims=True), got, atol=1e-6)


# --- prompts, dimensions, modules


@pytest.mark.parametrize("name", ["bert-prompt", "bert-prompt-all-poolings", "bert-dense-two", "bert-order", "bert-truncate-dim",
                                  "bert-sharded"])
def test_embed_does_all_that_the_folder_says(vecd, tmp_path, name):
    texts, _, vectors = golden_of(TINY / name)
    path = write_jsonl(tmp_path / "in.jsonl", texts)
    got = rows(vecd("embed", "-m", TINY / name, "-i", path))
    assert got.shape == vectors.shape
    assert (np.abs(got - vectors) / np.maximum(1, np.abs(vectors).max(axis=1, keepdims=True))).max() < 1e-5


def test_prompts_go_before_texts(vecd):
    m = ("-m", TINY / "bert-prompt-included")
    default = vecd("embed", *m, "a b").raw
    assert default == vecd("embed", *m, "--prompt", "query: ", "a b").raw == vecd("embed", *m, "--prompt-name", "query", "a b").raw
    assert default == vecd("embed", *m, "--prompt", "", "query: a b").raw
    bare = vecd("embed", *m, "--prompt", "", "a b").raw
    assert default != bare == vecd("embed", *m, "--prompt-name", "passage", "a b").raw
    ids = json.loads(vecd("tokenize", *m, "a b").out)
    assert ids == json.loads(vecd("tokenize", *m, "--prompt=", "query: a b").out) != json.loads(vecd("tokenize", *m, "--prompt=", "a b").out)
    assert vecd("similarity", *m, "a", "b", "c").raw == vecd("similarity", *m, "--prompt", "query: ", "a", "b", "c").raw
    assert vecd("similarity", *m, "a", "b", "c").raw != vecd("similarity", *m, "--prompt", "", "a", "b", "c").raw


@pytest.mark.parametrize("command, texts", [("embed", ["a"]), ("tokenize", ["a"]), ("similarity", ["a", "b"])])
def test_wrong_prompts_are_told(vecd, command, texts):
    one_line(vecd(command, "-m", TINY / "bert-prompt", "--prompt-name", "elder", *texts), 1, '"elder"', "query, document")
    one_line(vecd(command, *M, "--prompt-name", "elder", *texts), 1, '"elder"', "no prompts")
    one_line(vecd(command, *M, "--prompt-name", "elder", "--prompt", "x", *texts), 2, "not both")
    one_line(vecd(command, *M, "--prompt", "\udcff", *texts), 1, "prompt", "UTF-8")


def test_dimensions_cut_and_do_not_normalize_again(vecd):
    full = rows(vecd("embed", *M, "one two"))
    assert np.array_equal(rows(vecd("embed", *M, "--dimensions", "5", "one two")), full[:, :5])
    assert rows(vecd("embed", "-m", TINY / "bert-truncate-dim", "x")).shape == (1, 10)
    assert rows(vecd("embed", "-m", TINY / "bert-truncate-dim", "--dimensions", "24", "x")).shape == (1, 24)
    one_line(vecd("embed", *M, "--dimensions", "37", "x"), 1, "dimensions", "37", "36")
    one_line(vecd("embed", *M, "--dimensions", "0", "x"), 2, "dimensions")


def test_normalize_comes_after_the_cut(vecd):
    full = rows(vecd("embed", *M, "one two", "x"))
    assert np.array_equal(rows(vecd("embed", *M, "--normalize", "one two", "x")), full)
    cut = rows(vecd("embed", *M, "--dimensions", "5", "--normalize", "one two", "x"))
    want = full[:, :5] / np.linalg.norm(full[:, :5], axis=1, keepdims=True)
    assert cut.shape == (2, 5) and np.allclose(cut, want, atol=1e-6)
    raw = ("-m", TINY / "bert-cls")
    assert np.allclose(np.linalg.norm(rows(vecd("embed", *raw, "--normalize", "x")), axis=1), 1, atol=1e-6)
    assert not np.allclose(np.linalg.norm(rows(vecd("embed", *raw, "x")), axis=1), 1, atol=1e-3)
    one_line(vecd("embed", *M, "--normalize", "--no-normalize", "x"), 2, "--normalize", "not both")


def test_threads_do_not_change_bits(vecd):
    text = "\n".join(f"some text {i}" * (1 + i % 9) for i in range(64)).encode()
    one = vecd("embed", *M, "--threads", "1", stdin=text)
    assert len(rows(one)) == 64
    assert one.raw == vecd("embed", *M, "--threads", "2", stdin=text).raw
    assert one.raw == vecd("embed", *M, "--threads", "3", stdin=text).raw


def test_isa_can_be_forced(vecd):
    ref = rows(vecd("embed", *M, "--isa", "ref", "hello", "two words"))
    assert np.abs(ref - rows(vecd("embed", *M, "hello", "two words"))).max() < NEAR


def test_a_path_is_a_folder_and_an_id_is_looked_up(vecd, tiny_model, tmp_path):
    by_id, by_path = vecd("embed", *M, "x"), vecd("embed", "-m", tiny_model, "x")
    assert rows(by_id).shape == (1, 36) and by_id.raw == by_path.raw
    relative = vecd("embed", "-m", "./" + tiny_model.name, "x", cwd=tiny_model.parent)
    assert relative.raw == by_id.raw


def test_the_default_model_is_used_when_none_is_named(vecd):
    default = vecd("embed", "x")
    assert rows(default).shape == (1, 36)
    assert default.raw == vecd("embed", *M, "x").raw  # the tiny models folder has it under the default's name


def test_two_dashes_end_the_flags(vecd):
    assert len(rows(vecd("embed", *M, "--", "-x", "--format"))) == 2


# --- embed: faults


@pytest.mark.parametrize("args, word", [
    (("embed", "--nonsense", "x"), "--nonsense"),
    (("embed", "--format", "xml", "x"), "xml"),
    (("embed", "--isa", "mmx", "x"), "mmx"),
    (("embed", "--threads", "two", "x"), "two"),
    (("embed", "--threads", "-1", "x"), "-1"),
    (("embed", "--threads"), "--threads"),
    (("embed", "-i", "f", "x"), "-i"),
    (("similarity", "alone"), "similarity"),
    (("show",), "show"),
    (("quality",), "quality"),
    (("quality", "a", "b"), "b"),
    (("quality", "--isa", "mmx", "a"), "mmx"),
    (("help", "nonsense"), "nonsense"),
    (("nonsense",), "nonsense"),
    (("serve", "--port", "70000"), "70000"),
    (("serve", "--port", "http"), "http"),
    (("serve", "stray"), "stray"),
])
def test_wrong_usage_is_exit_2(vecd, args, word):
    run = vecd(*args)
    assert (run.code, run.out) == (2, ""), run.err
    first = run.err.splitlines()[0]
    assert first.startswith("vecd: ") and word in first, run.err
    assert "vecd help" in run.err


def test_no_command_prints_help_and_is_wrong_usage(vecd):
    run = vecd()
    assert (run.code, run.out) == (2, "") and "embed" in run.err and "serve" in run.err


def test_missing_things_are_exit_1(vecd, tmp_path):
    one_line(vecd("embed", "-m", "no-such-model", "x"), 1, "no-such-model")
    one_line(vecd("embed", "-m", tmp_path / "gone", "x"), 1, "gone")
    one_line(vecd("embed", *M, "-i", tmp_path / "gone.txt"), 1, "gone.txt")
    one_line(vecd("embed", *M, "-o", tmp_path / "no" / "dir", "x"), 1, str(tmp_path / "no" / "dir"))


def test_no_model_at_all_says_what_to_do(vecd, tmp_path):
    one_line(vecd("embed", "x", models=tmp_path), 1, "all-MiniLM-L6-v2", "get_default_model.sh")


def test_a_bad_line_is_named(vecd, tmp_path):
    one_line_at(vecd("embed", *M, "-i", "-", stdin=b"fine\nnot \xff fine\n"), 2, "UTF-8")
    path = tmp_path / "in.jsonl"
    for bad, word in (('{"text": 1}', "text"), ('{"txt": "a"}', "text"), ("[1]", "object"), ('{"text": "a"', "column")):
        path.write_text('{"text": "fine"}\n' + bad + "\n")
        one_line_at(vecd("embed", *M, "-i", path), 2, word)


def one_line_at(run, line, word):
    """The fault names the line; what came before it may have been printed."""
    assert run.code == 1 and run.err.startswith("vecd: ") and run.err.count("\n") == 1, run.err
    assert f"line {line}" in run.err and word in run.err, run.err


def test_damaged_model_is_one_line_naming_the_file(vecd, tiny_model, tmp_path):
    for name in ("config.json", "tokenizer.json", "model.safetensors", "modules.json"):
        folder = tmp_path / name
        folder.mkdir()
        for entry in tiny_model.iterdir():
            (folder / entry.name).symlink_to(entry)
        (folder / name).unlink()
        (folder / name).write_bytes((tiny_model / name).read_bytes()[:-9])
        one_line(vecd("embed", "-m", folder, "x"), 1, name)


def test_write_failure_is_reported(vecd_bin, tiny_models):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([vecd_bin, "embed", *M, "hello"], stdout=full, stderr=subprocess.PIPE, env=clean_env(tiny_models),
                              timeout=DEADLINE_S)
    assert done.returncode == 1 and done.stderr.startswith(b"vecd: ") and b"space" in done.stderr


def test_a_reader_that_leaves_is_no_crash(vecd_bin, tiny_models):
    child = subprocess.Popen([vecd_bin, "embed", *M], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=clean_env(tiny_models))
    feeder = feed_forever(child)
    child.stdout.readline()
    child.stdout.close()
    code = child.wait(DEADLINE_S)
    feeder.join(5)
    assert code in (1, -signal.SIGPIPE)


# --- embed: long inputs


def feed_forever(child):
    def feed():
        try:
            i = 0
            while True:
                child.stdin.write(b"text number %d\n" % i)
                i += 1
        except (OSError, ValueError):
            pass  # nobody reads any more
        with contextlib.suppress(OSError):
            child.stdin.close()  # drops what is still buffered
    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("form", ["jsonl", "json", "npy", "f32"])
def test_interrupt_leaves_a_valid_partial_file(vecd_bin, tiny_models, tmp_path, form):
    out = tmp_path / f"out.{form}"
    child = subprocess.Popen([vecd_bin, "embed", *M, "--format", form, "-o", out], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=clean_env(tiny_models))
    feeder = feed_forever(child)
    end = time.monotonic() + DEADLINE_S
    while child.poll() is None and time.monotonic() < end and not (out.exists() and out.stat().st_size > 20000):
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    err = child.stderr.read()
    code = child.wait(DEADLINE_S)
    feeder.join(5)
    assert code == 1 and b"interrupted" in err, (code, err)
    if form == "jsonl":
        got = np.array([json.loads(line) for line in out.read_text().splitlines()])
    elif form == "json":
        got = np.array(json.loads(out.read_text()))
    elif form == "npy":
        got = np.load(out)
    else:
        got = np.fromfile(out, dtype="<f4").reshape(-1, 36)
    assert got.ndim == 2 and got.shape[1] == 36 and len(got) > 10


def test_results_of_a_slow_writer_come_as_they_are_made(vecd_bin, tiny_models):
    """A pipe that stays open must not hold back what is known: interactive use, tail -f."""
    child = subprocess.Popen([vecd_bin, "embed", *M], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_env(tiny_models))
    child.stdin.write(b"first\n")
    child.stdin.flush()
    timer = threading.Timer(DEADLINE_S, child.kill)
    timer.start()
    assert len(json.loads(child.stdout.readline())) == 36
    child.stdin.close()
    assert child.wait(DEADLINE_S) == 0
    timer.cancel()


def peak_kb(vecd_bin, models, path, out):
    child = subprocess.Popen([vecd_bin, "embed", *M, "--format", "f32", "-o", out, "-i", path], env=clean_env(models))
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return usage.ru_maxrss


def test_memory_does_not_grow_with_the_input(vecd_bin, tiny_models, tmp_path):
    small, big = tmp_path / "small.txt", tmp_path / "big.txt"
    small.write_text("some words to embed\n" * 5_000)
    big.write_text("some words to embed\n" * 100_000)
    few = peak_kb(vecd_bin, tiny_models, small, tmp_path / "small.f32")
    many = peak_kb(vecd_bin, tiny_models, big, tmp_path / "big.f32")
    assert (tmp_path / "small.f32").stat().st_size == 5_000 * 36 * 4
    assert (tmp_path / "big.f32").stat().st_size == 100_000 * 36 * 4
    assert many < few + 8 * 1024


def test_one_huge_line_is_cut_to_the_model_not_to_death(vecd):
    assert len(rows(vecd("embed", *M, stdin=b"word " * 2_000_000 + b"\nnext\n"))) == 2


def test_progress_only_on_a_terminal(vecd, vecd_bin, tiny_models, tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("some words\n" * 20_000)
    assert vecd("embed", *M, "-o", tmp_path / "a", "-i", path).err == ""
    control, terminal = pty.openpty()
    child = subprocess.Popen([vecd_bin, "embed", *M, "-o", tmp_path / "b", "-i", path], stderr=terminal, env=clean_env(tiny_models))
    os.close(terminal)
    seen = b""
    try:
        while chunk := os.read(control, 4096):
            seen += chunk
    except OSError:
        pass  # the terminal's other end is closed
    os.close(control)
    assert child.wait(DEADLINE_S) == 0
    assert b"%" in seen and b"/s" in seen, seen[-200:]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# --- the other commands


def test_tokenize_prints_ids_as_the_model_sees_them(vecd, golden, tmp_path):
    texts, ids, _ = golden
    keep = [i for i, t in enumerate(texts) if "\n" not in t and "\r" not in t]
    path = tmp_path / "in.txt"
    path.write_bytes("".join(texts[i] + "\n" for i in keep).encode())
    run = vecd("tokenize", *M, "-i", path)
    assert run.code == 0, run.err
    assert [json.loads(line) for line in run.lines()] == [ids[i] for i in keep]


def test_tokenize_can_leave_long_texts_whole(vecd):
    text = "word " * 500
    cut, whole = (json.loads(vecd("tokenize", *M, *flags, text).out) for flags in ((), ("--no-truncate",)))
    assert len(cut) == 48 < len(whole)
    assert cut[:-1] == whole[:47] and cut[-1] == whole[-1]


def test_tokenize_tokens_adds_pieces_and_offsets(vecd):
    run = vecd("tokenize", *M, "--tokens", "Hé x")
    got = json.loads(run.out)
    assert sorted(got) == ["ids", "offsets", "tokens"]
    assert len(got["ids"]) == len(got["tokens"]) == len(got["offsets"])
    assert got["tokens"][0] == "[CLS]" and got["offsets"][0] == [0, 0]
    assert got["tokens"][-1] == "[SEP]" and got["offsets"][-1] == [0, 0]
    assert got["offsets"][-2] == [3, 4], "offsets count characters, not bytes"
    assert got["ids"] == json.loads(vecd("tokenize", *M, "Hé x").out)


def test_similarity_ranks_by_cosine_to_the_first(vecd):
    texts = ["the cat sat", "dogs run fast", "the cat sat", "stock market 1929"]
    run = vecd("similarity", *M, *texts)
    assert run.code == 0, run.err
    got = [(float(score), text) for score, text in (line.split("\t") for line in run.lines())]
    v = rows(vecd("embed", *M, *texts)).astype(float)
    want = sorted(((float(v[0] @ v[i]), texts[i]) for i in (1, 2, 3)), reverse=True)
    assert [t for _, t in got] == [t for _, t in want]
    assert got[0] == (1.0, "the cat sat")
    assert np.allclose([s for s, _ in got], [s for s, _ in want], atol=1e-4)


def test_version_help_and_doctor(vecd):
    for args in (("version",), ("--version",)):
        run = vecd(*args)
        assert run.code == 0 and run.out.split()[0] == "vecd" and run.out.count("\n") == 1
    for args in (("help",), ("--help",), ("-h",)):
        run = vecd(*args)
        assert run.code == 0 and all(f"  {c} " in run.out for c in COMMANDS)
    for command in COMMANDS:
        run = vecd("help", command)
        assert run.code == 0 and f"vecd {command}" in run.out and run.err == ""
        assert vecd(command, "--help").out == run.out
    run = vecd("doctor")
    assert run.code == 0
    for word in ("cpu", "isa", "threads", "memory", "gemm_f32"):
        assert word in run.out.lower(), run.out


COMMANDS = ("embed", "tokenize", "similarity", "models", "show", "serve", "bench", "quality", "doctor", "version", "help")


# --- what is easily got wrong


def test_npy_into_a_pipe_from_a_pipe(vecd, tmp_path):
    """The header comes first and holds the count, which is known last."""
    text = "\n".join(f"text {i}" for i in range(3000)).encode()
    piped = vecd("embed", *M, "--format", "npy", stdin=text, env={"TMPDIR": str(tmp_path)})
    assert piped.code == 0, piped.err
    got = np.load(io.BytesIO(piped.raw))
    assert got.shape == (3000, 36) and np.array_equal(got[[7, 2999]], rows(vecd("embed", *M, "text 7", "text 2999")))
    assert list(tmp_path.iterdir()) == [], "the temporary file has no name"
    one_line(vecd("embed", *M, "--format", "npy", stdin=text, env={"TMPDIR": str(tmp_path / "gone")}), 1, "TMPDIR", "-o")
    assert np.load(io.BytesIO(vecd("embed", *M, "--format", "npy", stdin=b"").raw)).shape == (0, 36)


def test_npy_behind_something_else_in_a_file(vecd_bin, tiny_models, tmp_path):
    out = tmp_path / "out"
    for mode in ("ab", "r+b"):
        out.write_bytes(b"front")
        with open(out, mode) as f:
            f.seek(5)
            subprocess.run([vecd_bin, "embed", *M, "--format", "npy"], input=b"a\nb\n", stdout=f, check=True, env=clean_env(tiny_models))
        assert out.read_bytes()[:5] == b"front"
        assert np.load(io.BytesIO(out.read_bytes()[5:])).shape == (2, 36)


def test_the_input_is_not_overwritten(vecd, tmp_path):
    path = tmp_path / "texts"
    path.write_text("a\nb\n")
    (tmp_path / "link").symlink_to(path)
    for out in (path, tmp_path / "link"):
        one_line(vecd("embed", *M, "-i", path, "-o", out), 1, str(out), "input")
    assert path.read_text() == "a\nb\n"


def test_a_failed_start_leaves_the_old_output(vecd, tmp_path):
    path = tmp_path / "out"
    path.write_text("precious")
    assert vecd("embed", "-m", "gone", "-o", path, "x").code == 1
    assert path.read_text() == "precious"


def test_too_long_a_line_is_named(vecd):
    one_line_at(vecd("embed", *M, stdin=b"fine\n" + b"x" * (17 << 20) + b"\nfine\n"), 2, "MiB")


def test_a_bad_line_leaves_what_came_before(vecd, tmp_path):
    for form, load in (("json", json.load), ("npy", np.load)):
        path = tmp_path / f"out.{form}"
        run = vecd("embed", *M, "--format", form, "-o", path, stdin=b"one\ntwo\n\xff\nfour\n")
        one_line(run, 1, "standard input: line 3", "byte 0")
        with open(path, "rb") as f:
            assert np.array(load(f)).shape == (2, 36)


def test_a_bad_argument_is_named(vecd_bin, tiny_models):
    for command in ("embed", "tokenize", "similarity"):
        done = subprocess.run([vecd_bin, command, *M, "fine", b"not \xff"], capture_output=True, env=clean_env(tiny_models))
        assert done.returncode == 1 and b"argument 2: not valid UTF-8 at byte 4" in done.stderr, done.stderr


def test_more_arguments_than_a_batch_has(vecd):
    texts = [f"text {i}" for i in range(2500)]
    got = rows(vecd("embed", *M, *texts))
    assert len(got) == 2500 and np.array_equal(got[2400], rows(vecd("embed", *M, texts[2400]))[0])
    run = vecd("similarity", *M, *texts)
    assert run.code == 0 and len(run.lines()) == 2499


def test_termination_is_an_interrupt_too(vecd_bin, tiny_models, tmp_path):
    """Also while waiting for input that does not come."""
    out = tmp_path / "out"
    child = subprocess.Popen([vecd_bin, "embed", *M, "--format", "json", "-o", out], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=clean_env(tiny_models))
    child.stdin.write(b"one\ntwo\nhalf a li")
    child.stdin.flush()
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end and not (out.exists() and out.stat().st_size > 500):
        time.sleep(0.02)
    child.send_signal(signal.SIGTERM)
    assert child.wait(DEADLINE_S) == 1 and b"interrupted" in child.stderr.read()
    assert len(json.loads(out.read_text())) == 2
    child.stdin.close()


def test_tokenize_reads_jsonl_whole(vecd, golden, tmp_path):
    texts, ids, _ = golden
    path = write_jsonl(tmp_path / "in.jsonl", texts)
    run = vecd("tokenize", *M, "-i", path)
    assert [json.loads(line) for line in run.lines()] == ids
    for line in vecd("tokenize", *M, "-i", path, "--tokens").lines():
        assert sorted(json.loads(line)) == ["ids", "offsets", "tokens"]


def test_tokenize_needs_no_weights(vecd, tiny_model, tmp_path):
    for entry in tiny_model.iterdir():
        (tmp_path / entry.name).symlink_to(entry)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert vecd("tokenize", "-m", tmp_path, "hello").out == vecd("tokenize", *M, "hello").out


def test_similarity_prints_one_line_a_text(vecd):
    lines = vecd("similarity", *M, "a", "two\nlines", "a\ttab", "\x1b[31m").lines()
    assert sorted(line.split("\t")[1] for line in lines) == sorted(["two\\nlines", "a\\ttab", "\\x1b[31m"])


def test_a_slip_of_the_finger_is_recognised(vecd):
    assert "did you mean --threads?" in vecd("embed", "--thraeds", "2", "x").err
    assert "did you mean similarity?" in vecd("similartiy", "a", "b").err
