"""Stands between a client and Twilio's API and holds every exchange against Twilio's OpenAPI files.

It prints the port that it listens on. `PUT /__upstream` tells it where requests go on to, and `GET /__report`
which operations were asked for, with which outcome, what was wrong with them, and what could not be checked."""

import http.client
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from specification import Specification

# Messaging Services have a specification of their own (twilio_messaging_v1), which is not among the files; and where
# media lead to is no part of the API.
UNSPECIFIED = ("/v1/Services", "/media/")
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer leaves in one piece; in two, the second would wait for the first to be acknowledged.
    wbufsize, disable_nagle_algorithm = -1, True
    specification = Specification(os.environ["RECADO_TWILIO_OPENAPI"])
    upstream, known = None, threading.Event()
    lock, checked, violations, unchecked = threading.Lock(), [], [], []

    def handle_any(self):
        form = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/__upstream":
            Proxy.upstream = urlsplit(form.decode())
            Proxy.known.set()
            return self.answer(204, [], b"")
        if self.path == "/__report":
            with self.lock:
                report = {"checked": self.checked, "violations": self.violations, "unchecked": self.unchecked}
                return self.answer(200, [("content-type", "application/json")], json.dumps(report).encode())
        # A gateway may ask before the test has told where its Twilio is.
        Proxy.known.wait(20)
        try:
            status, headers, body = self.forward(form)
        except ConnectionResetError:
            # The local Twilio was told to cut the connection without an answer, and so it is here.
            self.check(form.decode(), None)
            self.close_connection = True
            return None
        self.check(form.decode(), (status, headers, body))
        return self.answer(status, [pair for pair in headers.items() if pair[0].lower() not in HOP], body)

    do_GET = do_POST = do_DELETE = do_PUT = handle_any

    def forward(self, form):
        connection = http.client.HTTPConnection(self.upstream.hostname, self.upstream.port, timeout=30)
        try:
            # By the host it is told, it leads back to here.
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
            connection.request(self.command, self.path, form, headers)
            upstream = connection.getresponse()
            return upstream.status, upstream.headers, upstream.read()
        finally:
            connection.close()

    def check(self, form, answer):
        """Notes an exchange, and what is wrong with it."""
        request = f"{self.command} {self.path} {form}"
        if self.path.startswith(UNSPECIFIED):
            with self.lock:
                self.unchecked.append(request)
            return
        has_credentials = self.headers.get("authorization", "").lower().startswith("basic ")
        name, problems = self.specification.exchange(self.command, self.path, form, has_credentials, answer)
        status = answer and answer[0]
        with self.lock:
            self.checked.append({"operation": name, "status": status, "request": request})
            self.violations += [f"{request} -> {status}: {problem}" for problem in problems]

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
