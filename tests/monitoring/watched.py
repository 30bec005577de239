"""A whole site that is watched: its metrics, its log lines, and a receiver of its traces that speaks OTLP."""

import gzip
import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from mudda.devstack.processes import Child
from mudda.devstack.surroundings import free_port
from tests.faults.city import City, until
from tests.faults.mail import PostOffice


class Receiver:
    """Takes spans as a collector does, over HTTP in protobuf, and keeps them: as OTLP's JSON has them, by field."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def bytes(self) -> bytes:
        """All that has come in, headers too."""
        return b"".join(json.dumps(headers).encode() + body for headers, body in list(self.requests))

    def spans(self) -> list[dict[str, Any]]:
        """Each with ``traceId``, ``spanId``, ``parentSpanId``, ``name``, ``service`` and ``at`` (its attributes)."""
        found = []
        for _, body in list(self.requests):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                service = {one.key: one.value.string_value for one in resource.resource.attributes}[
                    "service.name"
                ]
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        told = MessageToDict(span)
                        at = {
                            one["key"]: next(iter(one["value"].values()))
                            for one in told.get("attributes", [])
                        }
                        found.append({**told, "service": service, "at": at})
        return found

    def trace(self, trace_id: str) -> list[dict[str, Any]]:
        return [span for span in self.spans() if span["traceId"] == trace_id]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        kept = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                known = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
                if known:
                    kept.append((dict(self.headers), body))
                self.send_response(200 if known else 400)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


class Watched(City):
    """A city whose web server and worker tell their metrics, each on a port of its own."""

    def __init__(self, home: Path, office: PostOffice, receiver: Receiver, **variables: str) -> None:
        self.receiver = receiver
        super().__init__(
            home, office, LOG_FORMAT="json", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, OTEL_BSP_SCHEDULE_DELAY="100",
            METRICS_PORT=str(free_port()), **variables,
        )  # fmt: skip

    def start(self) -> None:
        begin = self.site.start_parts

        def start_parts() -> None:
            begin()
            self.site.worker.environment["METRICS_PORT"] = str(free_port())

        self.site.start_parts = start_parts  # type: ignore[method-assign]
        super().start()

    def text(self, process: Child) -> str:
        """What ``/metrics`` of a process answers."""
        return metrics_at(process.environment["METRICS_PORT"])

    def samples(self, process: Child) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        return samples_of(self.text(process))

    def value(self, process: Child, name: str, /, **labels: str) -> float:
        """The sum of the samples of this name that have these labels; -1 where there is none."""
        found = [
            value
            for (known, given), value in self.samples(process).items()
            if known == name and labels.items() <= dict(given).items()
        ]
        return sum(found) if found else -1.0

    def lines(self, process: Child) -> Iterator[dict[str, Any]]:
        """The log lines of a process; each has to be JSON."""
        whole = process.log.read_text().rpartition("\n")[0]  # without a line that is being written
        for line in whole.splitlines():
            assert line.startswith("{"), f"no JSON:\n{whole[max(0, whole.index(line) - 500) :][:2000]}"
            yield json.loads(line)

    def whole_trace(self, trace_id: str, *names: str) -> list[dict[str, Any]]:
        """The spans of a trace, once all of ``names`` are among them."""

        def there() -> bool:
            return set(names) <= {span["name"] for span in self.receiver.trace(trace_id)}

        until(there, 30, lambda: str(sorted({span["name"] for span in self.receiver.trace(trace_id)})))
        return self.receiver.trace(trace_id)


def metrics_at(port: str | int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:  # noqa: S310
        return answer.read().decode()


def samples_of(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """By name and labels, as Prometheus' own parser reads them."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
