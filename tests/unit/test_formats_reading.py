"""Every notation by example: what is read, what is said about what is not, and what lenient readers skip."""

from pathlib import Path

import pytest

from checker.formats.convert import convert
from checker.formats.detect import Notation, notation_of
from checker.formats.edn import EdnError, read, read_one
from checker.formats.load import load, recognised
from checker.formats.load import read as plain_read
from checker.history import HistoryError
from checker.operation import Operation


def file(folder: Path, text: str) -> Path:
    path = folder / "history"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("nil", None),
        (":a/b", "a/b"),
        ('"a\\n\\u00e9"', "a\né"),
        ("[1 -2N 1.5M 1e3 1/4]", [1, -2, 1.5, 1000.0, 0.25]),
        ("#{1 2}", [1, 2]),
        ("(:a, sym true)", ["a", "sym", True]),
        ("{[1 2] :x, 3 nil}", {(1, 2): "x", 3: None}),
        ('#inst "2014-01-01"', "2014-01-01"),
        ("[1 #_ #_ 2 3 4] ; five", [1, 4]),
        ("[\\a \\newline \\u0041]", ["a", "\n", "A"]),
    ],
)
def test_edn_is_plain_python(text: str, value: object) -> None:
    assert read_one(text) == value


@pytest.mark.parametrize(
    "text", ["]", "[1", "{1}", "12x", "[}", '"open', "#_", ":", '"\\q"', "017", "[" * 300]
)
def test_what_is_not_edn_is_refused(text: str) -> None:
    with pytest.raises(EdnError):
        read(text)


@pytest.mark.parametrize(
    ("text", "notation"),
    [
        ('{"process":0}', Notation.JSON_LINES),
        ('\n [{"process":0}]', Notation.JSON_ARRAY),
        ("; c01\n{:process 0}", Notation.EDN),
        ("#jepsen.history.Op{:process 0}", Notation.EDN),
        ("[{:process 0}]", Notation.EDN_WRAPPED),
        ("({:process 0})", Notation.EDN_WRAPPED),
        ("[0 :invoke :read nil]", Notation.EDN),
        ("[[0 :invoke :read nil]]", Notation.EDN_WRAPPED),
        ("INFO  jepsen.util - 3\t:invoke\t:read\tnil", Notation.LOG),
        ("Starting\n3   :invoke :read   nil\n", Notation.LOG),
        ("", Notation.JSON_LINES),
    ],
)
def test_the_content_tells_the_notation(text: str, notation: Notation) -> None:
    assert notation_of(text.encode()) is notation


def test_a_log_may_begin_late(tmp_path: Path) -> None:
    path = file(tmp_path, "about the cluster\n" * 20_000 + "INFO  jepsen.util - 3\t:invoke\t:read\tnil\n")
    assert recognised(path) is Notation.LOG
    assert len(load(path)) == 1


def test_logs_of_all_ages(tmp_path: Path) -> None:
    text = """INFO  jepsen.util - 0\t:invoke\t:cas\t[1 2]
INFO  jepsen.core - Setting up
INFO [2015-05-04 12:00:00] jepsen worker 1 - jepsen.util 1\t:invoke\t:read\tnil
INFO  jepsen.util - 0\t:info\t:cas\t:timed-out
2024-05-04 12:00:00,123{GMT}\tINFO\t[jepsen worker 1] jepsen.util: 1\t:ok\t:read\t2
:nemesis\t:info\t:start\t"Cut off {:n1 #{:n2}}"
2   :invoke :write  7
2\t:info\t:write\t7\t[:timeout "5 s"]
"""
    history = load(file(tmp_path, text))
    assert [(o.process, o.type, o.f, o.value, o.error) for o in history] == [
        (0, "invoke", "cas", [1, 2], None),
        (1, "invoke", "read", None, None),
        (0, "info", "cas", [1, 2], "timed-out"),
        (1, "ok", "read", 2, None),
        ("nemesis", "info", "start", "Cut off {:n1 #{:n2}}", None),
        (2, "invoke", "write", 7, None),
        (2, "info", "write", 7, '["timeout" "5 s"]'),
    ]
    assert history.problems == ()


def test_unknown_fields_and_odd_errors_are_kept(tmp_path: Path) -> None:
    line = '{:process 0, :type :info, :f :w, :value 1, :error [:dup "k"], :link {:a 1}, :index 4, :time 9}'
    (operation,) = load(file(tmp_path, line))
    assert operation == Operation(
        index=4, time=9, process=0, type="info", f="w", value=1, error='["dup" "k"]',
        extra={"error": ["dup", "k"], "link": {"a": 1}},
    )  # fmt: skip
    target = tmp_path / "target"
    convert(tmp_path / "history", target, "edn", lenient=False, independent=False)
    assert ':error ["dup" "k"], :link {:a 1}' in target.read_text()
    assert list(load(target)) == [operation]


def test_transactions_without_f_and_tuples(tmp_path: Path) -> None:
    (operation,) = load(file(tmp_path, '[{"process":0,"type":"ok","value":[["r",1,null]]}]'))
    assert (operation.f, operation.value) == ("txn", [["r", 1, None]])
    history = load(file(tmp_path, "[[0 :invoke :cas [1 2]] [0 :ok :cas [1 2]]]"))
    assert [operation.value for operation in history] == [[1, 2], [1, 2]]


