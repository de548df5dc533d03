"""The nemesis: each fault bites or is found not to, is journalled first, recorded, and always healed."""

import random
from pathlib import Path

import msgspec
import pytest

from checker.operation import Operation
from nemesis.fault import Fault, FaultReport, Proof
from nemesis.grudge import NODES_MIN, draw_grudge
from nemesis.journal import Journal, read_journal
from nemesis.nemesis import recover_all, run_schedule
from nemesis.registry import KINDS, parse_faults
from nemesis.schedule import draw
from nemesis.steps import Cut, Inspect, Kill, MendAll, Pause, Probe, Program
from tests.model_place import ModelPlace

S = 1_000_000_000
NODES = ("n1", "n2", "n3", "n4", "n5")


def partition(shape: str = "halves", seed: int = 1, **fields: object) -> Fault:
    grudge = draw_grudge(shape, NODES, random.Random(seed))
    made = Fault(id=1, kind="partition", shape=shape, targets=grudge.targets, links=grudge.links,
                 mode="drop", start=S, end=3 * S)  # fmt: skip
    return msgspec.structs.replace(made, **fields)


def process(kind: str, *targets: str, id: int = 1, start: int = S, end: int = 2 * S) -> Fault:
    return Fault(id=id, kind=kind, shape="one", targets=targets, start=start, end=end)


def carry_out(place: ModelPlace, folder: Path, *faults: Fault) -> tuple[list[FaultReport], list[Operation]]:
    """Run a schedule; everything must be as before afterwards, unless the place is flawed."""
    recorded: list[Operation] = []
    journal = Journal(folder / "journal.jsonl", durable=False)
    reports = place.run(run_schedule(faults, KINDS, NODES, journal, recorded.append))
    return reports, recorded


@pytest.mark.parametrize("shape", sorted(NODES_MIN))
def test_a_partition_bites_and_heals(tmp_path: Path, shape: str) -> None:
    place = ModelPlace(NODES)
    (report,), recorded = carry_out(place, tmp_path, partition(shape))
    assert report.bit, report.how
    assert report.injected_at == S
    assert report.healed_at is not None
    assert report.healed_at >= 3 * S
    assert place.cut == {}
    assert [(op.f, op.value.get("bit"), op.value.get("healed")) for op in recorded] == [
        ("inject", None, None), ("inject", True, None), ("heal", None, None), ("heal", None, True),
    ]  # fmt: skip
    assert {(op.process, op.type) for op in recorded} == {("nemesis", "info")}
    assert recorded[0].value == msgspec.to_builtins(report.fault)


@pytest.mark.parametrize("kind", ["kill", "pause"])
def test_a_process_fault_bites_and_heals(tmp_path: Path, kind: str) -> None:
    place = ModelPlace(NODES)
    (report,), recorded = carry_out(place, tmp_path, process(kind, "n2", "n4"))
    assert report.bit, report.how
    assert set(place.states.values()) == {"running"}
    assert recorded[-1].value["healed"] is True


@pytest.mark.parametrize(
    ("flaw", "fault", "how"),
    [
        ("cut", partition(), "probes arrived over cut links: n"),
        ("probe", partition(), "no probe arrived at all, not even over the 8 links that are not cut"),
        ("kill", process("kill", "n2"), "n2 is running, expected dead"),
        ("ghost", process("kill", "n2"), "n2 still answers although it is dead"),
        ("pause", process("pause", "n2"), "n2 is running, expected paused"),
        ("ghost", process("pause", "n2"), "n2 still answers although it is paused"),
    ],
)
def test_a_fault_that_does_not_bite_is_noticed(tmp_path: Path, flaw: str, fault: Fault, how: str) -> None:
    (report,), recorded = carry_out(ModelPlace(NODES, {flaw}), tmp_path, fault)
    assert not report.bit
    assert report.how.startswith(how)
    assert recorded[1].value["bit"] is False
    assert recorded[1].value["how"] == report.how


