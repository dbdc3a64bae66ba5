"""Talks to the network, and to other programs of this machine."""
import socket
import urllib.request

from wrong import Wrong

for attempt in (
    lambda: socket.create_connection(("127.0.0.1", @PORT@), 1).sendall(b"hello"),
    lambda: socket.socket(socket.AF_UNIX).bind("\0bp-attack"),
    lambda: socket.socketpair(),
    lambda: urllib.request.urlopen("http://127.0.0.1:@PORT@", timeout=1),
):
    try:
        attempt()
        print("CONNECTED")
    except OSError:
        pass


class ReLULayer(Wrong):
    pass
