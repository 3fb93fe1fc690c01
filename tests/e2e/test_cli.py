"""The command line's contract: formats, order, exit codes, one clear line for every fault."""
import contextlib
import csv
import io
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import threading
import time
import xml.etree.ElementTree

import numpy as np
import pytest

from conftest import DEADLINE_S, FAMILIES, MODEL_FIELDS, TINY, clean_env, golden_of, put_into_cache, write_jsonl

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


def test_show_lists_modules_prompts_and_shards(vecd):
    shown = json.loads(vecd("show", "--json", TINY / "bert-order").out)
    assert [m["type"] for m in shown["modules"]] == ["Transformer", "Pooling", "Normalize", "LayerNorm", "Dense", "Normalize", "Dense"]
    assert shown["modules"][4] == {"type": "Dense", "in": 24, "out": 33, "bias": True, "activation": "tanh"}
    assert (shown["prompts"], shown["default_prompt"]) == ({}, None)
    shown = json.loads(vecd("show", "--json", TINY / "bert-prompt").out)
    assert (shown["prompts"], shown["default_prompt"]) == ({"query": "query: ", "document": "passage: "}, "query")
    assert shown["modules"][1]["include_prompt"] is False
    assert '"query": "query: "' in vecd("show", TINY / "bert-prompt").out
    cut = json.loads(vecd("show", "--json", TINY / "bert-truncate-dim").out)
    assert (cut["dimension"], cut["full_dimension"], cut["normalize"]) == (10, 24, False)
    sharded = json.loads(vecd("show", "--json", TINY / "bert-sharded").out)
    assert len(sharded["shards"]) == 3 and sharded["shards"][1].startswith("more/")
    listed = {m["id"]: m for m in json.loads(vecd("models", "--json", models=TINY).out)}
    assert listed["bert-truncate-dim"]["dimension"] == 10 and listed["bert-dense-two"]["dimension"] == 17
    assert listed["bert-sharded"]["weights_bytes"] > 10000


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


def test_models_lists_the_folder(vecd, tmp_path):
    run = vecd("models")
    assert run.code == 0
    states = dict(line.split()[:2] for line in run.lines())
    assert {states[m] for m in ("all-MiniLM-L6-v2", "bert-mean-norm", "bert-no-modules")} == {"available"}
    assert states["e5-small-v2"] == "remote" and run.lines()[1].startswith("all-MiniLM-L6-v2 "), "the default first"
    empty = vecd("models", models=tmp_path)
    assert empty.code == 0 and len(empty.lines()) == 13 and all(" remote " in line for line in empty.lines()[1:])