@pytest.mark.parametrize(
    ("flaw", "fault", "how"),
    [
        ("mend", partition("isolate-one"), "no probe arrived over mended links"),
        ("start", process("kill", "n2"), "n2 is dead and does not answer"),
        ("resume", process("pause", "n2"), "n2 is paused and does not answer"),
    ],
)
def test_a_fault_that_does_not_heal_is_noticed(tmp_path: Path, flaw: str, fault: Fault, how: str) -> None:
    _, recorded = carry_out(ModelPlace(NODES, {flaw}), tmp_path, fault)
    assert recorded[-1].value["healed"] is False
    assert recorded[-1].value["how"].startswith(how)


def test_one_leaking_link_is_enough(tmp_path: Path) -> None:
    place = ModelPlace(NODES)
    fault = partition()
    leak = fault.links[2]

    def inject(_: Fault) -> Program:
        yield Cut(tuple(link for link in fault.links if link != leak), "drop")

    kind = KINDS["partition"]
    place.run(inject(fault))
    proof: Proof = place.run(kind.prove(fault))
    assert not proof.bit
    assert proof.how == f"probes arrived over cut links: {leak[0]}->{leak[1]}"


def test_dead_nodes_are_left_out_of_the_proof() -> None:
    place = ModelPlace(NODES)
    fault = partition("isolate-one")
    (alone,) = fault.targets
    dead = next(node for node in NODES if node != alone)
    place.run(KINDS["partition"].inject(fault))
    place.states[dead] = "dead"
    assert place.run(KINDS["partition"].prove(fault)).bit
    probed = {node for step in place.steps if isinstance(step, Probe) for link in step.links for node in link}
    assert probed == set(NODES) - {dead}


def test_nothing_is_proved_when_every_cut_link_has_a_dead_end() -> None:
    place = ModelPlace(NODES)
    fault = partition("isolate-one")
    place.run(KINDS["partition"].inject(fault))
    place.states[fault.targets[0]] = "paused"
    proof: Proof = place.run(KINDS["partition"].prove(fault))
    assert not proof.bit
    assert "no cut link has a running node at both ends" in proof.how


def test_two_nodes_need_no_control() -> None:
    """A full cut of two nodes leaves no link that could deliver."""
    place = ModelPlace(("n1", "n2"))
    fault = partition(targets=("n1",), links=(("n1", "n2"), ("n2", "n1")))
    place.run(KINDS["partition"].inject(fault))
    assert place.run(KINDS["partition"].prove(fault)).bit


def test_a_proof_gets_a_second_look(tmp_path: Path) -> None:
    """The probe is broken at first, then works: a message was only late."""

    class Recovering(ModelPlace):
        def carry_out(self, step: object) -> object:
            if isinstance(step, Probe) and sum(isinstance(past, Probe) for past in self.steps) == 2:
                self.flaws.clear()
            return super().carry_out(step)  # type: ignore[arg-type]

    (report,), _ = carry_out(Recovering(NODES, {"probe"}), tmp_path, partition())
    assert report.bit


