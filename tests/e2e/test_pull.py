"""`vecd pull` against a hub on localhost (hub.py): what it fetches, what it refuses, and whatever can go wrong on the way. The cache it
pulls into has tests of its own: test_pull_cache.py."""
import contextlib
import os
import pty
import shutil
import signal
import ssl
import subprocess
import threading
import time

import pytest

from conftest import DEADLINE_S, TINY, clean_env
from hub import Hub, change, cut, git_sha, header, redirect, sha256, slow, stall, status

ID = "org/tiny"
WEIGHTS = "model.safetensors"


@pytest.fixture
def hub():
    with Hub() as hub:
        yield hub


@pytest.fixture
def tiny(hub):
    """The hub with a model in it, and the model's files."""
    hub.commit = hub.add_folder(ID, TINY / "bert-mean-norm")
    return hub


class Cache:
    """A cache that vecd pulls into from `hub`."""

    def __init__(self, binary, root, url):
        self.binary, self.root, self.url = binary, root, url

    def env(self, **more):
        ours = {k: v for k, v in clean_env("/nowhere").items()
                if not k.startswith(("HF_", "HUGGING")) and "proxy" not in k.lower()}
        return {**ours, "HF_HUB_CACHE": str(self.root), "HF_HOME": str(self.root / ".home"), "HF_ENDPOINT": self.url, **more}

    def start(self, *args, stderr=subprocess.PIPE, preexec=None, **env):
        return subprocess.Popen([self.binary, "pull", *map(str, args)], stdout=subprocess.PIPE, stderr=stderr, text=True,
                                env=self.env(**env), preexec_fn=preexec)

    @staticmethod
    def end(process):
        out, err = process.communicate(timeout=DEADLINE_S)
        return process.returncode, out, err

    def pull(self, *args, **env):
        return self.end(self.start(*args, **env))

    def good(self, *args, **env):
        """Pulls, which must work, and gives the folder."""
        code, out, err = self.pull(*args, **env)
        assert code == 0, err
        return self.root.__class__(out.rstrip("\n"))

    def bad(self, *words, args=(ID,), **env):
        """Pulls, which must fail with one line that has all the words; nothing of a model is to be seen afterwards."""
        code, out, err = self.pull(*args, **env)
        last = err.splitlines()[-1]
        assert (code, out) == (1, "") and last.startswith("vecd: "), (code, out, err)
        assert not [w for w in words if w not in last], last
        assert not list(self.root.glob("models--*/snapshots/*/*")) and not list(self.root.glob("models--*/refs/*"))
        return err

    def folder(self, repo=ID):
        return self.root / ("models--" + repo.replace("/", "--"))

    def blob(self, data):
        return self.folder() / "blobs" / sha256(data)

    def leftovers(self):
        return [p.name for p in self.root.rglob("*") if p.name.endswith((".incomplete", ".tmp"))]


@pytest.fixture
def cache(vecd_bin, tmp_path, hub):
    return Cache(vecd_bin, tmp_path / "cache", hub.url)


def files_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def weights(hub):
    return hub.repos[ID][hub.commit][WEIGHTS]


def wait_for(what):
    end = time.monotonic() + DEADLINE_S
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


# --- what is fetched, and how it lies there


def test_a_pulled_model_works(tiny, cache, vecd):
    folder = cache.good(ID)
    assert folder == cache.folder() / "snapshots" / tiny.commit
    got, want = vecd("embed", "-m", folder, "hello"), vecd("embed", "-m", "bert-mean-norm", "hello")
    assert got.code == 0 and got.raw == want.raw


def test_a_pulled_model_is_found_by_its_id(tiny, cache, tmp_path):
    """Its repository's, or where the catalogue has it the catalogue's."""
    (tmp_path / "catalogue.json").write_text('[{"id": "mine", "hf_path": "org/tiny"}]')
    cache.good("mine", VECD_MODELS=str(tmp_path))
    for name in (ID, "mine"):
        run = subprocess.run([cache.binary, "embed", "-m", name, "hello"], capture_output=True, text=True, timeout=DEADLINE_S,
                             env=cache.env(VECD_MODELS=str(tmp_path)))
        assert run.returncode == 0 and run.stdout.startswith("["), run.stderr