def test_models_of_the_hub_s_cache(vecd, tmp_path):
    put_into_cache(tmp_path, "intfloat/e5-small-v2", TINY / "bert-mean-norm")
    put_into_cache(tmp_path, "who/ever", TINY / "bert-prompt")
    env = {"HF_HUB_CACHE": str(tmp_path)}
    states = dict(line.split()[:2] for line in vecd("models", env=env).lines())
    assert states["e5-small-v2"] == states["who/ever"] == "available"
    by_id = vecd("embed", "-m", "e5-small-v2", "a cat", env=env)
    assert by_id.code == 0 and by_id.raw == vecd("embed", "-m", "bert-mean-norm", "a cat").raw
    assert by_id.raw == vecd("embed", "-m", "intfloat/e5-small-v2", "a cat", env=env).raw
    assert vecd("embed", "-m", "who/ever", "a cat", env=env).raw == vecd("embed", "-m", TINY / "bert-prompt", "a cat").raw
    shown = json.loads(vecd("show", "--json", "who/ever", env=env).out)
    assert shown["id"] == "who/ever" and "/models--who--ever/snapshots/" in shown["path"]
    assert json.loads(vecd("show", "--json", shown["path"]).out)["id"] == "who/ever", "a snapshot's path tells whose it is"
    home = {"HF_HUB_CACHE": "", "HF_HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "hub").symlink_to(tmp_path)
    assert vecd("embed", "-m", "who/ever", "a cat", env=home).code == 0
    blobs = tmp_path / "models--who--ever" / "blobs"
    for blob in blobs.iterdir():
        blob.unlink()
    one_line(vecd("embed", "-m", "who/ever", "a cat", env=env), 1, "Model not found: who/ever", "`vecd pull who/ever`")
    one_line(vecd("embed", "-m", "gte-small", "a cat", env=env), 1, "Model not found: gte-small", "`vecd pull gte-small`")


def test_a_catalogue_of_one_s_own(vecd, tmp_path, tiny_model):
    (tmp_path / "mine").symlink_to(tiny_model)
    rows = [{"id": "mine", "name": "My model", "is_default": True, "languages": ["de"], "prompts": {"q": "frage: "},
             "default_quantization": "int8"},
            {"id": "e5-small-v2", "size_mb": 1}]
    (tmp_path / "catalogue.json").write_text(json.dumps(rows))
    listed = {m["id"]: m for m in json.loads(vecd("models", "--json", models=tmp_path).out)}
    assert list(listed)[:3] == ["mine", "e5-small-v2", "gte-small"]
    assert all(list(m) == MODEL_FIELDS[:-1] + ["path", "weights_bytes", "error"] for m in listed.values())
    assert (listed["mine"]["name"], listed["mine"]["dimension"], listed["mine"]["hf_path"]) == ("My model", 36, None)
    assert (listed["e5-small-v2"]["size_mb"], listed["e5-small-v2"]["dimension"], listed["e5-small-v2"]["path"]) == (1, 384, None)
    assert vecd("embed", "--prompt-name", "q", "x", models=tmp_path).raw == vecd("embed", "--prompt", "frage: ", "x", models=tmp_path).raw
    assert vecd("embed", "x", models=tmp_path).raw == vecd("embed", "-m", tiny_model, "--quantization", "int8", "x").raw
    assert vecd("embed", "--quantization", "fp32", "x", models=tmp_path).raw == vecd("embed", "-m", tiny_model, "x").raw
    (tmp_path / "catalogue.json").write_text('[{"id": "mine", "size_mb": "large"}]')
    for command in (["models"], ["embed", "x"], ["show", "mine"]):
        one_line(vecd(*command, models=tmp_path), 1, f'{tmp_path}/catalogue.json: row 1 (mine): field "size_mb" is of type string')
    assert "row 1 (mine)" in vecd("doctor", models=tmp_path).out


def test_models_leaves_out_what_is_no_model(vecd, tmp_path, tiny_model):
    (tmp_path / "good").symlink_to(tiny_model)
    (tmp_path / ".tmp-download").symlink_to(tiny_model)
    (tmp_path / "a file").write_text("x")
    (tmp_path / "empty").mkdir()
    run = vecd("models", models=tmp_path)
    names = [line.split()[0] for line in run.lines()]
    assert "good" in names and not {".tmp-download", "a", "empty"} & set(names)


def test_show_tells_what_the_folder_says_and_what_was_assumed(vecd):
    run = vecd("show", "bert-mean-norm")
    assert run.code == 0, run.err
    facts = dict(line.split(None, 1) for line in run.lines() if " " in line.strip())
    assert facts["architecture"] == "bert" and facts["dimension"] == "36" and facts["max_tokens"] == "48"
    assert facts["pooling"].startswith("mean") and "assumed" not in run.out
    bare = vecd("show", "bert-no-modules")
    assert bare.code == 0 and "assumed" in bare.out
    one_line(vecd("show", "gone"), 1, "gone")


KINDS = {  # what the first word of a folder's name must be shown as: positions, and whether every token sees all
    "camembert": ("learned", True), "distilbert": ("learned", True), "roberta": ("learned", True), "xlm": ("learned", True),
    "mpnet": ("learned+relative", True), "t5": ("relative", True), "new": ("rotary", True), "nomic": ("rotary", True),
    "qwen3": ("rotary", False), "modernbert": ("rotary", False), "gemma3": ("rotary", False),
}  # fmt: skip


@pytest.mark.parametrize("folder", sorted(FAMILIES.iterdir()), ids=lambda folder: folder.name)
def test_every_family_is_shown_tokenized_and_embedded(vecd, folder):
    config = json.loads((folder / "config.json").read_text())
    texts, ids, vectors = golden_of(folder)
    run = vecd("show", "--json", folder)
    assert run.code == 0 and run.err == "", run.err
    shown, text = json.loads(run.out), vecd("show", folder).out
    assert (shown["architecture"], shown["id"]) == (config["model_type"], folder.name)
    positions, sees_all = KINDS[folder.name.split("-")[0]]
    assert shown["positions"] == positions and (shown["attention"] == "both directions") == sees_all
    assert shown["key_value_heads"] == config.get("num_key_value_heads", shown["heads"])
    assert shown["dimension"] == vectors.shape[1]
    assert max(map(len, ids)) <= shown["max_tokens"]
    assert shown["max_tokens_from"] in ("sentence_bert_config.json", "tokenizer_config.json")
    assert [m["type"] for m in shown["modules"]][:2] == ["Transformer", "Pooling"] and "assumed" not in shown
    for fact in ("positions", "attention", "max_tokens_from", "pooling", "module", "default_prompt"):
        assert re.search(rf"^{fact} ", text, re.M), fact
    i = next(i for i, t in enumerate(texts) if t.strip() and "\0" not in t)
    assert json.loads(vecd("tokenize", "-m", folder, "--", texts[i]).out) == ids[i]
    got, want = rows(vecd("embed", "-m", folder, "--", texts[i]))[0], vectors[i]
    assert np.abs(got - want).max() < 1e-5 * max(1, np.abs(want).max())


def without(folder, to, name, **config):
    """A copy of the folder without the file `name`, config.json changed."""
    shutil.copytree(folder, to)
    (to / name).unlink(missing_ok=True)
    path = to / "config.json"
    path.write_text(json.dumps({k: v for k, v in {**json.loads(path.read_text()), **config}.items() if v is not None}))
    return to


@pytest.mark.parametrize("folder, said, text, ids", [
    ("mpnet-base", {"do_lower_case": False}, "na\u00efve caf\u00e9", [0, 5, 5, 2]),
    ("mpnet-base", {"do_lower_case": False, "tokenizer_class": None}, "na\u00efve caf\u00e9", [0, 5, 5, 2]),
    ("mpnet-base", {"do_lower_case": False, "tokenizer_class": "PreTrainedTokenizerFast"}, "na\u00efve caf\u00e9",
     [0, 479, 95, 108, 91, 340, 92, 91, 2]),
    ("distilbert-base", {"strip_accents": False, "tokenizer_class": "DistilBertTokenizerFast"}, "na\u00efve caf\u00e9", [2, 1, 1, 3]),
    ("nomic-base", {"do_lower_case": False, "tokenizer_class": None}, "na\u00efve caf\u00e9", [2, 1, 1, 3]),
    ("roberta-base", {"add_prefix_space": True}, "na\u00efve caf\u00e9", [0, 321, 68, 131, 111, 371, 284, 68, 73, 383, 2]),
    ("roberta-base", {"tokenizer_class": None}, "na\u00efve caf\u00e9", [0, 81, 68, 131, 111, 371, 284, 68, 73, 383, 2]),
])  # fmt: skip
def test_tokenizer_config_counts_as_in_the_reference(vecd, tmp_path, folder, said, text, ids):
    """ids are transformers' for the folder changed so."""
    path = shutil.copytree(FAMILIES / folder, tmp_path / folder) / "tokenizer_config.json"
    path.write_text(json.dumps({k: v for k, v in {**json.loads(path.read_text()), **said}.items() if v is not None}))
    assert json.loads(vecd("tokenize", "-m", path.parent, text).out) == ids


def test_a_tokenizer_class_for_another_model_is_refused(vecd, tmp_path):
    """transformers would put the pieces into a WordPiece of its own and give nonsense."""
    path = shutil.copytree(FAMILIES / "xlm-roberta-base", tmp_path / "m") / "tokenizer_config.json"
    for name, model in (("BertTokenizer", "WordPiece"), ("RobertaTokenizerFast", "BPE")):
        path.write_text(json.dumps({**json.loads(path.read_text()), "tokenizer_class": name}))
        one_line(vecd("embed", "-m", path.parent, "x"), 1, "tokenizer.json", "Unigram", "tokenizer_class", model)


def test_show_says_who_sets_the_limit(vecd, tmp_path):
    def shown(folder, n, **config):
        to = without(FAMILIES / folder, tmp_path / f"{folder}{n}", "sentence_bert_config.json", **config)
        path = to / "tokenizer_config.json"
        path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "model_max_length"}))
        facts = json.loads(vecd("show", "--json", to).out)
        return facts["max_tokens"], facts["max_tokens_from"]

    assert shown("roberta-base", 0) == (48, "config.json, max_position_embeddings")
    assert shown("t5-relu", 0, n_positions=None) == (512, "assumed, since no file says")
    assert shown("nomic-base", 0, n_positions=99) == (99, "config.json, n_positions")
    assert shown("qwen3-base", 0, max_position_embeddings=40000) == (8192, "vecd, which makes room for no more")
    assert shown("qwen3-base", 1, max_position_embeddings=None) == (8192, "vecd, which makes room for no more")
    long = FAMILIES / "qwen3-base"
    to = without(long, tmp_path / "long", "README.md", max_position_embeddings=40000)
    (to / "sentence_bert_config.json").write_text('{"max_seq_length": 32768}')
    assert json.loads(vecd("show", "--json", to).out)["note"] == "sentence_bert_config.json says 32768 tokens, but texts are cut to 8192"


