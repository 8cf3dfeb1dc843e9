"""Enters a channel with python-socketio, old or new, says a line and tells what it was told, as one JSON object."""

import json
import os
import queue
import select
import ssl
import sys
import threading
import time

import socketio
from engineio.payload import Payload

PATIENCE = 20

# A poll brings all frames of an entry at once, which the library takes for an attack.
Payload.max_decode_packets = 1000


def one_at_a_time():
    """Keeps reads and writes of a TLS connection apart.

    The library reads in one thread and writes in another. OpenSSL takes no two calls for one connection at once, and
    this Python does not see to it: now and then a read then looks like the end, and the library closes the connection.
    """
    lock = threading.RLock()
    recv, send = ssl.SSLSocket.recv, ssl.SSLSocket.send

    def locked_recv(self, *args):
        while True:
            with lock:
                timeout = self.gettimeout()
                self.settimeout(0)
                try:
                    return recv(self, *args)
                except ssl.SSLWantReadError:
                    if timeout == 0:
                        raise
                finally:
                    self.settimeout(timeout)
            if not select.select([self], [], [], timeout)[0]:
                raise TimeoutError("timed out")

    def locked_send(self, *args):
        with lock:
            return send(self, *args)

    ssl.SSLSocket.recv, ssl.SSLSocket.send = locked_recv, locked_send


def main(url, ca_file, channel, name, *transports):
    one_at_a_time()
    # What all versions of the two libraries underneath read.
    os.environ["REQUESTS_CA_BUNDLE"] = os.environ["WEBSOCKET_CLIENT_CA_BUNDLE"] = ca_file
    client = socketio.Client(reconnection=False)
    events = queue.Queue()

    @client.event
    def connect():
        events.put(("connect", []))

    # The old library has no handler for all events, so each is named.
    for event in ("rank", "login", "chatMsg", "userlist", "setUserRank", "kick", "playlist", "newPoll"):
        client.on(event, lambda *args, event=event: events.put((event, list(args))))

    seen = []

    # The library runs each handler in a thread of its own, so what was said first may be told second:
    # a look at all that has come, not only at what comes next.
    def until(wanted, condition=lambda args: True):
        deadline = time.monotonic() + PATIENCE
        looked_at = 0
        while True:
            for event, args in seen[looked_at:]:
                if event == wanted and condition(args):
                    return args
            looked_at = len(seen)
            try:
                seen.append(events.get(timeout=max(0, deadline - time.monotonic())))
            except queue.Empty:
                told = [event for event, _ in seen]
                sys.exit(f"no {wanted} within {PATIENCE} s, only {told}")

    client.connect(url, transports=list(transports) or None)
    until("connect")
    client.emit("joinChannel", {"name": channel})
    client.emit("login", {"name": name, "pw": "secret"})
    login = until("login")[0]
    rank = until("setUserRank", lambda args: args[0]["name"] == name)[0]["rank"]
    # Nothing beyond U+FFFF: the old library counts other characters than CyTube does.
    said = "h\u00e9llo \u2603"
    client.emit("chatMsg", {"msg": said, "meta": {}})
    heard = until("chatMsg", lambda args: args[0]["username"] == name)[0]["msg"]
    poll = {"title": "?", "opts": ["a", "b"], "obscured": False}
    acknowledged = client.call("newPoll", poll, timeout=PATIENCE)
    transport = client.transport() if callable(client.transport) else client.transport
    client.disconnect()
    report = {
        "login": login,
        "rank": rank,
        "heard": heard == said,
        "acknowledged": acknowledged,
        "transport": transport,
        "seen": sorted({event for event, _ in seen}),
    }
    print(json.dumps(report), flush=True)


main(*sys.argv[1:])
