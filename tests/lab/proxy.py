"""A proxy before the emulator that writes down every call whole, since the emulator's log has no parameters."""

import hashlib
import http.client
import http.server
import re
import socketserver
import threading

CREDENTIAL = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/")
ACTION = re.compile(rb"(?:^|&)Action=(\w+)")


class Call:
    """One call: where it went, what it asked, and with which status it was answered."""

    def __init__(self, service, region, operation, key, status):
        self.service, self.region, self.operation, self.key, self.status = service, region, operation, key, status


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: text for name, text in self.headers.items() if name.lower() != "connection"}
        onward = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=300)
        onward.request(self.command, self.path, body, headers)
        answer = onward.getresponse()
        data = answer.read()
        onward.close()
        self.server.note(self, body, answer.status)
        self.send_response(answer.status)
        for name, text in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection", "server", "date"):
                self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any


class Proxy(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Runs while it is entered; `calls` has what went through."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.calls = port, []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def note(self, request, body, status):
        found = CREDENTIAL.search(request.headers.get("Authorization", ""))
        region, service = found.groups() if found else ("-", "-")
        target = request.headers.get("X-Amz-Target", "")
        action = ACTION.search(body)
        operation = target or (action[1].decode() if action else f"{request.command} {request.path}")
        account = request.headers.get("x-amz-account-id", "")
        text = "\n".join([service, region, request.command, request.path, target, account]).encode() + b"\n" + body
        self.calls.append(Call(service, region, operation, hashlib.sha256(text).hexdigest(), status))

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