def quality(vecd, *args, **more):
    """What --json gives, its shape and bounds checked; fp32 first."""
    run = vecd("quality", "--json", *args, "bert-mean-norm", **more)
    assert run.code == 0 and run.err == "", run.err
    got = json.loads(run.out)
    assert sorted(got) == ["isa", "model", "precisions", "sample", "texts", "threads", "tokens", "turns"]
    assert got["model"] == "bert-mean-norm" and got["turns"] >= 1 and got["tokens"] >= 2 * got["texts"] > 0
    fp32, int8 = got["precisions"]
    speeds = {"precision", "weight_bytes", "least", "first_percentile", "mean", "texts_per_s", "tokens_per_s"}
    assert set(fp32) == speeds and set(int8) == speeds | {"least_index", "least_text"}
    assert (fp32["precision"], fp32["least"], fp32["first_percentile"], fp32["mean"]) == ("fp32", 1, 1, 1)
    assert int8["precision"] == "int8" and 0 < int8["weight_bytes"] < fp32["weight_bytes"]
    assert 0.9 < int8["least"] <= int8["first_percentile"] <= int8["mean"] <= 1
    assert 0 <= int8["least_index"] < got["texts"]
    for row in (fp32, int8):
        assert row["texts_per_s"] > 0
        assert abs(row["tokens_per_s"] / row["texts_per_s"] / (got["tokens"] / got["texts"]) - 1) < 0.01
    return got


