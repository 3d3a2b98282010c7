#!/usr/bin/env python3
"""tools/ftp_upload.sh against a real FTP server on loopback."""
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "tools" / "ftp_upload.sh"
PASSWORD = 'pa"ss\\w:rd #%'


class OverTls:
    """A server of one upload that takes nothing before TLS, on either connection. curl 7.88 of Debian 12 begins TLS on the second before it asks
    for a transfer, which pyftpdlib 1.5.7 resets; servers that people run wait for it, and so does this one."""

    def __init__(self, certificate, root):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.root, self.clear = root, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(60)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        connection, _ = self.listener.accept()
        connection.settimeout(60)
        lines, data, moved = connection.makefile("rb"), None, None

        def say(text):
            connection.sendall(f"{text}\r\n".encode())
        say("220 ready")
        secure = False
        while line := lines.readline().decode().strip():
            verb, _, word = line.partition(" ")
            if not secure:
                self.clear.append(verb)
            if verb == "AUTH":
                say("234 go on")
                connection, secure = self.context.wrap_socket(connection, server_side=True), True
                lines = connection.makefile("rb")
            elif verb == "EPSV":
                data = socket.create_server(("127.0.0.1", 0))
                say(f"229 here (|||{data.getsockname()[1]}|)")
                plain, _ = data.accept()
                plain.settimeout(60)
                data.close()
                data = self.context.wrap_socket(plain, server_side=True)
            elif verb == "STOR":
                say("150 go on")
                with data, open(self.root / word, "wb") as file:
                    while piece := data.recv(1 << 16):
                        file.write(piece)
                say("226 there")
            elif verb == "RNFR":
                moved = word
                say("350 and")
            elif verb == "RNTO":
                (self.root / moved).rename(self.root / word)
                say("250 so")
            else:
                say({"USER": "331 and", "PASS": "230 in", "PWD": '257 "/"', "QUIT": "221 bye"}.get(verb, "200 well"))
        connection.close()

    def stop(self):
        self.thread.join(60)
        self.listener.close()


class Upload(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.root = pathlib.Path(self.place.name, "root")
        self.root.mkdir()
        self.file = pathlib.Path(self.place.name, "nginx_1.25_amd64.tar.gz")
        self.file.write_bytes(os.urandom(1 << 20))
        authorizer = DummyAuthorizer()
        authorizer.add_user("ci", PASSWORD, str(self.root), perm="elradfmw")
        handler = type("Handler", (FTPHandler,), {"authorizer": authorizer, "auth_failed_timeout": 0})
        self.server = FTPServer(("127.0.0.1", 0), handler)
        self.stop = False
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        self.addCleanup(self.finish)

    def serve(self):
        while not self.stop:
            self.server.serve_forever(timeout=0.05, blocking=False, handle_exit=False)
        self.server.close_all()

    def finish(self):
        self.stop = True
        self.thread.join()

    def run_script(self, *files, **changes):
        """With the file of this test, unless others are named."""
        kept = {name: value for name, value in os.environ.items() if name != "GITHUB_ACTIONS"}
        environment = dict(kept, FTP_SERVER="127.0.0.1", FTP_PORT=str(self.server.address[1]), FTP_USERNAME="ci", FTP_PASSWORD=PASSWORD)
        environment.update(changes)
        return subprocess.run([SCRIPT, *(files or [self.file])], env=environment, capture_output=True, text=True)

    def test_file_arrives_whole_under_its_name(self):
        for path in ("", "images/new dir#1/", "/from/root"):
            with self.subTest(path=path):
                done = self.run_script(FTP_PATH=path)
                self.assertEqual(done.returncode, 0, done.stderr)
                held = self.root / path.strip("/")
                self.assertEqual((held / self.file.name).read_bytes(), self.file.read_bytes())
                self.assertFalse((held / (self.file.name + ".part")).exists())

    def test_earlier_file_is_replaced(self):
        (self.root / self.file.name).write_bytes(b"old")
        self.assertEqual(self.run_script().returncode, 0)
        self.assertEqual((self.root / self.file.name).read_bytes(), self.file.read_bytes())

    def test_wrong_password_fails_and_is_not_printed(self):
        done = self.run_script(FTP_PASSWORD="wrong-secret")
        self.assertEqual(done.returncode, 67, done.stderr)
        self.assertNotIn("wrong-secret", done.stdout + done.stderr)
        self.assertEqual(list(self.root.iterdir()), [])

    def test_what_would_inject_commands_is_refused(self):
        for change in ({"FTP_PATH": "a\r\nDELE b"}, {"FTP_USERNAME": "a\nb"}, {"FTP_PATH": "../up"}, {"FTP_PORT": "21x"},
                       {"FTP_SERVER": "ftp://host"}, {"FTP_PASSWORD": ""}):
            with self.subTest(change=change):
                self.assertEqual(self.run_script(**change).returncode, 2)

    def test_without_tls_there_nothing_is_sent_when_it_is_required(self):
        done = self.run_script(FTP_TLS="1", FTP_PASSWORD="wrong-secret")
        self.assertEqual(done.returncode, 64, done.stderr)
        self.assertEqual(list(self.root.iterdir()), [])

    def test_with_tls_the_file_arrives_and_nothing_is_in_clear_text(self):
        key = pathlib.Path(self.place.name, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-days", "2", "-keyout", key, "-out", f"{key}.crt"], check=True, capture_output=True)
        certificate = pathlib.Path(f"{key}.crt")
        key.write_text(key.read_text() + certificate.read_text())
        server = OverTls(key, self.root)
        done = self.run_script(FTP_TLS="1", FTP_PORT=str(server.port), CURL_CA_BUNDLE=str(certificate))
        server.stop()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.root / self.file.name).read_bytes(), self.file.read_bytes())
        self.assertEqual(server.clear, ["AUTH"])

    def test_errors_are_annotations_for_github_alone(self):
        for actions, files, changes, status, what in (
                ("true", [], {"FTP_PASSWORD": "wrong-secret"}, 67, f"{self.file.name} is not on 127.0.0.1: curl: (67) "),
                ("true", [], {"FTP_SERVER": ""}, 2, "FTP_SERVER is not set; "),
                # A line break would end the workflow command and begin another.
                ("true", ["100%\r\n::error::none"], {}, 2, "there is no file '100%25%0D%0A::error::none'; "),
                ("", [], {"FTP_SERVER": ""}, 2, None)):
            with self.subTest(changes=changes, files=files):
                done = self.run_script(*files, GITHUB_ACTIONS=actions, **changes)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertIn("ftp_upload: ", done.stderr)
                if what is None:
                    self.assertEqual(done.stdout, "")
                else:
                    self.assertTrue(done.stdout.startswith(f"::error title=ftp_upload::{what}"), done.stdout)
                    self.assertEqual(done.stdout.count("\n"), 1, done.stdout)
                    self.assertNotIn("wrong-secret", done.stdout + done.stderr)

    def test_nothing_is_printed_for_github_when_the_file_arrives(self):
        self.assertEqual(self.run_script(GITHUB_ACTIONS="true").stdout, "")


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
