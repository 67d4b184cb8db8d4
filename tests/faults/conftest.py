"""The cluster that faults are done to, and the table of what was measured."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from collab.testing import programs
from collab.testing.cluster import Cluster
from collab.testing.faults import Fault, Measured
from tests.faults import table
from tests.faults.table import AddRow
from tests.support.needs import REPOSITORY


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--faults-table", action="store_true", help="write what was measured into README.md"
    )


def pytest_configure(config: pytest.Config) -> None:
    # Where pytest-xdist runs tests in other processes, reports come to the one that started them.
    if config.getoption("faults_table", False) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(TableWriter())


class TableWriter:
    """Collects rows from the reports of tests, and writes them at the end."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.rows.update(
                value for name, value in report.user_properties if name == table.PROPERTY
            )

    def pytest_sessionfinish(self) -> None:
        text = table.README.read_text()
        table.README.write_text(table.rewrite(text, self.rows))


@pytest.fixture
def row(request: pytest.FixtureRequest) -> AddRow:
    """Note what was measured of a fault."""

    def add(fault: Fault, measured: Measured) -> None:
        properties = request.node.user_properties
        properties.append((table.PROPERTY, (fault.name, table.line(fault, measured))))

    return add


@pytest.fixture(scope="session")
def _cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    # A cluster does without, and people in Node with it; a test of faults does not.
    for needed in (programs.nginx, programs.node, programs.node_packages):
        needed()
    directory = tmp_path_factory.mktemp("cluster")
    one = Cluster(directory, nginx_conf=REPOSITORY / "deploy/nginx.conf")
    try:
        yield one
    finally:
        one.stop()


@pytest.fixture
def cluster(_cluster: Cluster) -> Cluster:
    """Two processes behind nginx on PostgreSQL and Redis, all running and all wires well."""
    _cluster.start()
    return _cluster
