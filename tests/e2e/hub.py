"""A hub on localhost: what vecd and the real Python client ask of huggingface.co, and every fault a network, a proxy or a villain adds.

Two servers, because the real one sends large files from another host: `Hub.url` is the endpoint, which answers the API and small
files, and redirects for large ones to the other port. Every request is kept in `Hub.log`. Standard library only.

    with Hub() as hub:
        commit = hub.add("org/name", {"config.json": b"{}", "model.safetensors": weights})
        hub.rule("model.safetensors", cut(1000), where="cdn", times=2)
"""
import hashlib
import http.server
import json
import re
import threading
import time
import urllib.parse

LARGE = (".safetensors", ".bin", ".onnx")  # in large-file storage, whatever their size


def git_sha(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Request:
    """One request as it came, and what is sent back by default, for rules to change."""

    def __init__(self, handler, where):
        self.handler, self.where = handler, where
        self.method, self.path, self.headers = handler.command, urllib.parse.unquote(handler.path), dict(handler.headers)
        self.status, self.reply_headers, self.body = 404, {}, b""

    @property
    def token(self):
        return self.headers.get("Authorization", "").removeprefix("Bearer ") or None

    @property
    def first(self):
        """The first byte asked for."""
        m = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(m.group(1)) if m else 0

    def set(self, status, body=b"", **headers):
        self.status, self.body = status, body
        self.reply_headers = {k.replace("_", "-"): v for k, v in headers.items()}

    def send(self, body=None, announce=None):
        body = self.body if body is None else body
        h = self.handler
        h.send_response(self.status)
        for name, value in self.reply_headers.items():
            h.send_header(name, value)
        if "Content-Length" not in self.reply_headers:
            h.send_header("Content-Length", str(len(self.body) if announce is None else announce))
        h.end_headers()
        if self.method != "HEAD":
            h.wfile.write(body)


# --- faults: each is called with the request in place of Request.send()


def status(code, error_code=None, **headers):
    def act(r):
        r.set(code, b'{"error":"no"}', **headers)
        if error_code:
            r.reply_headers["X-Error-Code"] = error_code
        r.send()

    return act


def cut(after):
    """The connection ends behind so many bytes of the body."""

    def act(r):
        r.send(r.body[:after])
        r.handler.close_connection = True

    return act


def stall(after, event):
    """Nothing comes behind so many bytes until the event is set."""

    def act(r):
        r.send(r.body[:after])
        r.handler.wfile.flush()
        event.wait(60)
        r.handler.close_connection = True

    return act


def slow(piece, pause):
    def act(r):
        r.send(b"", announce=len(r.body))
        for i in range(0, len(r.body), piece):
            r.handler.wfile.write(r.body[i:i + piece])
            r.handler.wfile.flush()
            time.sleep(pause)

    return act


def change(function):
    """The whole reply with another body (and its length)."""

    def act(r):
        r.body = function(r.body)
        r.send()

    return act


def header(**headers):
    def act(r):
        r.reply_headers.update({k.replace("_", "-"): v for k, v in headers.items()})
        for name in [n for n, v in r.reply_headers.items() if v is None]:
            del r.reply_headers[name]
        r.send()

    return act


def redirect(url):
    def act(r):
        r.set(302, Location=url)
        r.send()

    return act


class Hub:
    def __init__(self, token=None):
        self.token = token  # where set, it is wanted of everybody
        self.repos, self.refs, self.rules, self.log = {}, {}, [], []
        self.ranges = True
        self.lock = threading.Lock()
        self.servers = {w: self._serve(w) for w in ("hub", "cdn")}
        self.url, self.cdn = (f"http://127.0.0.1:{self.servers[w].server_address[1]}" for w in ("hub", "cdn"))

    def _serve(self, where):
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                hub._answer(Request(self, where))

            do_GET = do_HEAD = handle_any

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                pass  # clients that are killed

        server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def __enter__(self):
        return self

    def __exit__(self, *args):
        for server in self.servers.values():
            server.shutdown()
            server.server_close()

    def add(self, repo, files, revision="main"):
        """Adds a commit and gives its hash; `revision` names it from now on."""
        commit = hashlib.sha1(repr(sorted((n, sha256(d)) for n, d in files.items())).encode()).hexdigest()
        self.repos.setdefault(repo, {})[commit] = dict(files)
        self.refs.setdefault(repo, {})[revision] = commit
        return commit

    def add_folder(self, repo, folder, revision="main"):
        return self.add(repo, {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}, revision)

    def rule(self, path, act, where="hub", method="GET", times=10**9):
        """The next `times` requests whose path has `path` (a regular expression) in it are answered by act(request)."""
        self.rules.append([re.compile(path), act, where, method, times])

    def asked(self, path, where=None, method=None):
        """The requests so far whose path has `path` in it."""
        return [r for r in self.log if re.search(path, r.path) and where in (None, r.where) and method in (None, r.method)]

    def _answer(self, r):
        with self.lock:
            self.log.append(r)
            (self._hub if r.where == "hub" else self._cdn)(r)
            act = Request.send
            for rule in self.rules:
                if rule[0].search(r.path) and rule[2] == r.where and rule[3] == r.method and rule[4] > 0:
                    rule[4] -= 1
                    act = rule[1]
                    break
        act(r)

    def _commit(self, repo, revision):
        return revision if revision in self.repos[repo] else self.refs[repo].get(revision)

    def _hub(self, r):
        path = r.path.split("?")[0]
        m = (re.fullmatch(r"/api/models/((?:[\w.-]+/)?[\w.-]+)/(revision|tree)/(.+)", path)
             or re.fullmatch(r"/((?:[\w.-]+/)?[\w.-]+)/(resolve)/([0-9a-f]{40})/(.+)", path))
        if self.token and r.token != self.token:
            return r.set(401, b'{"error":"Invalid username or password."}', X_Error_Code="RepoNotFound")
        if not m or m[1] not in self.repos:
            return r.set(404, b'{"error":"Repository not found"}', X_Error_Code="RepoNotFound")
        commit = self._commit(m[1], m[3])
        if not commit:
            return r.set(404, b'{"error":"Invalid rev id"}', X_Error_Code="RevisionNotFound")
        files = self.repos[m[1]][commit]
        if m[2] == "revision":
            listing = {"id": m[1], "modelId": m[1], "private": False, "gated": False, "sha": commit, "tags": [], "downloads": 0,
                       "siblings": [self._sibling(n, d, "blobs=" in r.path) for n, d in files.items()]}
            return r.set(200, json.dumps(listing).encode(), Content_Type="application/json")
        if m[2] == "tree":
            return r.set(200, json.dumps([self._leaf(n, d) for n, d in files.items()]).encode(), Content_Type="application/json")
        if m[4] not in files:
            return r.set(404, b'{"error":"Entry not found"}', X_Error_Code="EntryNotFound", X_Repo_Commit=commit)
        self._file(r, m[1], commit, m[4], files[m[4]])

    @staticmethod
    def _sibling(name, data, blobs):
        s = {"rfilename": name}
        if blobs:
            s |= {"size": len(data), "blobId": git_sha(data)}
            if name.endswith(LARGE):
                s["lfs"] = {"sha256": sha256(data), "size": len(data), "pointerSize": 134}
        return s

    @staticmethod
    def _leaf(name, data):
        leaf = {"type": "file", "path": name, "size": len(data), "oid": git_sha(data)}
        if name.endswith(LARGE):
            leaf["lfs"] = {"oid": sha256(data), "size": len(data), "pointerSize": 134}
        return leaf

    def _file(self, r, repo, commit, name, data):
        if name.endswith(LARGE):
            return r.set(302, Location=f"{self.cdn}/{repo}/{commit}/{urllib.parse.quote(name)}?X-Amz-Signature=abc",
                         X_Linked_Etag=f'"{sha256(data)}"', X_Linked_Size=str(len(data)), X_Repo_Commit=commit)
        self._content(r, data)
        r.reply_headers |= {"ETag": f'"{git_sha(data)}"', "X-Repo-Commit": commit}

    def _cdn(self, r):
        m = re.fullmatch(r"/((?:[\w.-]+/)?[\w.-]+)/([0-9a-f]{40})/([^?]+)\?X-Amz-Signature=abc", r.path)
        if not m:
            return r.set(403, b"<Error/>")
        self._content(r, self.repos[m[1]][m[2]][m[3]])
        r.reply_headers["ETag"] = '"an md5, or anything"'

    def _content(self, r, data):
        first = r.first if self.ranges else 0
        if first >= len(data) > 0:
            return r.set(416, Content_Range=f"bytes */{len(data)}")
        if first:
            return r.set(206, data[first:], Content_Range=f"bytes {first}-{len(data) - 1}/{len(data)}")
        r.set(200, data)