def test_the_layout_is_the_python_clients(tiny, cache):
    folder = cache.good(ID)
    for name in files_of(folder):
        data = tiny.repos[ID][tiny.commit][name]
        blob = sha256(data) if name == WEIGHTS else git_sha(data)
        assert os.readlink(folder / name) == "../" * (2 + name.count("/")) + f"blobs/{blob}"
        assert (folder / name).read_bytes() == data
    assert (cache.folder() / "refs" / "main").read_text() == tiny.commit
    assert not cache.leftovers()


@pytest.mark.parametrize("name", ["bert-dense-two", "bert-prompt-all-poolings", "bert-sharded", "bert-no-modules"])
def test_all_that_a_model_needs_is_fetched_and_nothing_else(hub, cache, vecd, name):
    more = {"README.md": b"# read me", "pytorch_model.bin": b"x" * 1000, "onnx/model.onnx": b"y" * 1000, "training_args.bin": b"z",
            "vocab.txt": b"a\nb\n", "1_Pooling/notes.txt": b"n", ".gitattributes": b"*"}
    ours = {n: d for n, d in files_of(TINY / name).items() if n not in ("golden.json", "vectors.npy")}
    hub.add(ID, ours | more)
    folder = cache.good(ID)
    assert files_of(folder) == ours
    assert not [r.path for r in hub.log for n in more if r.path.split("?")[0].endswith("/" + n)]
    assert vecd("embed", "-m", folder, "hello").raw == vecd("embed", "-m", TINY / name, "hello").raw


def test_what_is_there_is_not_fetched_again(tiny, cache):
    folder = cache.good(ID)
    tiny.log.clear()
    assert cache.good(ID) == folder
    assert [r.path for r in tiny.log] == [f"/api/models/{ID}/revision/main?blobs=true"]


def test_a_new_commit_fetches_what_has_changed(tiny, cache):
    old = cache.good(ID)
    files = files_of(old)
    files["config.json"] = files["config.json"].replace(b"{", b"{ ", 1)
    tiny.add(ID, files)
    tiny.log.clear()
    new = cache.good(ID)
    assert new != old and files_of(new) == files and (cache.folder() / "refs/main").read_text() == new.name
    assert [r.path.rsplit("/")[-1] for r in tiny.log if r.method == "GET" and "/api/" not in r.path] == ["config.json"]


@pytest.mark.parametrize("revision", ["v1.0", "refs/pr/1", "a/b-c"])
def test_revisions(tiny, cache, revision):
    commit = tiny.add(ID, files_of(TINY / "bert-no-modules"), revision)
    assert cache.good(ID, "--revision", revision).name == commit
    assert (cache.folder() / "refs" / revision).read_text() == commit
    assert not (cache.folder() / "refs/main").exists()
    assert cache.good(ID, "--revision", commit).name == commit  # a commit is its own name
    assert [p for p in (cache.folder() / "refs").rglob("*") if p.is_file()] == [cache.folder() / "refs" / revision]


def test_a_repository_without_organisation(hub, cache):
    hub.add_folder("gpt", TINY / "bert-no-modules")
    assert cache.good("gpt").parent.parent.name == "models--gpt"


def test_a_hub_that_tells_no_sizes_in_its_list(tiny, cache):
    tiny.rule("/api/models", change(lambda body: body.replace(b'"size"', b'"other"').replace(b'"blobId"', b'"id"')))
    assert files_of(cache.good(ID))[WEIGHTS] == weights(tiny)


# --- refused before anything large


@pytest.mark.parametrize("gone, instead, words", [
    (WEIGHTS, "pytorch_model.bin", ["no model.safetensors", "pytorch_model.bin"]),
    (WEIGHTS, "README.md", ["no model.safetensors"]),
    ("tokenizer.json", "vocab.txt", ["no tokenizer.json", "vocab.txt"]),
    ("config.json", "README.md", ["no config.json"]),
    ("README.md", "adapter_config.json", ["adapter"]),
])
def test_what_vecd_cannot_open_is_refused_by_name(tiny, cache, gone, instead, words):
    files = files_of(TINY / "bert-mean-norm") | {instead: b"{}"}
    files.pop(gone, None)
    tiny.add(ID, files)
    cache.bad(ID, *words)
    assert not tiny.asked(".", where="cdn")


