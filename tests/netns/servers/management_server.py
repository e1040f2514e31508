#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in for Velociraptor's frontend, good or bad, for tests and the demo. Only the standard library.

As the real one: TLS 1.3 only, curves P-521, P-384, P-256 and no X25519; GET /server.pem answers 200 with
text/plain in chunks (over HTTP/1.0 to the connection's end), //server.pem answers 301, anything else 404. The body is
the first certificate of --certificate unless --body names another. It prints "ready" when it listens on all addresses.

Behaviours: normal; redirect and error (301 and 500 for everything); portal (200 and HTML for everything); silent (takes
connections and never speaks); drip (one byte of the answer a second); huge (an endless body); headers (endless headers);
cut (ends in the middle of a chunk); close_delimited (no length, ends with the connection); shed (closes at once);
by_path (https://host/BEHAVIOUR/server.pem chooses one of those that are about the answer).
"""
import argparse
import itertools
import os
import socket
import ssl
import sys
import tempfile
import threading
import time

BEHAVIOURS = "normal redirect error portal silent drip huge headers cut close_delimited shed by_path".split()
HEAD = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
PLAIN = "Content-Type: text/plain; charset=utf-8\r\n"

# Python's ssl sets one curve at most; OpenSSL reads a list of them from its configuration, once, at the start.
OPENSSL_CONFIGURATION = """openssl_conf = top
[top]
ssl_conf = modules
[modules]
system_default = defaults
[defaults]
Groups = P-521:P-384:P-256
"""


def with_openssl_configuration():
    if os.environ.get("MANAGEMENT_SERVER_CURVES") == "set":
        os.unlink(os.environ["OPENSSL_CONF"])
        return
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write(OPENSSL_CONFIGURATION)
    environment = dict(os.environ, OPENSSL_CONF=file.name, MANAGEMENT_SERVER_CURVES="set")
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)


def chunked(body):
    half = len(body) // 2
    chunks = [body[:half], body[half:], b""] if half else [b""]
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


def normal(path, version, arguments, certificate):
    if path == "//server.pem":
        return b"HTTP/1.1 301 Moved Permanently\r\nLocation: /server.pem\r\nContent-Length: 0\r\n\r\n"
    if path != arguments.base_path + "server.pem":
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 19\r\n\r\n404 page not found\n"
    body = first_certificate(arguments.body or certificate)
    if version == "HTTP/1.0":
        return (HEAD.replace("1.1", "1.0") + PLAIN + "\r\n").encode() + body
    return (HEAD + PLAIN + "Transfer-Encoding: chunked\r\n\r\n").encode() + chunked(body)


def answer(path, version, arguments, certificate):
    """The answer as a list of pieces that are sent one after the other."""
    behaviour = arguments.behaviour
    if behaviour == "by_path" and path.count("/") == 2 and path.split("/")[1] in BEHAVIOURS:
        behaviour = path.split("/")[1]
        path = "/server.pem"
    whole = normal(path, version, arguments, certificate)
    if behaviour == "redirect":
        return [b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://login.example/\r\nContent-Length: 0\r\n\r\n"]
    if behaviour == "error":
        return [b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"]
    if behaviour == "portal":
        page = b"<html>Please log in to FreeWifi</html>\n"
        return [(HEAD + f"Content-Type: text/html\r\nContent-Length: {len(page)}\r\n\r\n").encode() + page]
    if behaviour == "close_delimited":
        return [(HEAD + PLAIN + "\r\n").encode() + first_certificate(arguments.body or certificate)]
    if behaviour == "cut":
        return [whole[: len(whole) // 2]]
    if behaviour == "huge":
        return endless((HEAD + PLAIN + "Transfer-Encoding: chunked\r\n\r\n").encode(), b"1000\r\n" + 4096 * b"x" + b"\r\n")
    if behaviour == "headers":
        return endless(HEAD.encode(), b"X-Padding: " + 1000 * b"x" + b"\r\n")
    if behaviour == "drip":
        return drip(whole)
    return [whole]


def endless(first, more):
    yield first
    while True:
        yield more


def drip(whole):
    for byte in whole:
        yield bytes([byte])
        time.sleep(1)


def read_request(stream):
    request = b""
    while b"\r\n\r\n" not in request:
        part = stream.recv(4096)
        if not part or len(request) > 65536:
            return None
        request += part
        if request[0] == 0x16:  # the first byte of a TLS handshake, to a server without TLS
            stream.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request")
            return None
    return request.split(b"\r\n")[0].decode("ascii", "replace").split(" ")


def serve(connection, context, arguments, certificate):
    if arguments.behaviour == "shed" or next(arguments.accepted) < arguments.shed:
        return
    if arguments.behaviour == "silent":
        time.sleep(3600)
        return
    stream = context.wrap_socket(connection, server_side=True) if context else connection
    words = read_request(stream)
    if not words or len(words) != 3:
        return
    if arguments.log:
        print(f"{words[0]} {words[1]}", file=sys.stderr, flush=True)
    for piece in answer(words[1], words[2], arguments, certificate):
        stream.sendall(piece)
    if context and "cut" not in (arguments.behaviour, words[1].split("/")[1]):
        stream.unwrap()


def serve_quietly(connection, *details):
    """Clients that go away or don't like us are part of every test."""
    with connection:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            serve(connection, *details)
        except (OSError, ValueError):
            pass


def tls_context(arguments, certificate):
    if arguments.plain:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2 if arguments.tls == "1.2" else ssl.TLSVersion.TLSv1_3
    context.maximum_version = context.minimum_version
    context.load_cert_chain(certificate, arguments.key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    if arguments.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(arguments.client_ca)
    return context


def listen(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind((address, port))
    listener.listen(64)
    return listener


def accept_forever(listener, *details):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_quietly, args=(connection, *details), daemon=True).start()


def first_certificate(path):
    if not path:
        return b"no certificate\n"
    with open(path, "rb") as file:
        text = file.read()
    end = b"-----END CERTIFICATE-----\n"
    return text[: text.index(end) + len(end)] if end in text else text


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", action="append", help="repeatable; default 127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--certificate", action="append",
                        help="PEM, with intermediates behind it; repeatable: the second is served on --port + 1, and so on")
    parser.add_argument("--key", help="PEM")
    parser.add_argument("--body", help="whose first certificate is served as server.pem; default: --certificate")
    parser.add_argument("--base-path", default="/")
    parser.add_argument("--behaviour", choices=BEHAVIOURS, default="normal")
    parser.add_argument("--plain", action="store_true", help="HTTP without TLS")
    parser.add_argument("--tls", choices=["1.2", "1.3"], default="1.3")
    parser.add_argument("--client-ca", help="ask for client certificates signed by this CA")
    parser.add_argument("--shed", type=int, default=0, help="close this many connections at once before serving others")
    parser.add_argument("--log", action="store_true", help="requests to standard error")
    return parser.parse_args()


def main():
    with_openssl_configuration()
    arguments = parse_arguments()
    arguments.accepted = itertools.count()
    threads = []
    for offset, certificate in enumerate(arguments.certificate or [None]):
        context = tls_context(arguments, certificate)
        for address in arguments.address or ["127.0.0.1"]:
            details = (listen(address, arguments.port + offset), context, arguments, certificate)
            threads.append(threading.Thread(target=accept_forever, args=details, daemon=True))
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    try:
        threads[0].join()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
