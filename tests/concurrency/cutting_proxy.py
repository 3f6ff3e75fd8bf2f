"""A proxy before the server that ends a session at one statement of it, in one of three ways."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal

from sqlalchemy import make_url

#: The statement never reaches the server; its answer never comes back; the server is told to end
#: the session (or dies) just before it.
Cut = Literal["unsent", "unanswered", "ended"]


class CuttingProxy:
    """Forwards sessions, up to the n-th statement of all of them.

    :param url: the database's address.
    :param end: called with the server's process id where the server is to end the session.
    :ivar url: the address to connect to.
    :ivar statements: how many statements were sent since the last cut was set.
    """

    def __init__(self, url: str, end: Callable[[int], None]) -> None:
        server = make_url(url)
        assert server.host is not None
        self._server = (server.host, server.port or 5432)
        self._end = end
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = (
            server.set(host="127.0.0.1", port=port)
            .update_query_dict({"sslmode": "disable", "gssencmode": "disable"})
            .render_as_string(hide_password=False)
        )
        self.statements = 0
        self._cut: Cut = "unsent"
        self._at = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self, kind: Cut, at: int) -> None:
        """End the next session at this statement; 0 lets it be."""
        self._cut, self._at, self.statements = kind, at, 0

    def close(self) -> None:
        """No more sessions."""
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with client, suppress(OSError, EOFError), socket.create_connection(self._server) as server:
            # Else each of many small messages waits for the one before to be acknowledged: 40 ms.
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._session(client, server)

    def _session(self, client: socket.socket, server: socket.socket) -> None:
        pid = [0]
        answered = threading.Event()
        mute = threading.Event()
        back = threading.Thread(
            target=self._answers, args=(server, client, pid, answered, mute), daemon=True
        )
        length = _exactly(client, 4)
        server.sendall(length + _exactly(client, struct.unpack("!I", length)[0] - 4))
        back.start()
        try:
            while True:
                head = _exactly(client, 5)
                body = _exactly(client, struct.unpack("!I", head[1:])[0] - 4)
                if head[:1] == b"Q":
                    self.statements += 1
                    if self.statements == self._at:
                        if self._cut == "unsent":
                            return
                        if self._cut == "ended":
                            self._end(pid[0])
                        else:
                            mute.set()
                            answered.clear()
                            server.sendall(head + body)
                            answered.wait(30)
                            return
                server.sendall(head + body)
        finally:
            for end in (client, server):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            back.join(30)

    @staticmethod
    def _answers(
        server: socket.socket,
        client: socket.socket,
        pid: list[int],
        answered: threading.Event,
        mute: threading.Event,
    ) -> None:
        with suppress(OSError, EOFError):
            while True:
                head = _exactly(server, 5)
                body = _exactly(server, struct.unpack("!I", head[1:])[0] - 4)
                if head[:1] == b"K":
                    pid[0] = struct.unpack("!I", body[:4])[0]
                if not mute.is_set():
                    client.sendall(head + body)
                if head[:1] == b"Z":
                    answered.set()
        answered.set()
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


def _exactly(end: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = end.recv(size - len(found))
        if not piece:
            raise EOFError
        found += piece
    return found


@contextmanager
def cutting_proxy(url: str, end: Callable[[int], None]) -> Iterator[CuttingProxy]:
    """A proxy before a database, closed at the end."""
    proxy = CuttingProxy(url, end)
    try:
        yield proxy
    finally:
        proxy.close()