def test_a_dense_module_without_safetensors_is_refused(hub, cache):
    files = files_of(TINY / "bert-dense-two")
    files["2_Dense/pytorch_model.bin"] = files.pop("2_Dense/model.safetensors")
    hub.add(ID, files)
    cache.bad("2_Dense/model.safetensors", "pytorch_model.bin")
    assert not hub.asked(".", where="cdn")


def test_a_model_that_turns_out_unusable_is_told(tiny, cache):
    files = files_of(TINY / "bert-mean-norm")
    files["config.json"] = files["config.json"].replace(b'"bert"', b'"mamba"')
    tiny.add(ID, files)
    code, out, err = cache.pull(ID)
    assert code == 1 and out.strip().startswith(str(cache.root)) and "mamba" in err.splitlines()[-1]


@pytest.mark.parametrize("files, words", [
    ({"modules.json": b'[{"path": "../../.ssh", "type": "x"}]'}, ["modules.json", "leaves"]),
    ({"modules.json": b'[{"path": "/etc", "type": "x"}]'}, ["modules.json", "leaves"]),
    ({"modules.json": b'{"path": ""}'}, ["modules.json", "array"]),
    ({"modules.json": b'[{"path": "'}, ["line 1"]),
    ({"modules.json": b"[" * 100000}, ["line 1"]),
    ({WEIGHTS: None, WEIGHTS + ".index.json": b'{"weight_map": {"a": "../../../x.safetensors"}}'}, ["index.json", "leaves"]),
    ({WEIGHTS: None, WEIGHTS + ".index.json": b'{"weight_map": {"a": "gone.safetensors"}}'}, ["no gone.safetensors"]),
    ({WEIGHTS: None, WEIGHTS + ".index.json": b'{"weight_map": [1]}'}, ["weight_map"]),
])
def test_hostile_files_of_a_repository(hub, cache, files, words):
    all_files = files_of(TINY / "bert-mean-norm") | {"../evil": b"evil", "/tmp/evil": b"evil", "a/../../evil": b"evil"} | files
    hub.add(ID, {n: d for n, d in all_files.items() if d is not None})
    cache.bad(*words)
    assert not list(cache.root.parent.rglob("*evil*"))


def test_hostile_names_in_the_list_are_never_looked_at(hub, cache):
    hub.add(ID, files_of(TINY / "bert-mean-norm") | {"../evil": b"e", "/etc/evil": b"e", "x/../../evil.safetensors": b"e"})
    cache.good(ID)
    assert not hub.asked("evil") and not list(cache.root.parent.rglob("*evil*"))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"sha": "../../x", "siblings": []}', b'{"siblings": []}',
                                  b'{"sha": "%s"}' % (b"a" * 40), b'{"sha": "%s", "siblings": {}}' % (b"a" * 40), b'{"a":' * 200],
                         ids=len)
def test_a_list_of_files_that_is_none(tiny, cache, body):
    tiny.rule("/api/models", change(lambda _: body))
    cache.bad(ID, "the hub's list of files")


def test_a_list_of_files_that_does_not_end(tiny, cache):
    tiny.rule("/api/models", change(lambda _: b'{"sha": "' + b" " * (33 << 20)))
    cache.bad(ID, "list of files is over")


@pytest.mark.parametrize("etag", ['"../../../x"', '"a/b"', '""', '".hidden"', '"' + "a" * 200 + '"', None])
def test_an_etag_that_cannot_name_a_file(tiny, cache, etag):
    tiny.rule("config.json", header(ETag=etag), method="HEAD")
    cache.bad("no usable ETag")


def test_another_commit_than_asked_for(tiny, cache):
    tiny.rule("config.json", header(X_Repo_Commit="b" * 40), method="HEAD")
    cache.bad("answers with " + "b" * 40)


