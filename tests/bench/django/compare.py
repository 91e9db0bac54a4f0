"""The gateway against the same duties in Django: one load, in turns, in one run.

    python compare.py --recado target/release/recado [--postgres postgres://USER@HOST:PORT] [--seconds 4] [--turns 3]

Run by the Python of an environment that has `requirements.txt`; needs `wrk`. It starts the local Twilio
(`recado dev`), the gateway (`recado serve`) and gunicorn, each on a database of its own, and prints messages per
second, latencies, processor time and memory of both, and what the gateway is to Django. Everything is in a
temporary folder (`TMPDIR`), which is a disk, or the durability of both costs nothing.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from urllib.parse import urlencode, urlsplit

HERE = pathlib.Path(__file__).resolve().parent
ACCOUNT_SID = "AC00000000000000000000000000000001"
NUMBER = "+529983162438"
API_KEY = "of-the-comparison"
# The account's, at the local Twilio.
TOKEN = "local-development-token"
RULES = [
    {"keywords": ["precio"], "reply": "La lista de precios va en camino."},
    {"keywords": ["cita"], "reply": "¿Qué día le conviene?"},
]
TEXTS = ["Buenas tardes", "¿Tienen servicio a domicilio?", "Gracias por todo", "precio por favor"]
TICK = os.sysconf("SC_CLK_TCK")


class Server:
    """A program under load: where it listens, its processes, its database."""

    def __init__(self, name, port, database, unfinished):
        self.name, self.port, self.database, self.unfinished = name, port, database, unfinished
        self.process = None
        self.key = API_KEY
        # What it is called by: signatures are over it.
        self.url = f"http://127.0.0.1:{port}"

    def start(self, command, **options):
        log = open(f"{self.name}.log", "ab")
        self.process = subprocess.Popen(command, stdout=log, stderr=log, **options)
        wait_for(lambda: answers(self.port), self.name)

    def pids(self):
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True)
        return [self.process.pid, *map(int, children.stdout.split())]

    def processor(self):
        """Seconds that its processes, and its database's, have used."""
        return sum(map(used, [*self.pids(), *self.database.servers()]))

    def memory(self):
        """Megabytes, with what processes share counted once."""
        total = 0
        for pid in self.pids():
            rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+)", rollup, re.M)[1])
        return total / 1024

    def is_done(self):
        return not self.database.query(self.unfinished)


class Sqlite:
    def __init__(self, name):
        self.file = pathlib.Path(f"{name}.db").resolve()
        self.url = f"sqlite://{self.file}"

    def servers(self):
        return []

    def query(self, sql):
        with sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=20) as connection:
            return connection.execute(sql).fetchone()


class Postgres:
    def __init__(self, name, server):
        import psycopg

        self.name, self.url = f"comparison_{name}", f"{server}/comparison_{name}"
        admin = psycopg.connect(f"{server}/postgres", autocommit=True)
        admin.execute(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {self.name}")
        self.connection = admin
        self.own = psycopg.connect(self.url, autocommit=True)

    def servers(self):
        own = self.own.info.backend_pid
        rows = self.connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", [self.name])
        return [pid for (pid,) in rows if pid != own]

    def query(self, sql):
        return self.own.execute(sql).fetchone()


def used(pid):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def answers(port):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def wait_for(look, what, seconds=60):
    until = time.monotonic() + seconds
    while not look():
        if time.monotonic() > until:
            sys.exit(f"{what} did not come within {seconds} s")
        time.sleep(0.05)


def start_twilio(recado, ports):
    """The local Twilio of `recado dev`; the gateway beside it has nothing to do."""
    command = [recado, "dev", "--port", str(ports), "--twilio-port", str(ports + 1), "--data", "twilio"]
    process = subprocess.Popen(command, stdout=open("twilio.log", "wb"), stderr=subprocess.STDOUT)
    wait_for(lambda: answers(ports + 1), "the local Twilio")
    return process, f"http://127.0.0.1:{ports + 1}"


def start_recado(recado, database, port, twilio):
    server = Server(
        "recado", port, database, "SELECT 1 FROM messages WHERE direction = 'outbound' AND status = 'pending' LIMIT 1"
    )
    rules = ", ".join(f'{{ keywords = {json.dumps(rule["keywords"])}, reply = "{rule["reply"]}" }}' for rule in RULES)
    pathlib.Path("recado.toml").write_text(f"""
[server]
public_url = "{server.url}"
[database]
url = "{database.url}"
[channels.sms]
kind = "twilio"
account_sid = "{ACCOUNT_SID}"
auth_token = "{TOKEN}"
from = "{NUMBER}"
base_url = "{twilio}"
[channels.sms.rates]
segments_per_s = 0
# The webhooks of a load generator are nobody's: whether their answers were read is not to be asked.
[reconcile]
ask_after_s = 3600
[[plugins]]
name = "auto-reply"
component = "builtin:auto-reply"
[plugins.config]
text = ""
rules = [{rules}]
""")
    key = subprocess.run(
        [recado, "--config", "recado.toml", "--json", "key", "create", "--name", "comparison"],
        check=True, capture_output=True, text=True,
    )
    server.key = json.loads(key.stdout)["key"]
    server.start([recado, "--config", "recado.toml", "serve", "--listen", f"127.0.0.1:{port}"])
    return server


def start_django(database, port, twilio, workers, threads):
    unfinished = "SELECT 1 FROM messaging_message WHERE direction = 'outbound' AND sid IS NULL AND in_reply_to_id IS NULL LIMIT 1"
    server = Server("django", port, database, unfinished)
    environment = os.environ | {
        "BENCH_DATABASE": database.url, "BENCH_ACCOUNT_SID": ACCOUNT_SID, "BENCH_AUTH_TOKEN": TOKEN, "BENCH_TWILIO": twilio,
        "BENCH_NUMBER": NUMBER, "BENCH_API_KEY": API_KEY, "BENCH_PUBLIC_URL": server.url,
    }
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=HERE, env=environment, check=True)
    server.start(
        [sys.executable, "-m", "gunicorn", "wsgi", "--workers", str(workers), "--threads", str(threads),
         "--bind", f"127.0.0.1:{port}", "--keep-alive", "60", "--backlog", "2048"],
        cwd=HERE, env=environment,
    )
    return server