def test_quality_of_the_built_in_sample(vecd):
    got = quality(vecd)
    assert got["sample"] == "built-in" and 400 < got["texts"] < 1000


def test_quality_by_the_kernels_and_threads_asked_for(vecd):
    text = b"one\ntwo words\nand three more\n"
    best, ref = quality(vecd, "-i", "-", stdin=text), quality(vecd, "-i", "-", "--isa", "ref", "--threads", "1", stdin=text)
    assert (ref["isa"], ref["threads"], ref["texts"], ref["tokens"]) == ("ref", 1, 3, best["tokens"])
    for name in ("least", "first_percentile", "mean"):
        assert abs(ref["precisions"][1][name] - best["precisions"][1][name]) < 1e-3


def test_quality_as_a_table(vecd):
    run = vecd("quality", "--threads", "1", "bert-mean-norm")
    assert run.code == 0 and run.err == "", run.err
    assert run.lines()[0].startswith("bert-mean-norm, ") and " 1 thread:" in run.lines()[0]
    rows_of = {line.split()[0]: line.split() for line in run.lines() if line.startswith(("fp32 ", "int8 "))}
    assert set(rows_of) == {"fp32", "int8"} and len(rows_of["fp32"]) == len(rows_of["int8"]) == 8
    assert max(map(len, run.lines()[1:6])) <= 80
    assert run.lines()[-1].startswith("least in int8: text ")


