"""ID-01 to ID-03: what passes a tap of an identifier node, with Handle decoded and without."""

# ruff: noqa: E501  (a row or a site is read as one line)

from __future__ import annotations

from assess_traffic import HMI, OFFICE, PLAN, PLC, SERVER, Traffic, plant, quiet, run, violated, zone

from sentinel.assess.model import Outcome

NODE = "10.0.6.1"
SITE = plant(zones=(*PLAN, zone("node", "4", "identifier", "10.0.6.0/24")))


def resolved(n: int = 40, good: int = 38) -> Traffic:
    t = Traffic(hours=24).flow(OFFICE, NODE, 2641, "handle", transport="udp")
    for i in range(n):
        t.say("resolve", "read", function=1, name=f"86.122.2/{i * 7}", after=i)
    return t.say("resolve", "read", "response", n=good, function=1, latency=5_000_000).say("resolve", "read", "exception", n=n - good, function=1, latency=9_000_000)


def test_a_node_that_is_not_decoded_has_connections_and_no_queries() -> None:
    t = Traffic().flow(OFFICE, NODE, 443, "tls").flow(HMI, NODE, 443, "tls").flow(OFFICE, SERVER, 443, "tls")
    result = quiet(run("ID-01", t, SITE), Outcome.NOT_ASSESSABLE)
    (row,) = result.tables["resolution"]
    assert (row["node"], row["queries"], row["per_month"], row["clients"]) == (NODE, None, None, 2)
    assert "no queries" in result.observations[0].detail.en
    quiet(run("ID-01", Traffic().flow(OFFICE, SERVER, 443, "tls"), plant()), Outcome.NOT_ASSESSABLE)


def test_a_node_that_is_decoded_is_measured() -> None:
    result = quiet(run("ID-01", resolved().say("create_handle", "write", function=100, n=3), SITE), Outcome.CONFIRMED)
    (row,) = result.tables["resolution"]
    assert (row["queries"], row["per_month"], row["success"], row["p95_ms"], row["clients"], row["registrations"]) == (40, 1200, 0.95, 5.0, 1, 3)
    quiet(run("ID-01", resolved(), SITE, queries_per_month=100_000))


def test_registration_by_strangers_and_without_a_challenge() -> None:
    bare = Traffic().flow(OFFICE, NODE, 2641, "handle").say("create_handle", "write", function=100, n=2)
    assert "was not challenged" in violated(run("ID-02", bare, SITE))[0].detail.en
    challenged = Traffic().flow(OFFICE, NODE, 2641, "handle").say("challenge", "session", function=200).say("create_handle", "write", function=100)
    quiet(run("ID-02", challenged, SITE))
    assert "administrators" in violated(run("ID-02", challenged, SITE, admins=(HMI,)))[0].detail.en
    quiet(run("ID-02", challenged, SITE, admins=(OFFICE,)))
    quiet(run("ID-02", Traffic().flow(OFFICE, NODE, 443, "tls"), SITE), Outcome.NOT_ASSESSABLE)


def test_amplification_flood_and_enumeration() -> None:
    big = Traffic().flow(OFFICE, NODE, 2641, transport="udp", up=20_000, down=200_000)
    assert violated(run("ID-03", big, SITE))[0].values["ratio"] == 10.0
    quiet(run("ID-03", big, SITE, ratio=12.0), Outcome.NOT_ASSESSABLE)
    flood = Traffic().flow(OFFICE, NODE, 2641, transport="udp")
    flood.flow(OFFICE, NODE, 2641, transport="udp").flow(OFFICE, NODE, 2641, transport="udp")
    violated(run("ID-03", flood, SITE, flows_per_minute=2))
    row = Traffic().flow(OFFICE, NODE, 2641, "handle")
    for i in range(60):
        row.say("resolve", "read", function=1, name=f"86.122.2/{1000 + i}", after=i)
    assert violated(run("ID-03", row, SITE))[0].values["consecutive"] == 60
    quiet(run("ID-03", resolved(), SITE))
    quiet(run("ID-03", Traffic().flow(HMI, PLC, 502, "modbus"), plant()), Outcome.NOT_ASSESSABLE)