def test_ids_and_revisions_that_cannot_be(tiny, cache):
    for repo in ("../x", "a/b/c", "/etc", "a b", "org/", "-x", "a--b"):
        cache.bad("org/name", args=("--", repo))
    for revision in ("../x", "/x", "a b", "a//b"):
        cache.bad("cannot be a revision", args=(ID, "--revision", revision))
    assert not tiny.log


# --- who may


def test_a_token_opens_and_goes_to_the_hub_alone(tiny, cache, tmp_path):
    tiny.token = "hf_secret"
    err = cache.bad("401", "HF_TOKEN")
    assert "hf_secret" not in err + cache.bad("does not open it", HF_TOKEN="hf_wrong")
    tiny.log.clear()
    cache.good(ID, HF_TOKEN=" hf_secret\n")
    assert tiny.asked(".", where="hub") and all(r.token == "hf_secret" for r in tiny.asked(".", where="hub"))
    assert tiny.asked(".", where="cdn") and not any(r.token for r in tiny.asked(".", where="cdn"))


def test_the_token_file_of_the_python_client(tiny, cache, tmp_path):
    tiny.token = "hf_secret"
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "token").write_text("hf_secret\n")
    cache.bad("HF_TOKEN", HF_HOME=str(tmp_path / "home"), HF_HUB_DISABLE_IMPLICIT_TOKEN="1")
    cache.good(ID, HF_HOME=str(tmp_path / "home"))


def test_a_redirect_to_elsewhere_takes_no_token_along(tiny, cache):
    tiny.rule("/api/models", redirect(tiny.cdn + "/steal"))
    cache.bad("403", HF_TOKEN="hf_secret")
    assert tiny.asked("/steal") and not any(r.token for r in tiny.asked("/steal"))


@pytest.mark.parametrize("act, words, env", [
    (status(403, "GatedRepo"), ["access is granted on", "then set HF_TOKEN"], {}),
    (status(403, "GatedRepo"), ["ask for it there", "account that HF_TOKEN"], {"HF_TOKEN": "hf_x"}),
    (status(403), ["access is granted on"], {}),
    (status(404, "RepoNotFound"), ["no such repository", "HF_TOKEN"], {}),
    (status(404), ["no such repository"], {}),
    (status(400), ["answers 400"], {}),
])
def test_refusals_say_what_to_do(tiny, cache, act, words, env):
    tiny.rule("/api/models", act)
    cache.bad(*words, **env)
    assert len(tiny.log) == 1


def test_what_is_not_there(tiny, cache):
    cache.bad("no such repository", args=("org/other",))
    cache.bad("no such revision", args=(ID, "--revision", "v9"))
    tiny.rule("config.json", status(404, "EntryNotFound"), method="HEAD")
    cache.bad("config.json", "does not have it")


@pytest.mark.parametrize("env, word", [
    ({"HF_ENDPOINT": "ftp://x"}, "HF_ENDPOINT"), ({"HF_ENDPOINT": "https://"}, "HF_ENDPOINT"),
    ({"HF_ENDPOINT": "https://a:b@hub"}, "HF_ENDPOINT"), ({"HF_TOKEN": "a\r\nX-Other: b"}, "HF_TOKEN"),
    ({"HF_HUB_DOWNLOAD_TIMEOUT": "soon"}, "HF_HUB_DOWNLOAD_TIMEOUT"),
])
def test_variables_that_make_no_sense(tiny, cache, env, word):
    err = cache.bad(word, **env)
    assert "X-Other" not in err and not tiny.log


# --- weather


def test_429_is_waited_for(tiny, cache):
    tiny.rule("/api/models", status(429, Retry_After="1"), times=2)
    code, _, err = cache.pull(ID)
    assert code == 0 and err.count("status 429; again in 1.0 s") == 2


def test_429_for_minutes_is_an_answer(tiny, cache):
    tiny.rule("/api/models", status(429, Retry_After="3600"))
    cache.bad("429", "try later", "HF_TOKEN")
    assert len(tiny.log) == 1