def test_every_injection_is_in_the_journal_before_it_happens(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    acts = {Cut: "partition", Kill: "kill", Pause: "pause"}

    class Watching(ModelPlace):
        def carry_out(self, step: object) -> object:
            if type(step) in acts:
                last = read_journal(path)[-1]
                assert last["event"] == "inject"
                assert last["fault"]["kind"] == acts[type(step)]  # type: ignore[index]
            return super().carry_out(step)  # type: ignore[arg-type]

    place = Watching(NODES)
    kill = process("kill", "n1", id=2, start=4 * S, end=5 * S)
    pause = process("pause", "n1", id=3, start=6 * S, end=7 * S)
    carry_out(place, tmp_path, partition(), kill, pause)
    assert sum(type(step) in acts for step in place.steps) == 3
    events = [(entry["event"], entry.get("id")) for entry in read_journal(path)]
    once = [("inject", None), ("injected", 1), ("heal", 1), ("healed", 1)]
    assert events == [(event, id and id + more) for more in range(3) for event, id in once]


def test_overlapping_faults_are_interleaved(tmp_path: Path) -> None:
    kill = process("kill", "n1", id=2, start=S * 25 // 10, end=4 * S)
    _, recorded = carry_out(ModelPlace(NODES), tmp_path, partition(), kill)
    order = [(op.f, op.value["id"]) for op in recorded[::2]]
    assert order == [("inject", 1), ("inject", 2), ("heal", 1), ("heal", 2)]


def test_of_two_actions_at_one_time_healing_comes_first(tmp_path: Path) -> None:
    """Otherwise the node would be started again in the middle of the second fault."""
    first = process("kill", "n1", id=2, start=S, end=2 * S)
    second = process("kill", "n1", id=1, start=2 * S, end=3 * S)
    _, recorded = carry_out(ModelPlace(NODES), tmp_path, first, second)
    order = [(op.f, op.value["id"]) for op in recorded[::2]]
    assert order == [("inject", 2), ("heal", 2), ("inject", 1), ("heal", 1)]


@pytest.mark.parametrize("seed", range(6))
def test_drawn_schedules_bite_in_full(tmp_path: Path, seed: int) -> None:
    schedule = draw(random.Random(seed), NODES, tuple(KINDS), 20 * S)
    place = ModelPlace(NODES)
    reports, _ = carry_out(place, tmp_path, *schedule)
    assert [report.fault for report in reports] == list(schedule)
    assert [report.how for report in reports if not report.bit] == []
    assert place.cut == {}
    assert set(place.states.values()) == {"running"}
    assert place.now < 24 * S


def test_recovery_undoes_everything_and_can_be_repeated(tmp_path: Path) -> None:
    place = ModelPlace(NODES)
    place.cut = {("n1", "n2"): "stall"}
    place.states |= {"n1": "dead", "n2": "paused"}
    journal = Journal(tmp_path / "journal.jsonl", durable=False)
    for _ in range(2):
        place.run(recover_all(KINDS, NODES, journal))
        assert place.cut == {}
        assert set(place.states.values()) == {"running"}
    assert any(isinstance(step, MendAll) for step in place.steps)
    assert [entry["event"] for entry in read_journal(journal.path)] == ["heal", "healed"] * 6


@pytest.mark.parametrize(
    ("faults", "sentence"),
    [
        ((process("flood", "n1"),), "unknown kind 'flood'; known are partition, kill, pause"),
        ((process("kill", "n9"),), "fault 1 is about n9; this cluster has n1, n2"),
        ((partition(links=(("n1", "n8"),)),), "fault 1 is about n8"),
        ((process("kill", "n1", end=S),), "ends before it begins"),
        ((process("kill", "n1"), process("pause", "n2")), "the same id"),
    ],
)
def test_a_schedule_that_does_not_fit_is_refused(
    tmp_path: Path, faults: tuple[Fault, ...], sentence: str
) -> None:
    place = ModelPlace(NODES)
    with pytest.raises(ValueError, match=sentence):
        carry_out(place, tmp_path, *faults)
    assert place.steps == []


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [(partition(mode=None), "needs a mode"), (process("kill"), "a kill needs at least one node")],
)
def test_a_fault_without_what_it_needs_is_refused(fault: Fault, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ModelPlace(NODES).run(KINDS[fault.kind].inject(fault))


def test_verifying_waits_for_a_node_that_is_slow_to_come_back(tmp_path: Path) -> None:
    class Slow(ModelPlace):
        def carry_out(self, step: object) -> object:
            if isinstance(step, Inspect) and self.now > 2 * S:
                self.flaws.discard("start")
                self.states[step.node] = "running"
            return super().carry_out(step)  # type: ignore[arg-type]

    _, recorded = carry_out(Slow(NODES, {"start"}), tmp_path, process("kill", "n2"))
    assert recorded[-1].value["healed"] is True


def test_names_of_faults_as_typed() -> None:
    assert parse_faults("partition,kill") == ("partition", "kill")
    assert parse_faults(" pause , partition,pause") == ("partition", "pause")
    assert parse_faults("all") == ("partition", "kill", "pause")
    assert parse_faults("none") == ()


@pytest.mark.parametrize("text", ["", "flood", "kill,flood", "none,kill", "kill;pause"])
def test_unknown_names_are_answered_with_the_known(text: str) -> None:
    with pytest.raises(ValueError, match="give a list of partition, kill, pause, or all, or none alone"):
        parse_faults(text)