def sign_webhooks(server, count):
    """Webhooks as Twilio signs them, one a line; too dear to make while something is measured."""
    url = f"{server.url}/webhooks/sms/inbound"
    with open(f"{server.name}.webhooks", "w") as file:
        for number in range(count):
            sid = "SM" + hashlib.md5(str(number).encode()).hexdigest()
            form = {
                "MessageSid": sid, "SmsSid": sid, "AccountSid": ACCOUNT_SID, "From": f"+5255{20000000 + number % 5000}",
                "To": NUMBER, "Body": TEXTS[number % len(TEXTS)], "NumMedia": "0", "NumSegments": "1",
                "SmsStatus": "received", "ApiVersion": "2010-04-01", "FromCountry": "MX", "ToCountry": "MX",
            }
            text = url + "".join(name + form[name] for name in sorted(form))
            signature = base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()
            file.write(f"{signature}\t{urlencode(form)}\n")


def load(server, kind, connections, seconds, first):
    """What `wrk` and `/proc` say of some seconds of one kind of load."""
    environment = os.environ | {"FIRST": str(first), "KEY": server.key, "KIND": kind, "WEBHOOKS": f"{server.name}.webhooks"}
    before, started = server.processor(), time.monotonic()
    ran = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "--latency", "-s", str(HERE / "load.lua"),
         f"http://127.0.0.1:{server.port}"],
        capture_output=True, text=True, env=environment,
    )
    report = re.search(r"RESULT (.*)", ran.stdout)
    if report is None:
        sys.exit(ran.stdout + ran.stderr)
    result = json.loads(report[1])
    # Outbound is over when everything was handed over.
    wait_for(server.is_done, "the end of what was taken", 300)
    elapsed = time.monotonic() - started if kind == "outbound" else result["seconds"]
    if kind == "outbound":
        # Reports come up to a second after the message.
        time.sleep(2.5)
    done = result["requests"]
    return {
        "per_second": done / elapsed, "p50_ms": result["p50_ms"], "p99_ms": result["p99_ms"],
        "processor_us": (server.processor() - before) * 1e6 / max(done, 1), "memory_mb": server.memory(),
        "requests": done, "errors": result["errors"],
    }


def median(turns):
    return {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}


def compare(arguments, postgres, twilio, ports):
    make = (lambda name: Postgres(name, arguments.postgres)) if postgres else Sqlite
    kind = "Postgres" if postgres else "SQLite"
    recado = start_recado(arguments.recado, make("recado"), ports, twilio)
    django = start_django(make("django"), ports + 1, twilio, arguments.workers, arguments.threads)
    levels = len(arguments.connections) * (arguments.turns + 1)
    for server, per_second in [(recado, 12_000), (django, 2_000)]:
        sign_webhooks(server, per_second * arguments.seconds * levels)
    rows = []
    try:
        first = {"recado": 0, "django": 0}
        for what in ["inbound", "outbound"]:
            for connections in arguments.connections:
                seen = {"recado": [], "django": []}
                for turn in range(arguments.turns + 1):
                    for server in [recado, django]:
                        result = load(server, what, connections, arguments.seconds, first[server.name])
                        first[server.name] += result["requests"] + 100
                        # The first turn only warms up.
                        if turn > 0:
                            seen[server.name].append(result)
                ours, theirs = median(seen["recado"]), median(seen["django"])
                rows.append({"database": kind, "what": what, "connections": connections, "recado": ours, "django": theirs})
                show(rows[-1])
    finally:
        for server in [recado, django]:
            server.process.send_signal(signal.SIGTERM)
            server.process.wait()
    return rows


def show(row):
    print(f"{row['database']}, {row['what']}, {row['connections']} connections")
    for name in ["recado", "django"]:
        of = row[name]
        print(
            f"  {name:<7} {of['per_second']:>9.0f} msg/s   p50 {of['p50_ms']:>8.2f} ms   p99 {of['p99_ms']:>8.2f} ms"
            f"   {of['processor_us']:>8.0f} µs/msg   {of['memory_mb']:>6.0f} MB   {of['errors']:.0f} errors"
        )
    faster = row["recado"]["per_second"] / row["django"]["per_second"]
    cheaper = row["django"]["processor_us"] / row["recado"]["processor_us"]
    print(f"  recado is {faster:.1f} × as fast, for 1/{cheaper:.1f} of the processor time", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recado", required=True, type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("--postgres", help="a server where databases may be made; without it, SQLite alone")
    parser.add_argument("--seconds", type=int, default=4, help="of each turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--connections", type=int, nargs="+", default=[64, 8])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--ports", type=int, default=18_400, help="the first of four that are free")
    arguments = parser.parse_args()
    folder = tempfile.TemporaryDirectory()
    os.chdir(folder.name)
    process, twilio = start_twilio(arguments.recado, arguments.ports)
    try:
        rows = compare(arguments, False, twilio, arguments.ports + 2)
        if arguments.postgres:
            rows += compare(arguments, True, twilio, arguments.ports + 2)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        os.chdir("/")
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