@pytest.mark.parametrize("where, method, path", [("hub", "GET", "/api/models"), ("hub", "HEAD", "config.json"),
                                                 ("hub", "GET", "tokenizer.json"), ("cdn", "GET", WEIGHTS)])
def test_503_passes(tiny, cache, where, method, path):
    tiny.rule(path, status(503), where=where, method=method, times=1)
    assert files_of(cache.good(ID))[WEIGHTS] == weights(tiny)


def test_a_hub_that_is_down_is_given_up(tiny, cache):
    tiny.rule("/api/models", status(500))
    cache.bad("answers 500", "try later")
    assert len(tiny.log) == 5


def test_a_signed_address_that_is_no_longer_good_is_made_anew(tiny, cache):
    tiny.rule(WEIGHTS, status(403), where="cdn", times=1)
    cache.good(ID)
    assert len(tiny.asked(WEIGHTS, "hub", "GET")) == 2


def test_cuts_are_gone_on_from(tiny, cache):
    tiny.rule(WEIGHTS, cut(50000), where="cdn", times=2)
    assert files_of(cache.good(ID))[WEIGHTS] == weights(tiny)
    assert [r.first for r in tiny.asked(WEIGHTS, "cdn")] == [0, 50000, 100000]


@pytest.mark.parametrize("act", [cut(50000), change(lambda body: body[:50000])])
def test_a_hub_that_knows_no_ranges(tiny, cache, act):
    tiny.ranges = False
    tiny.rule(WEIGHTS, cut(50000), where="cdn", times=1)
    assert files_of(cache.good(ID))[WEIGHTS] == weights(tiny)
    assert [r.first for r in tiny.asked(WEIGHTS, "cdn")] == [0, 50000]


def test_a_connection_that_falls_silent(tiny, cache):
    event = threading.Event()
    tiny.rule(WEIGHTS, stall(50000, event), where="cdn", times=1)
    assert files_of(cache.good(ID, HF_HUB_DOWNLOAD_TIMEOUT="1"))[WEIGHTS] == weights(tiny)
    assert [r.first for r in tiny.asked(WEIGHTS, "cdn")] == [0, 50000]
    event.set()


def test_no_network(cache):
    cache.bad("cannot reach http://127.0.0.1:9", "network", HF_ENDPOINT="http://127.0.0.1:9")
    cache.bad("cannot reach", HF_ENDPOINT="https://hub.invalid")


def test_redirects_that_lead_nowhere(tiny, cache):
    tiny.rule("/api/models", redirect(tiny.url + "/api/models/again"))
    cache.bad("answers 302")
    assert len(tiny.log) < 12
    tiny.rules.clear()
    tiny.rule(WEIGHTS, redirect("file:///etc/passwd"))
    cache.bad("file")


# --- bytes that are not what was announced


@pytest.mark.parametrize("name, where", [(WEIGHTS, "cdn"), ("tokenizer.json", "hub")])
def test_a_wrong_hash_leaves_nothing(tiny, cache, name, where):
    tiny.rule("/" + name, change(lambda body: b"!" + body[1:]), where=where)
    cache.bad(name, "hash")
    assert not cache.leftovers() and len(tiny.asked("/" + name, where, "GET")) == 2


def test_bytes_that_were_damaged_once(tiny, cache):
    tiny.rule(WEIGHTS, change(lambda body: b"!" + body[1:]), where="cdn", times=1)
    assert files_of(cache.good(ID))[WEIGHTS] == weights(tiny)


@pytest.mark.parametrize("act, word", [(change(lambda body: body + b"more"), "announced"), (change(lambda body: body[:-4]), "announced"),
                                       (change(lambda body: b""), "announced"),
                                       (header(Content_Length="10000000000"), "announced")])
def test_another_length_than_announced(tiny, cache, act, word):
    tiny.rule(WEIGHTS, act, where="cdn")
    cache.bad(WEIGHTS, word)


def test_another_part_than_asked_for(tiny, cache):
    tiny.rule(WEIGHTS, cut(50000), where="cdn", times=1)
    tiny.rule(WEIGHTS, header(Content_Range="bytes 0-9/154288"), where="cdn")
    cache.bad("another part")