def test_quality_of_a_users_texts(vecd, tmp_path):
    texts = [f"row {i} " + "of many " * (i % 13) for i in range(700)] + ["", "tab\tand \"quotes\" é" + "x" * 80]
    lines, objects = tmp_path / "in.txt", write_jsonl(tmp_path / "in.jsonl", texts)
    lines.write_text("\n".join(texts) + "\n")
    got = quality(vecd, "-i", lines)
    assert got["sample"] == str(lines) and got["texts"] == len(texts)
    assert got["tokens"] == sum(len(json.loads(line)) for line in vecd("tokenize", *M, "-i", lines).lines())

    vectors = [rows(vecd("embed", *M, "--quantization", q, "-i", lines)).astype(float) for q in ("fp32", "int8")]
    cosines = (vectors[0] * vectors[1]).sum(1) / np.linalg.norm(vectors[0], axis=1) / np.linalg.norm(vectors[1], axis=1)
    int8 = got["precisions"][1]
    assert int8["least_index"] == cosines.argmin() and int8["least_text"] == texts[cosines.argmin()][:60]
    assert np.allclose([int8["least"], int8["first_percentile"], int8["mean"]],
                       [cosines.min(), np.sort(cosines)[7], cosines.mean()], atol=1e-8)

    for more in ({"stdin": lines.read_bytes()}, {}):
        again = quality(vecd, "-i", "-" if more else objects, **more)
        for name in ("least", "first_percentile", "mean", "least_index", "least_text"):
            assert again["precisions"][1][name] == int8[name]
    table = vecd("quality", "-i", lines, "bert-mean-norm")
    assert f"{lines}: line {int8['least_index'] + 1}: " in table.lines()[-1]


def test_quality_says_what_is_wrong(vecd, tmp_path):
    one_line(vecd("quality", "gone"), 1, "gone")
    one_line(vecd("quality", "-i", tmp_path / "gone.txt", "bert-mean-norm"), 1, "gone.txt")
    path = tmp_path / "in.txt"
    path.write_bytes(b"")
    one_line(vecd("quality", "-i", path, "bert-mean-norm"), 1, str(path), "no texts")
    path.write_bytes(b"fine\n" * 300 + b"not \xff fine\n")
    one_line(vecd("quality", "-i", path, "bert-mean-norm"), 1, f"{path}: line 301: not valid UTF-8 at byte 4")
    path.write_bytes(b"x\n" * 100_001)
    one_line(vecd("quality", "-i", path, "bert-mean-norm"), 1, str(path), "100000 texts")
    objects = tmp_path / "in.jsonl"
    objects.write_text('{"text": "fine"}\n{"txt": "a"}\n')
    one_line(vecd("quality", "--json", "-i", objects, "bert-mean-norm"), 1, f"{objects}: line 2", "text")


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


def test_the_library_of_models_can_be_chosen_by_environment(vecd, tmp_path, tiny_model):
    data = tmp_path / "data"
    (data / "vecd" / "models").mkdir(parents=True)
    (data / "vecd" / "models" / "mine").symlink_to(tiny_model)
    run = vecd("embed", "-m", "mine", "x", models="", env={"XDG_DATA_HOME": str(data)})
    assert rows(run).shape == (1, 36)


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


def test_json_of_models_show_and_bench(vecd, tmp_path, tiny_model):
    (tmp_path / 'quo"te').symlink_to(tiny_model)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    listed = {m["id"]: m for m in json.loads(vecd("models", "--json", "--models", tmp_path).out)}
    broken, good = listed["broken"], listed['quo"te']
    assert broken["state"] == "failed" and "config.json" in broken["error"]
    assert (good["state"], good["dimension"], good["max_seq_length"]) == ("available", 36, 48) and good["weights_bytes"] > 0
    assert "cannot be used" in vecd("models", models=tmp_path).out
    show = json.loads(vecd("show", "bert-no-modules", "--json").out)
    assert show["dimension"] == 32 and show["normalize"] is True and "mean" in show["assumed"]
    bench = json.loads(vecd("bench", *M, "--json").out)
    assert bench["limit_gflops"] > 0
    assert {w["name"] for w in bench["workloads"]} == {"q12", "b32x16"}, "the tiny model takes 48 tokens"
    assert all(0 < w["share"] < 2 and w["ms"] > 0 for w in bench["workloads"])
    assert (bench["model"], bench["precision"]) == ("bert-mean-norm", "fp32")


