"""A certificate authority of a test: signs certificates by openssl, good ones and bad ones."""
import os
import subprocess

EXTENSIONS = """[leaf]
basicConstraints = CA:FALSE
subjectAltName = %s
"""


class Authority:
    """`file` is its certificate (PEM)."""

    def __init__(self, folder, name="authority"):
        self.folder, self.name, self.count = folder, name, 0
        os.makedirs(folder, exist_ok=True)
        self.file, self.key = self.path(".crt"), self.path(".key")
        self.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650",
                 "-subj", "/CN=%s of a test" % name, "-keyout", self.key, "-out", self.file)

    def path(self, end):
        return os.path.join(self.folder, self.name + end)

    @staticmethod
    def run(*words):
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout.decode()

    def sign(self, names="IP:127.0.0.1,DNS:localhost", subject="server", expired=False):
        """(certificate, key); `names` as openssl writes a subjectAltName. An expired one was good for a day, ten days ago."""
        self.count += 1
        key, request, certificate, extensions = (self.path("-%d%s" % (self.count, end)) for end in
                                                 (".key", ".csr", ".crt", ".ext"))
        with open(extensions, "w") as file:
            file.write(EXTENSIONS % names)
        self.run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                 "/CN=" + subject, "-keyout", key, "-out", request)
        self.run(*(["faketime", "10 days ago"] if expired else []), "openssl", "x509", "-req", "-in", request, "-CA", self.file,
                 "-CAkey", self.key, "-CAcreateserial", "-days", "1" if expired else "30", "-extfile", extensions,
                 "-extensions", "leaf", "-out", certificate)
        return certificate, key
