"""What is deployed fits the program: settings, figures and times that its files name are there."""
import re
import shutil
import subprocess

import pytest
import yaml
from tree import REPO

DEPLOY = REPO / "deploy"
SETTINGS = dict(re.findall(r"^    X\((\w+), [A-Z]+, \w+, (\"[^\"]*\"|NULL)", (REPO / "schema/config_priv.h").read_text(), re.M))
DRAIN_S = int(SETTINGS["drain_ms"].strip('"')) / 1000
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
KUBERNETES = yaml.safe_load((DEPLOY / "kubernetes.yaml").read_text())["items"]
UNIT = (DEPLOY / "systemd/buzzer@.service").read_text()


@pytest.mark.parametrize("file", ["compose.yaml", "kubernetes.yaml", "Dockerfile", "healthy.sh", "systemd/buzzer@.service"])
def test_every_variable_is_a_setting(file):
    named = set(re.findall(r"\bBUZZER_([A-Z_]+)", (DEPLOY / file).read_text()))
    assert named and named <= {name.upper() for name in SETTINGS}, named - {name.upper() for name in SETTINGS}


def test_every_figure_of_the_run_book_is_one_of_the_program():
    metrics = set(re.findall(r'"(buzzer_[a-z_]+)"', (REPO / "schema/metric.h").read_text()))
    named = set(re.findall(r"\bbuzzer_[a-z_]+[a-z]\b", (DEPLOY / "runbook.md").read_text())) - {"buzzer_log"}
    assert named and named <= metrics, named - metrics


def test_every_message_of_the_run_book_about_the_data_folder_is_one_of_the_program():
    said = "".join(path.read_text() for folder in ("cli", "jobs") for path in sorted((REPO / folder).glob("*.c")))
    rows = [line for line in (DEPLOY / "runbook.md").read_text().splitlines() if line.startswith("| exit 70")]
    quoted = [text for row in rows for text in re.findall(r'"([^"]+)"', row.split(" | ")[0])]
    assert len(quoted) > 2 and all(text in said for text in quoted), quoted


def test_what_scrapes_has_a_key():
    """/metrics needs one off loopback; annotations cannot carry it."""
    assert "prometheus.io/scrape" not in (DEPLOY / "kubernetes.yaml").read_text()
    for line in (DEPLOY / "runbook.md").read_text().splitlines():
        assert "/metrics" not in line or "curl" not in line or "Authorization: Bearer" in line or "`/metrics`" in line, line


def test_nobody_is_killed_while_it_drains():
    for service in COMPOSE["services"].values():
        if service["image"] == "buzzer":
            assert int(service["stop_grace_period"].rstrip("s")) > DRAIN_S
    for item in KUBERNETES:
        if item["kind"] == "StatefulSet":
            assert item["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > DRAIN_S + 5
    assert int(re.search(r"^TimeoutStopSec=(\d+)$", UNIT, re.M)[1]) > DRAIN_S


def test_containers_run_shut_in():
    for name, service in COMPOSE["services"].items():
        assert name == "kafka" or service["read_only"] and service["cap_drop"] == ["ALL"], name
    sets = [item["spec"]["template"]["spec"] for item in KUBERNETES if item["kind"] == "StatefulSet"]
    for pod in sets:
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]
            assert context["capabilities"] == {"drop": ["ALL"]}


def test_what_selects_is_selected():
    labels = [item["spec"]["template"]["metadata"]["labels"] for item in KUBERNETES if item["kind"] == "StatefulSet"]
    for item in KUBERNETES:
        selector = item.get("spec", {}).get("selector", {})
        wanted = selector.get("matchLabels", selector)
        assert not wanted or any(wanted.items() <= have.items() for have in labels), item["metadata"]["name"]


def test_the_versions_of_kafka_are_one():
    version = re.search(r"<kafka.version>(.+)</kafka.version>", (DEPLOY / "kafka/pom.xml").read_text())[1]
    assert COMPOSE["services"]["kafka"]["image"].endswith(f":{version}}}")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_the_unit_is_one_that_systemd_knows(tmp_path):
    unit = tmp_path / "buzzer@one.service"
    unit.write_text(UNIT.replace("/usr/bin/buzzer", "/bin/true"))
    said = subprocess.run(["systemd-analyze", "--man=no", "verify", unit], capture_output=True, text=True).stderr
    assert str(unit) not in said and unit.name not in said, said
