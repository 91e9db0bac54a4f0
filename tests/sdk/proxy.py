"""Stands between a client and Twilio's API and holds every exchange against Twilio's OpenAPI files.

It prints the port that it listens on. `PUT /__upstream` tells it where requests go on to, and
`GET /__violations` what was wrong so far, and how many exchanges of which operations were checked."""

import http.client
import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from specification import Specification

# A medium itself is no JSON, and the files leave it out.
UNCHECKED = re.compile(r"/2010-04-01/Accounts/\w+/Messages/\w+/Media/\w+")
HOP = {"connection", "host", "keep-alive", "transfer-encoding", "content-length", "expect"}


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    specification = Specification(os.environ["RECADO_TWILIO_OPENAPI"])
    upstream, known = None, threading.Event()
    lock, checked, violations = threading.Lock(), [], []

    def handle_any(self):
        form = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/__upstream":
            Proxy.upstream = urlsplit(form.decode())
            Proxy.known.set()
            return self.answer(204, [], b"")
        if self.path == "/__violations":
            with self.lock:
                report = {"checked": self.checked, "violations": self.violations}
                return self.answer(200, [("content-type", "application/json")], json.dumps(report).encode())
        # A gateway may ask before the test has told where its Twilio is.
        Proxy.known.wait(20)
        connection = http.client.HTTPConnection(self.upstream.hostname, self.upstream.port, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        connection.request(self.command, self.path, form, headers)
        upstream = connection.getresponse()
        body = upstream.read()
        connection.close()
        self.check(form.decode(), upstream, body)
        self.answer(upstream.status, [pair for pair in upstream.getheaders() if pair[0].lower() not in HOP], body)

    do_GET = do_POST = do_DELETE = do_PUT = handle_any

    def check(self, form, upstream, body):
        if UNCHECKED.fullmatch(urlsplit(self.path).path) and self.command == "GET":
            return
        has_credentials = self.headers.get("authorization", "").lower().startswith("basic ")
        kind = upstream.headers.get("content-type", "")
        problems = self.specification.exchange(
            self.command, self.path, form, has_credentials, upstream.status, kind, body)
        exchange = f"{self.command} {self.path} {form} -> {upstream.status}"
        with self.lock:
            self.checked.append(exchange)
            self.violations += [f"{exchange}: {problem}" for problem in problems]

    def answer(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    print(server.server_port, flush=True)
    server.serve_forever()
