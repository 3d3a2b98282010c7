"""What requests ahead (HTTP/1.1 pipelining) could gain: the same bodies over the same connections, with one request of each connection
under way at a time and with more. Nothing is verified or written, so this is the most that any client could gain."""

import collections
import socket
import threading
import time


class Line:
    """One connection. Answers must have a length."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.port, self.rest, self.block = port, b"", bytearray(256 << 10)

    def ask(self, path, span):
        ranged = f"Range: bytes={span[0]}-{span[1]}\r\n" if span else ""
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{ranged}\r\n".encode())

    def drain(self):
        """Reads one answer and drops its body; returns its length."""
        while b"\r\n\r\n" not in self.rest:
            got = self.socket.recv(64 << 10)
            if not got:
                raise RuntimeError("the connection ended before the answer")
            self.rest += got
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
        if head.split(b" ")[1] not in (b"200", b"206"):
            raise RuntimeError(f"answer: {head[:80]}")
        length = int(fields[b"content-length"])
        left = length - len(self.rest[:length])
        self.rest = self.rest[length:]
        while left:
            got = self.socket.recv_into(self.block, min(left, len(self.block)))
            if not got:
                raise RuntimeError("the connection ended in the middle of the answer")
            left -= got
        return length


def fetch(port, wanted, connections, depth):
    """Seconds to fetch all of `wanted`, pairs of path and range, with up to `depth` requests of each connection unanswered or being answered."""
    queue, errors, total = collections.deque(wanted), [], []

    def work():
        try:
            line, open_ = Line(port), 0
            while queue or open_:
                while queue and open_ < depth:
                    try:
                        line.ask(*queue.popleft())
                    except IndexError:
                        break  # another took the last
                    open_ += 1
                if open_:
                    total.append(line.drain())
                    open_ -= 1
        except Exception as error:  # told by the caller
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(connections)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise RuntimeError(str(errors[0]))
    return time.monotonic() - began