# --- ends in the middle


@contextlib.contextmanager
def stopped_in_the_middle(hub, cache, stderr=subprocess.PIPE):
    """A pull that has 50000 bytes of the weights and gets no more."""
    event = threading.Event()
    hub.rule(WEIGHTS, stall(50000, event), where="cdn", times=1)
    process = cache.start(ID, stderr=stderr)
    part = cache.blob(weights(hub)).with_name(sha256(weights(hub)) + ".incomplete")
    wait_for(lambda: part.exists() and part.stat().st_size == 50000)
    yield process
    event.set()


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_ended_pull_is_gone_on_from(tiny, cache, sig):
    with stopped_in_the_middle(tiny, cache) as process:
        process.send_signal(sig)
        code, out, err = cache.end(process)
        assert out == "" and not list(cache.root.glob("models--*/snapshots/*"))
        if sig != signal.SIGKILL:
            assert code == 1 and "cancelled" in err.splitlines()[-1]
        assert files_of(cache.good(ID))[WEIGHTS] == weights(tiny)
    assert [r.first for r in tiny.asked(WEIGHTS, "cdn")] == [0, 50000]
    assert not cache.leftovers()


def test_two_pulls_at_once_fetch_once(tiny, cache):
    with stopped_in_the_middle(tiny, cache) as first:
        second = cache.start(ID, stderr=subprocess.STDOUT)
        assert "another pull is at it" in second.stdout.readline()
        first.kill()
        first.communicate()
        code, out, _ = cache.end(second)
        assert code == 0 and out.splitlines()[-1].endswith(tiny.commit)
    assert [r.first for r in tiny.asked(WEIGHTS, "cdn")] == [0, 50000]
    assert files_of(cache.folder() / "snapshots" / tiny.commit)[WEIGHTS] == weights(tiny)


def test_many_pulls_at_once(tiny, cache):
    tiny.rule(WEIGHTS, slow(20000, 0.02), where="cdn")
    pulls = [cache.start(ID) for _ in range(4)]
    assert [cache.end(p)[0] for p in pulls] == [0] * 4
    assert len(tiny.asked(WEIGHTS, "cdn")) == 1 and not cache.leftovers()


# --- TLS, and a person watching


def certificate(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
                   cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return context


def test_tls_is_verified(tiny, cache, tmp_path):
    context = certificate(tmp_path)
    for server in tiny.servers.values():
        server.socket = context.wrap_socket(server.socket, server_side=True)
    secure, trusted = tiny.url.replace("http:", "https:"), str(tmp_path / "cert.pem")
    cache.bad("certificate", "SSL_CERT_FILE", HF_ENDPOINT=secure)
    plain_cdn, tiny.cdn = tiny.cdn, tiny.cdn.replace("http:", "https:")
    tiny.rule(WEIGHTS, redirect(plain_cdn), times=1)
    cache.bad("http", HF_ENDPOINT=secure, SSL_CERT_FILE=trusted)  # no way back to plain HTTP
    cache.good(ID, HF_ENDPOINT=secure, SSL_CERT_FILE=trusted)


def test_a_terminal_gets_a_bar(tiny, cache):
    tiny.rule(WEIGHTS, slow(20000, 0.05), where="cdn")
    master, slave = pty.openpty()
    process = cache.start(ID, stderr=slave)
    os.close(slave)
    shown = bytearray()
    with contextlib.suppress(OSError):
        while piece := os.read(master, 4096):
            shown += piece
    os.close(master)
    assert cache.end(process)[0] == 0
    assert b"[" in shown and b"model.safetensors" in shown and b"100%" in shown and shown.endswith(b"in all\x1b[K\r\n"), shown


def test_a_pipe_gets_a_line_a_file(tiny, cache):
    code, out, err = cache.pull(ID)
    assert code == 0 and sorted(err.splitlines()) == sorted(files_of(cache.folder() / "snapshots" / tiny.commit))
    assert out.count("\n") == 1
