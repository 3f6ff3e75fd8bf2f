"""What a worker answers over HTTP: whether it lives, whether it is ready, and metrics.

``/live`` is for a supervisor that ends what hangs: it says no when one call has lasted too long,
and not when the server is away, which a new worker could not help. ``/ready`` is for one that waits
until work is done: it says no until a round has ended well, and after one that has not.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from setu.errors import SetuError
from setu.ops.metrics import CONTENT_TYPE, MetricsMissingError, exposition
from setu.ops.schedule import BadScheduleError
from setu.ops.worker import Worker

Answer = tuple[int, str, str]
PLAIN = "text/plain; charset=utf-8"


def alive(worker: Worker, stuck_after: float) -> Answer:
    """Whether the worker comes back from its calls."""
    silent = time.monotonic() - worker.pulse.beat
    # Between two rounds it is silent for an interval at most.
    if silent <= worker.schedule.interval + stuck_after:
        return 200, PLAIN, "alive\n"
    return 503, PLAIN, f"one call has lasted for {silent:.0f} s\n"


def ready(worker: Worker) -> Answer:
    """Whether the last round did its work."""
    if worker.pulse.trouble:
        return 503, PLAIN, f"{worker.pulse.trouble}\n"
    if worker.pulse.round_ended is None:
        return 503, PLAIN, "no round has ended yet\n"
    return 200, PLAIN, "ready\n"


class OneAtATime:
    """Answers that take a while: a request that comes meanwhile gets the one being made.

    Without it scrapes that come faster than they are answered would pile up on the server.
    """

    def __init__(self, make: Callable[[], Answer]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._running: Future[Answer] | None = None

    def get(self) -> Answer:
        """The answer; what making it raises reaches all who wait for it."""
        with self._lock:
            running, is_mine = self._running or Future(), self._running is None
            self._running = running
        if is_mine:
            try:
                running.set_result(self._make())
            except BaseException as error:
                running.set_exception(error)
            with self._lock:
                self._running = None
        return running.result()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up before its answer is not worth a line."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def metrics(worker: Worker) -> Answer:
    """The metrics of the database, and of the worker."""
    try:
        return 200, CONTENT_TYPE, exposition(worker.address, worker.pulse)
    except MetricsMissingError as error:
        return 501, PLAIN, f"{error.message}\n"
    except SetuError as error:
        return 503, PLAIN, f"{error.message}\n"


@contextmanager
def answering(listen: str, worker: Worker, stuck_after: float) -> Iterator[str]:
    """Answer on ``HOST:PORT`` meanwhile; the address, or nothing where ``listen`` is empty."""
    if not listen:
        yield ""
        return
    host, _, port = listen.rpartition(":")
    if ":" not in listen or not port.isdecimal() or int(port) > 65_535:
        raise BadScheduleError(
            f"listen is {listen}: it is no HOST:PORT.", hint="Give one, such as 0.0.0.0:9187"
        )

    of_database = OneAtATime(lambda: metrics(worker))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers = {
                "/live": lambda: alive(worker, stuck_after),
                "/ready": lambda: ready(worker),
                "/metrics": of_database.get,
            }
            answer = answers.get(self.path.partition("?")[0])
            code, kind, text = answer() if answer else (404, PLAIN, "/live /ready /metrics\n")
            body = text.encode()
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """A probe every few seconds is no news."""

    try:
        server = _Server((host.strip("[]") or "0.0.0.0", int(port)), Handler)
    except OSError as error:
        raise BadScheduleError(
            f"The worker cannot listen on {listen}: {error.strerror}.",
            hint="Give another --listen, or end what listens there",
        ) from None
    thread = threading.Thread(target=server.serve_forever, name="answers", daemon=True)
    thread.start()
    try:
        yield f"http://{host or server.server_name}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