def test_independent_keys_are_unwrapped_on_request(tmp_path: Path) -> None:
    path = file(
        tmp_path,
        "{:process 0 :type :invoke :f :cas :value [3 [0 1]]}\n"
        "{:process :nemesis :type :info :f :kill :value [1 2]}\n"
        "{:process 0 :type :ok :f :cas :value nil}\n",
    )
    history = load(path, independent=True)
    assert [(o.key, o.value) for o in history] == [("3", [0, 1]), (None, [1, 2]), (None, None)]
    assert "1 client entries carry no [key value] pair" in history.notes[0]
    assert load(path)[0].value == [3, [0, 1]]


GOOD = "{:process 0, :type :invoke, :f :read}\n"


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("{:process 0, :type :maybe, :f :read}\n", 'type is "maybe"'),
        ("{:process 0, :type :ok}\n", "there is no f"),
        ("{:type :ok, :f :read}\n", "there is no process"),
        ("{:process 0, :type :ok, :f }\n", "last key has no value"),
        ("{:process 0, :type :ok, :f :read]\n", "] where } was expected"),
        ("7\n", "found 7"),
    ],
)
def test_a_wrong_edn_line_is_named_and_may_be_skipped(tmp_path: Path, bad: str, said: str) -> None:
    path = file(tmp_path, GOOD + bad + GOOD)
    with pytest.raises(HistoryError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: line 2: ")
    assert said in str(caught.value)
    assert "expected a map with process, type and f" in str(caught.value)
    history = load(path, lenient=True)
    assert len(history) == 2
    assert "1 entry was skipped, the first because of line 2" in history.notes[0]


def test_wrong_json_lines_may_be_skipped(tmp_path: Path) -> None:
    good = '{"process":0,"type":"invoke","f":"get"}\n'
    history = load(file(tmp_path, good + "{broken\n" + good), lenient=True)
    assert len(history) == 2
    assert "line 2" in history.notes[0]


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    path = file(tmp_path, GOOD * 10)
    seen: list[tuple[int, int]] = []
    load(path, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)


def test_unknown_targets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there are jsonl, edn, log, json"):
        convert(file(tmp_path, GOOD), tmp_path / "x", "xml", lenient=False, independent=False)


def test_the_log_is_written_and_read_back(tmp_path: Path) -> None:
    source = file(tmp_path, GOOD + '{:process 0, :type :info, :f :read, :value 3, :error "slow"}\n')
    convert(source, tmp_path / "log", "log", lenient=False, independent=False)
    assert list(load(tmp_path / "log")) == list(load(source))


def test_a_table_is_the_history(tmp_path: Path) -> None:
    table = pytest.importorskip("checker.table", exc_type=ImportError)
    history = load(file(tmp_path, GOOD + '{:process :nemesis :type :info :f :x :value {3 "a"} :link 1}\n'))
    made = table.Table.from_history(history)
    assert list(made) == list(history)
    assert made[-1] == history[1]
    assert made[:1] == [history[0]]


LONG = [
    GOOD + "; about {:process 1, :type :ok, :f :read}\n" + GOOD + ";the end",
    GOOD + '{:process 0 :type :ok :f :compare-and-set :value [:a-long-keyword -7 1e3 "x"]}\n' + GOOD,
    GOOD + "{:process :nemesis, :type :info, :f :x, :error [1 :a], :value {3 nil, -4 #{1}}}\n" + GOOD,
    '{"process":0,"type":"invoke","f":"get","value":null,"error":"it was late"}\n' * 3,
    '{"process":-1,"type":"ok","f":"get","value":1}\n' * 2,
    '{"process":-1,"type":"ok","f":"g\\u0065t","value":-0,"\\u0065rror":"x"}\n' * 2,
    '{"process":7,"type":"ok","f":"f","value":9999999999999999999999,"index":1}\n' * 2,
]


@pytest.mark.parametrize("text", LONG)
@pytest.mark.parametrize("size", [1, 7, 60, 1 << 20])
def test_the_compiled_reader_may_get_the_text_in_any_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, size: int
) -> None:
    columns = pytest.importorskip("checker.formats.columns", exc_type=ImportError)
    monkeypatch.setattr(columns, "PIECE_BYTES", size)
    path = file(tmp_path, text)
    table = columns.read_table(path, recognised(path))
    assert table is not None
    assert list(table) == plain_read(path, lenient=False, progress=None)[0]


@pytest.mark.parametrize(
    "data",
    [
        b'{"process":0,"type":"ok","f":"get","value":nuts}\n',
        b'{"process":0,"type":"ok","f":"get","value":01}\n',
        b"{:process 0 :type :ok :f :get} ; \x80\n",
        b"; \x80",
        b"{:process 0 :type :ok :f :get :value 1x}\n",
        b"{:process 0 :type :\0ok :f :get}\n",
    ],
)
def test_the_compiled_reader_declines_what_is_wrong(tmp_path: Path, data: bytes) -> None:
    columns = pytest.importorskip("checker.formats.columns", exc_type=ImportError)
    path = tmp_path / "history"
    path.write_bytes(data)
    notation = Notation.JSON_LINES if b'"' in data else Notation.EDN
    assert columns.read_table(path, notation) is None