def test_bench_writes_csv_and_svg(vecd, tmp_path, tiny_model):
    name = 'odd, "<name>" & more'
    shutil.copytree(tiny_model, tmp_path / name)
    csv_path, svg_path = tmp_path / "b.csv", tmp_path / "b.svg"
    csv_path.write_text("what stood here before " * 1000)
    run = vecd("bench", "-m", tmp_path / name, "--quantization", "int8", "--threads", "1", "--isa", "ref", "--csv", csv_path,
               "--svg", svg_path)
    assert run.code == 0 and name in run.out and "int8" in run.out, run.err
    table = list(csv.DictReader(csv_path.read_text().splitlines(), strict=True))
    assert [row["workload"] for row in table] == ["q12", "b32x16"], "the tiny model takes 48 tokens"
    for row in table:
        assert row["cpu"] and (row["model"], row["precision"], row["isa"], row["threads"]) == (name, "int8", "ref", "1")
        assert row["version"] in vecd("version").out and re.fullmatch(r"\d{4}-\d\d-\d\d", row["date"])
        assert float(row["fp32_limit_gflops"]) > 0 and float(row["ms"]) > 0 and float(row["share_of_fp32_limit"]) > 0
        assert abs(float(row["tokens_per_s"]) * float(row["ms"]) / 1e3 / int(row["tokens"]) - 1) < 0.01
        assert None not in row and None not in row.values(), "as many cells as columns"
    svg = xml.etree.ElementTree.parse(svg_path).getroot()
    words = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert name in words[0] and "int8" in words[0] and "ref; 1 thread;" in words[1]
    assert sum("left out" in w for w in words) == 4 and {"q12", "b32x16"} <= set(words)


def test_bench_on_standard_output_and_to_files_it_cannot_write(vecd, tmp_path):
    alone = vecd("bench", *M, "--csv", "-").lines()
    assert alone[0].startswith("cpu,") and len(alone) == 3
    one_line(vecd("bench", *M, "--csv", tmp_path / "no" / "b.csv"), 1, "b.csv", "cannot write")
    one_line(vecd("bench", *M, "--svg", tmp_path), 1, str(tmp_path), "cannot write")
    same = vecd("bench", *M, "--csv", tmp_path / "b", "--svg", tmp_path / "b")
    one_line(same, 2, "--csv and --svg")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def named_as_known(tmp_path):
    """A models folder in which small models lie under ids of the catalogue."""
    (tmp_path / "e5-small-v2").symlink_to(TINY / "bert-mean-norm")
    (tmp_path / "BAAI").mkdir()
    (tmp_path / "BAAI" / "bge-small-en-v1.5").symlink_to(TINY / "bert-prompt")
    return tmp_path


def test_prompts_of_the_catalogue_where_the_folder_has_none(vecd, named_as_known):
    def run(*args):
        done = vecd(*args, models=named_as_known)
        assert done.code == 0, done.err
        return done.out

    for model in ("e5-small-v2", "intfloat/e5-small-v2", named_as_known / "e5-small-v2"):
        m = ("-m", model)
        assert run("embed", *m, "--prompt-name", "query", "a cat") == run("embed", *m, "--prompt", "query: ", "a cat")
        assert run("embed", *m, "--prompt-name", "document", "a cat") == run("embed", *m, "--prompt", "passage: ", "a cat")
        assert run("embed", *m, "a cat") == run("embed", *m, "--prompt", "", "a cat"), "none unasked"
        assert run("tokenize", *m, "--prompt-name", "query", "a cat") == run("tokenize", *m, "query: a cat")
        assert run("similarity", *m, "--prompt-name", "query", "a cat", "a dog") == run(
            "similarity", *m, "--prompt", "query: ", "a cat", "a dog")
    shown = json.loads(run("show", "--json", "intfloat/e5-small-v2"))
    assert shown["id"] == "e5-small-v2" and shown["prompts_from"] == "the catalogue" and shown["default_prompt"] is None
    assert shown["prompts"] == {"query": "query: ", "passage": "passage: ", "document": "passage: "}
    assert re.search(r"^prompts_from\s+the catalogue$", run("show", "e5-small-v2"), re.M)
    by_itself = vecd("embed", "-m", "bert-mean-norm", "--prompt-name", "query", "a cat")
    one_line(by_itself, 1, "bert-mean-norm has no prompts")


def test_prompts_of_the_folder_stay_what_they_are(vecd, named_as_known):
    (known, own) = (json.loads(vecd("show", "--json", m, models=named_as_known).out) for m in ("bge-small-en-v1.5", TINY / "bert-prompt"))
    assert known["id"] == "bge-small-en-v1.5" and known["prompts"] == own["prompts"] and known["prompts"]
    assert known["prompts_from"] == own["prompts_from"] == "config_sentence_transformers.json"
    assert known["default_prompt"] == own["default_prompt"]
