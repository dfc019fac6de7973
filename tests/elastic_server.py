"""A real Elasticsearch on loopback, for tests and for `make elasticsearch`: `python tests/elastic_server.py`.

The server is the one that Elastic publishes on Maven Central for integration tests (8.19: engine, HTTP, security; no
index lifecycle management, no ES|QL). It wants Java, and Maven to fetch it; SENTINEL_ES_ZIP names a zip that is there
already. It refuses to run as root, so root runs it as `nobody`. TLS and a user with a password are set up. (It makes no
API keys: the index that would hold them needs an analysis module that this distribution leaves out.)
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from ports import unclaimed_port
from server_cache import cache_folder

VERSION = "8.19.21"
ARTIFACT = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"
USER, PASSWORD = "tester", "only-on-loopback"
NOBODY = 65534
START_SECONDS = 600


def why_not() -> str:
    """Why there can be no server here; empty where there can."""
    if not shutil.which("java") or not shutil.which("keytool"):
        return "Java is not installed"
    if not os.environ.get("SENTINEL_ES_ZIP") and not zip_path().exists() and not shutil.which("mvn"):
        return "Maven is not installed, and SENTINEL_ES_ZIP names no zip"
    return ""


def zip_path() -> Path:
    """Where the distribution lies, or will."""
    if os.environ.get("SENTINEL_ES_ZIP"):
        return Path(os.environ["SENTINEL_ES_ZIP"])
    return cache_folder() / "elasticsearch" / f"elasticsearch-{VERSION}.zip"


def fetched() -> Path:
    """The distribution, fetched by Maven where it is not there yet; OSError where that fails."""
    path = zip_path()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:  # another run may fetch it at the same moment
            command = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}"]
            run = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False, cwd=folder)
            if run.returncode or not (Path(folder) / path.name).exists():
                raise OSError(f"Maven could not fetch {ARTIFACT}: {(run.stdout + run.stderr).strip()[-300:]}")
            os.replace(Path(folder) / path.name, path)
    return path


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for 127.0.0.1, `<name>.p12` with its key and `<name>.pem` without."""
    store, pem = folder / f"{name}.p12", folder / f"{name}.pem"
    common = ["-keystore", str(store), "-storetype", "PKCS12", "-storepass", PASSWORD, "-alias", name]
    make = ["-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-dname", f"CN={name}", "-validity", "30",
            "-ext", "san=ip:127.0.0.1,dns:localhost"]  # fmt: skip
    for arguments in (make, ["-exportcert", "-rfc", "-file", str(pem)]):
        subprocess.run(["keytool", arguments[0], *common, *arguments[1:]], check=True, capture_output=True)
    return pem


class Server:
    """One node. `start` and `kill` may be called again and again; `stop` throws it away."""

    def __init__(self, port: int | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sentinel-elastic-"))
        self.port = port or unclaimed_port(kind=socket.SOCK_STREAM)
        self._process: subprocess.Popen[bytes] | None = None
        try:
            with zipfile.ZipFile(fetched()) as archive:
                archive.extractall(self.folder)
            (self.home,) = self.folder.glob("elasticsearch-*")
            for tool in (self.home / "bin").iterdir():
                tool.chmod(0o755)
            self.ca = certificate(self.home / "config", "server")
            self._add_user()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    @property
    def uri(self) -> str:
        """Begin of the URI of a sink; options follow after `?` or `&`."""
        base = f"elasticsearch+https://127.0.0.1:{self.port}?ca_certs={self.ca}&replicas=0"
        return f"{base}&user={USER}&password_file={self.folder / 'password'}"

    def start(self, *settings: str) -> None:
        """Start it, with more lines of elasticsearch.yml, and wait until it answers."""
        lines = [
            "discovery.type: single-node", "http.host: 127.0.0.1", f"http.port: {self.port}",
            "transport.host: 127.0.0.1", "transport.port: 0", "xpack.security.enabled: true",
            "xpack.security.http.ssl.enabled: true",
            "xpack.security.http.ssl.keystore.path: server.p12",
            f"xpack.security.http.ssl.keystore.password: {PASSWORD}", "xpack.security.transport.ssl.enabled: false",
            "xpack.security.autoconfiguration.enabled: false",
            # the disk of the machine that tests is not ours to judge
            "cluster.routing.allocation.disk.threshold_enabled: false", *settings,
        ]  # fmt: skip
        (self.home / "config" / "elasticsearch.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._give_away()
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.home / "bin" / "elasticsearch")], stdout=log, stderr=log, cwd=self.home,
                env=self._environment(), start_new_session=True, **self._as_whom(),
            )  # fmt: skip
        self._wait()

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it and delete all that it left."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request as the superuser; the answer's JSON. A body of bytes goes as it is, as lines of JSON."""
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}", method=method)
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())
        data = None
        if body is not None:
            lines = isinstance(body, bytes)
            request.add_header("Content-Type", "application/x-ndjson" if lines else "application/json")
            data = body if lines else json.dumps(body).encode()
        context = ssl.create_default_context(cafile=str(self.ca))
        try:
            with urllib.request.urlopen(request, data=data, timeout=120, context=context) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise OSError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')[:500]}") from error

    def count(self, pattern: str) -> int:
        """Documents of some indices, all that were ever answered for."""
        self.ask("POST", f"/{pattern}/_refresh")
        return int(self.ask("GET", f"/{pattern}/_count")["count"])

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                if self.ask("GET", "/_cluster/health")["status"] in ("green", "yellow"):
                    return
            except OSError:
                pass
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > end:
                log = (self.folder / "server.log").read_text(errors="replace")[-2000:]
                self.stop()
                raise OSError(f"Elasticsearch did not start: {log}")
            time.sleep(0.25)

    def _add_user(self) -> None:
        """A superuser in the server's own file of users, and his password in a file for the sink."""
        (self.folder / "password").write_text(PASSWORD + "\n", encoding="utf-8")
        salt = os.urandom(32)
        digest = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), salt, 1000, 32)
        said = "$".join(base64.b64encode(part).decode() for part in (salt, digest))
        (self.home / "config" / "users").write_text(f"{USER}:{{PBKDF2}}1000${said}\n", encoding="utf-8")
        (self.home / "config" / "users_roles").write_text(f"superuser:{USER}\n", encoding="utf-8")

    def _environment(self) -> dict[str, str]:
        java = Path(shutil.which("java") or "java").resolve().parents[1]
        return {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "ES_JAVA_HOME": str(java),
            "ES_JAVA_OPTS": "-Xms512m -Xmx512m -XX:TieredStopAtLevel=1", "CLI_JAVA_OPTS": "-XX:TieredStopAtLevel=1",
        }  # fmt: skip

    def _give_away(self) -> None:
        if os.geteuid() == 0:
            self.folder.chmod(0o755)
            for path in (self.home, *self.home.rglob("*")):
                os.chown(path, NOBODY, NOBODY)

    @staticmethod
    def _as_whom() -> dict[str, Any]:
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def main() -> None:
    """Run one until Ctrl-C."""
    if reason := why_not():
        sys.exit(f"No Elasticsearch: {reason}.")
    server = Server(int(os.environ.get("PORT", "9200")))
    try:
        server.start()
        print(f"Elasticsearch {VERSION}: Ctrl-C ends it and throws its data away. Send it a case with\n")
        print(f"    sentinel send --case CASE --sink '{server.uri}'\n", flush=True)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()


if __name__ == "__main__":
    main()
