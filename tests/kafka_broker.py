"""A real Kafka broker on loopback, for the tests of its sink: one node, broker and controller at once.

The broker is Apache's own, from Maven Central (`org.apache.kafka:kafka_2.13` with what it depends on). It wants Java,
and Maven to fetch it; SENTINEL_KAFKA_JARS names a folder of jars that is there already.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from ports import unclaimed_port
from server_cache import cache_folder
from waiting import PATIENCE

VERSION = "3.9.1"
CLUSTER = "c2VudGluZWwtdGVzdHMtMQ"
"""Any 16 bytes in base64url: the id that the storage is formatted with."""
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId> <artifactId>broker</artifactId> <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId> <artifactId>kafka_2.13</artifactId> <version>{VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""


def why_not() -> str:
    """Why there can be no broker here; empty where there can."""
    if not shutil.which("java"):
        return "Java is not installed"
    if not os.environ.get("SENTINEL_KAFKA_JARS") and not jars_path().exists() and not shutil.which("mvn"):
        return "Maven is not installed, and SENTINEL_KAFKA_JARS names no folder"
    return ""


def jars_path() -> Path:
    """Where the broker's jars lie, or will."""
    if os.environ.get("SENTINEL_KAFKA_JARS"):
        return Path(os.environ["SENTINEL_KAFKA_JARS"])
    return cache_folder() / "kafka" / VERSION


def fetched() -> Path:
    """The folder of jars, fetched by Maven where it is not there yet; OSError where that fails."""
    path = jars_path()
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:  # another run may fetch it at the same moment
        (Path(folder) / "pom.xml").write_text(_POM, encoding="utf-8")
        command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False, cwd=folder)
        made = Path(folder) / "jars"
        if run.returncode or not any(made.glob(f"kafka_2.13-{VERSION}.jar")):
            raise OSError(f"Maven could not fetch Kafka {VERSION}: {(run.stdout + run.stderr).strip()[-300:]}")
        try:
            os.replace(made, path)
        except OSError:
            if not path.exists():  # where the other run was first, its jars are as good
                raise
    return path


class Broker:
    """`start` and `kill` may be called again and again, what was written stays; `stop` throws it away."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sentinel-kafka-"))
        self.port = unclaimed_port(kind=socket.SOCK_STREAM)
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._jars = fetched()
            self._configure(unclaimed_port(kind=socket.SOCK_STREAM))
            self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(self._settings)).wait(PATIENCE)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it takes connections; OSError with the end of its log where it does not."""
        self._process = self._java("kafka.Kafka", str(self._settings))
        end = time.monotonic() + 5 * PATIENCE
        while True:
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None or time.monotonic() > end:
                log = (self.folder / "broker.log").read_text(errors="replace")[-2000:]
                self.stop()
                raise OSError(f"Kafka did not start: {log}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it and delete all that it left."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _configure(self, controller: int) -> None:
        self._settings = self.folder / "server.properties"
        lines = [
            "process.roles=broker,controller", "node.id=1", f"controller.quorum.voters=1@127.0.0.1:{controller}",
            f"listeners=PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{controller}",
            f"advertised.listeners=PLAINTEXT://{self.address}", "controller.listener.names=CONTROLLER",
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            f"log.dirs={self.folder / 'data'}", "num.partitions=1", "offsets.topic.replication.factor=1",
            "offsets.topic.num.partitions=1", "transaction.state.log.replication.factor=1",
            "transaction.state.log.min.isr=1", "group.initial.rebalance.delay.ms=0",
        ]  # fmt: skip
        self._settings.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _java(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", f"{self._jars}/*", *arguments]
        with (self.folder / "broker.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
