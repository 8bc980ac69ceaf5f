"""A stand-in for the hub on 127.0.0.1: creates repositories and branches, takes LFS uploads and commits, over real HTTP."""

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HubServer:
    """What the hub holds: `repos` maps a name to its settings and branches; a branch maps file names to contents; `blobs` maps sha256 to LFS contents.

    `tokens` may write to any repository of `owner`. `uploads` counts LFS uploads, of which the next `fail_uploads` are refused.
    """

    def __init__(self, owner="me", tokens=("hf_write",)):
        self.owner, self.tokens = owner, tokens
        self.repos, self.blobs, self.requests = {}, {}, []
        self.uploads, self.fail_uploads = 0, 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, method, path, body):
        """Status and JSON for a request by someone with a valid token."""
        if path == "/api/repos/create":
            asked = json.loads(body)
            owner = asked.get("organization") or self.owner
            if owner != self.owner:
                return 403, {"error": "You don't have the rights to create a model under this namespace"}
            name = f"{owner}/{asked['name']}"
            url = {"url": f"{self.url}/{name}"}
            if name in self.repos:
                return 409, {"error": "You already created this model repo", **url}
            self.repos[name] = {"private": asked.get("private", asked.get("visibility") == "private"), "main": {}}
            return 200, url | {"name": name, "id": name}
        if match := re.fullmatch(r"/api/models/(\w+/[\w-]+)/branch/(\w+)", path):
            repo = self.repos[match[1]]
            taken = match[2] in repo
            repo.setdefault(match[2], dict(repo["main"]))
            return (409 if taken else 200), {}
        if match := re.fullmatch(r"/api/models/(\w+/[\w-]+)/preupload/(\w+)", path):
            files = [{"path": file["path"], "shouldIgnore": False} for file in json.loads(body)["files"]]
            return 200, {"files": [file | {"uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular"} for file in files]}
        if re.fullmatch(r"/\w+/[\w-]+\.git/info/lfs/objects/batch", path):
            objects = json.loads(body)["objects"]
            wanted = {o["oid"]: {"actions": {"upload": {"href": f"{self.url}/blob/{o['oid']}"}}} for o in objects if o["oid"] not in self.blobs}
            return 200, {"objects": [o | wanted.get(o["oid"], {}) for o in objects], "transfer": "basic"}
        if match := re.fullmatch(r"/api/models/(\w+/[\w-]+)/commit/(\w+)", path):
            branch = self.repos[match[1]][match[2]]
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    branch[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    branch[value["path"]] = self.blobs[value["oid"]]
            return 200, {"commitUrl": f"{self.url}/{match[1]}/commit/{'a' * 40}", "commitOid": "a" * 40, "hookOutput": "", "success": True}
        return 404, {"error": f"{method} {path}: not known here"}

    def take_blob(self, digest, body):
        """Store an LFS upload, or refuse it."""
        self.uploads += 1
        if self.fail_uploads:
            self.fail_uploads -= 1
            return 400
        assert hashlib.sha256(body).hexdigest() == digest
        self.blobs[digest] = body
        return 200

    def _handler(hub):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.partition("?")[0]
                hub.requests.append((self.command, path))
                if path.startswith("/blob/"):
                    return self.reply(hub.take_blob(path.removeprefix("/blob/"), body), {})
                if self.headers.get("Authorization", "").removeprefix("Bearer ") not in hub.tokens:
                    return self.reply(401, {"error": "Invalid username or password."})
                return self.reply(*hub.answer(self.command, path, body))

            do_PUT = do_GET = do_POST

            def reply(self, status, content):
                text = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        return Handler
