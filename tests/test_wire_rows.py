"""Growing columns: what is written is there, what is not is absent, and every dictionary and list has its cap."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.model import Fault, Kind
from sentinel.wire import layout as L
from sentinel.wire import rows as module
from sentinel.wire.layout import M_EXT, M_WIDTH
from sentinel.wire.own import Own
from sentinel.wire.reader import Malformed, Reader, Short
from sentinel.wire.rows import Block, Carrier, Rows, clean

MAX_ITEMS, MAX_POINTS, MAX_TEXT = 4096, 1 << 16, 1024


def begun(extra: Own | None = None) -> Rows:
    """Rows with a message begun in frame 7."""
    out = Rows()
    if extra is not None:
        out.extras[0] = extra
    out.use(0, extra)
    out.at(7, 5, 1000, 3, 2, 1, 40)
    out.message(Kind.REQUEST, 3, 9)
    return out


def present(row: np.ndarray) -> set[int]:
    return {cell for cell in range(1, 63) if int(row[0]) >> cell & 1}


def test_cells_do_not_collide() -> None:
    for prefix in ("M", "I", "P", "F", "L", "D"):
        cells = [v for k, v in vars(L).items() if k.startswith(prefix + "_") and k != prefix + "_WIDTH"]
        width = getattr(L, prefix + "_WIDTH")
        assert sorted(cells) == list(range(1, width)) and width <= 63, prefix


def test_a_block_grows_and_keeps_its_rows() -> None:
    block = Block(3, 2)
    for n in range(9):
        assert block.add() == n
        block.put(n, 1, n * 10)
        if n % 2:
            block.put(n, 2, -n)
    taken = block.take()
    assert taken[:, 1].tolist() == [n * 10 for n in range(9)]
    assert [present(row) for row in taken] == [{1, 2} if n % 2 else {1} for n in range(9)]
    assert (block.n, len(taken), block.add()) == (0, 9, 0)
    assert block.take().tolist() == [[0, 0, 0]], "a row that is used again is empty"


def test_rows_that_were_taken_stay_as_they_are() -> None:
    block = Block(2, 16)
    for n in range(5):
        block.put(block.add(), 1, n)
    taken = block.take()
    block.put(block.add(), 1, -1)
    assert taken[:, 1].tolist() == list(range(5))
    assert taken.strides[0] == taken.itemsize, "the cells of a column lie together"


def test_a_message_has_its_place_and_nothing_else() -> None:
    row = begun().messages.cells[0]
    place = {
        L.M_FRAME: 7, L.M_FIRST_FRAME: 5, L.M_TIME: 1000, L.M_FLOW: 3, L.M_IDENT: 2, L.M_DIRECTION: 1, L.M_OFFSET: 40,
        L.M_KIND: Kind.REQUEST, L.M_FUNCTION: 3, L.M_OPERATION: 9,
    }  # fmt: skip
    assert {cell: int(row[cell]) for cell in place} == place
    assert present(row) == {L.M_FUNCTION}


WRITES = {
    "unit": L.M_UNIT, "status": L.M_STATUS, "transaction": L.M_TRANSACTION, "shape": L.M_SHAPE, "block": L.M_BLOCK,
    "bit": L.M_BIT,
}  # fmt: skip


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("value", [0, 1, -1, 1 << 40])
def test_zero_is_a_value(name, value) -> None:
    out = begun()
    getattr(out, name)(value)
    row = out.messages.cells[: out.messages.n][0]
    assert int(row[WRITES[name]]) == value and WRITES[name] in present(row)


def test_target_and_item_leave_out_what_is_absent() -> None:
    out = begun()
    out.target(1, 0, -1)
    assert present(out.messages.cells[: out.messages.n][0]) == {L.M_FUNCTION, L.M_OBJECT, L.M_ADDRESS}
    assert out.item(2, -1, 0, 5) and out.item(-1, 0, -1, -1)
    one, two = out.items.cells[: out.items.n]
    assert present(one) == {L.I_OBJECT, L.I_ADDRESS, L.I_QUANTITY} and present(two) == {L.I_BLOCK}
    assert (int(one[L.I_INDEX]), int(two[L.I_INDEX])) == (0, 1)


def test_no_function_is_absent() -> None:
    out = begun()
    out.message(Kind.OTHER, -1, 0)
    assert present(out.messages.cells[: out.messages.n][1]) == set()
    assert out.messages.cells[: out.messages.n][:, L.M_INDEX].tolist() == [0, 1]


def test_values_are_kept_and_stepped_over() -> None:
    out = begun()
    r = Reader(b"abcdefgh")
    out.values(r, 3, 5, 2)
    out.item(0, -1, 1, 1)
    out.item_values(r, 4, 7, 1)
    assert r.pos == 7 and bytes(out.heap_bytes[: out.heap_n]) == b"abcdefg"
    row, item = out.messages.cells[: out.messages.n][0], out.items.cells[: out.items.n][0]
    assert [int(row[c]) for c in (L.M_DATA, L.M_DATA_LENGTH, L.M_DTYPE, L.M_STEP)] == [0, 3, 5, 2]
    assert [int(item[c]) for c in (L.I_DATA, L.I_DATA_LENGTH, L.I_DTYPE, L.I_STEP)] == [3, 4, 7, 1]
    with pytest.raises(Short):
        out.values(r, 2, 1, 1)
    with pytest.raises(Short):
        out.values(r, -1, 1, 1)
    r.narrow(1)
    with pytest.raises(Malformed):
        out.values(r, 2, 1, 1)
    assert out.heap_n == 7


def test_the_heap_grows() -> None:
    out = begun()
    data = bytes(range(256)) * 1000
    for _ in range(4):
        r = Reader(data)
        out.values(r, len(data), 1, 1)
    assert bytes(out.heap_bytes[: out.heap_n]) == data * 4


@pytest.mark.parametrize(("write", "block", "cap"), [
    (lambda out: out.item(0, -1, 1, 1), "items", MAX_ITEMS),
    (lambda out: out.variable(0, -1, 1, 1, 1, 1, 1), "items", MAX_ITEMS),
    (lambda out: out.measured(0, 1, 2.0, 1, 1), "points", MAX_POINTS),
    (lambda out: out.point(0, 1, 2.0), "points", MAX_POINTS),
    (lambda out: out.point_text(0, 1, "x"), "points", MAX_POINTS),
])  # fmt: skip
def test_items_and_points_of_a_message_are_capped(write, block, cap) -> None:
    out = begun()
    assert all(write(out) for _ in range(cap))
    assert not write(out)
    # what would describe the row that was refused touches no other
    for after in (out.item_bit, out.item_status, out.point_quality, out.point_bit, out.point_time, out.point_access):
        after(99)
    out.item_name("x")
    r = Reader(b"12")
    if block == "items":
        out.item_values(r, 2, 1, 1)
        assert r.pos == 2
    rows = getattr(out, block).take()
    assert len(rows) == cap and (rows[-1] == rows[-2]).sum() >= rows.shape[1] - 1
    out.message(Kind.OTHER, -1, 0)
    assert write(out), "the next message has room again"


def test_points() -> None:
    out = begun()
    out.point(4, 0, -1.5)
    out.point_quality(0)
    out.point_bit(3)
    out.point_time(12)
    out.point_access(2)
    out.point_text(4, 1, b"on")
    one, two = out.points.cells[: out.points.n]
    assert one[L.P_VALUE : L.P_VALUE + 1].view(np.float64)[0] == -1.5
    assert present(one) == {L.P_ADDRESS, L.P_VALUE, L.P_QUALITY, L.P_BIT, L.P_STAMP, L.P_ACCESS}
    assert present(two) == {L.P_ADDRESS, L.P_TEXT} and out.texts[int(two[L.P_TEXT])] == "on"


def test_what_joins_an_answer_to_its_request_in_one_call() -> None:
    out = begun()
    out.pairing(0, 7, -1)
    row = out.messages.cells[: out.messages.n][0]
    assert (int(row[L.M_UNIT]), int(row[L.M_TRANSACTION]), int(row[L.M_SHAPE])) == (0, 7, -1)
    assert present(row) == {L.M_FUNCTION, L.M_UNIT, L.M_TRANSACTION, L.M_SHAPE}
    out.message(Kind.REQUEST, -1, 9)
    out.pairing(-1, 7, 1)
    assert present(out.messages.cells[1]) == {L.M_TRANSACTION, L.M_SHAPE}
    with pytest.raises(IndexError):
        Rows().pairing(1, 1, 1)


def test_four_neighbouring_columns() -> None:
    out = begun(Own(6))
    out.ext4(1, 0, 2, -3, 4)
    row = out.extra.cells[: out.extra.n][0]
    assert present(row) == {2, 3, 4, 5} and row[1:].tolist() == [0, 0, 2, -3, 4]
    with pytest.raises(IndexError):
        out.ext4(2, 1, 1, 1, 1)
    for write in (lambda: begun().ext(0, 1), lambda: begun().ext4(0, 1, 2, 3, 4)):
        with pytest.raises(ValueError, match="TABLE"):
            write()


def test_a_variable_is_an_item_with_its_type() -> None:
    one, two = begun(), begun()
    assert one.variable(1, 2, 3, 4, 5, 6, 7) and two.item(1, 2, 3, 5)
    two.item_bit(4)
    two.item_dtype(6, 7)
    assert one.items.cells[0].tolist() == two.items.cells[0].tolist()
    assert one.variable(1, -1, 3, -1, 5, 6, 7)
    assert present(one.items.cells[1]) == {L.I_OBJECT, L.I_ADDRESS, L.I_QUANTITY, L.I_DTYPE}


def test_a_measured_point_has_access_and_quality() -> None:
    one, two = begun(), begun()
    assert one.measured(1, 2, 0.5, 3, 4) and two.point(1, 2, 0.5)
    two.point_access(3)
    two.point_quality(4)
    assert one.points.cells[0].tolist() == two.points.cells[0].tolist()
    assert one.measured(1, 2, 0.5, 3, -1)
    assert present(one.points.cells[1]) == {L.P_ADDRESS, L.P_VALUE, L.P_ACCESS}


def test_own_columns() -> None:
    out = begun(Own(4))
    out.ext(0, 0)
    out.ext_text(1, b"text")
    out.ext_float(2, 0.5)
    row = out.extra.cells[: out.extra.n][0]
    assert present(row) == {1, 2, 3}
    assert (int(row[1]), out.texts[int(row[2])], row[3:4].view(np.float64)[0]) == (0, "text", 0.5)


def test_own_columns_belong_to_the_message_at_hand_alone() -> None:
    out = begun(Own(4))
    first = out.row
    out.at(8, 8, 1, 3, 0, 0, 0)
    with pytest.raises(IndexError):
        out.ext(0, 1)  # no message of this frame was begun
    out.message(Kind.OTHER, -1, 0)
    out.row = first
    for write in (lambda: out.ext(0, 1), lambda: out.ext4(0, 1, 2, 3, 4), lambda: out.ext_float(0, 0.5)):
        with pytest.raises(IndexError):
            write()
    assert not out.extra.cells[:, 1:].any()


def test_faults_mark_the_message_and_have_a_row() -> None:
    out = begun()
    out.fault(Fault.COUNT, "too many")
    out.trouble(Fault.LENGTH, "", 9)
    assert int(out.messages.cells[: out.messages.n][0][L.M_FAULT]) == Fault.COUNT
    one, two = out.faults.cells[: out.faults.n]
    cells = (L.F_FRAME, L.F_TIME, L.F_FLOW, L.F_CODE, L.F_COUNT, L.F_OFFSET)
    assert [int(one[c]) for c in cells] == [7, 1000, 3, Fault.COUNT, 1, 40]
    assert (int(two[L.F_OFFSET]), out.texts[int(one[L.F_DETAIL])]) == (9, "too many")
    out.at(8, 8, 1, -1, -1, 0, 0)
    out.trouble(Fault.LINK_TYPE, "", 0)
    assert present(out.faults.cells[: out.faults.n][2]) == set(), "no flow is absent, not flow 0"


def test_rollback_takes_everything_back() -> None:
    out = begun(Own(2))
    out.ext(0, 1)
    mark = (out.messages.n, out.items.n, out.points.n, out.faults.n, out.heap_n)
    for _ in range(3):
        out.message(Kind.OTHER, -1, 0)
        out.ext(0, 2)
        out.item(0, -1, 1, 1)
        out.point(0, 1, 1.0)
        out.fault(Fault.VALUE, "x")
        out.values(Reader(b"abc"), 3, 1, 1)
    out.rollback(*mark)
    assert (out.messages.n, out.items.n, out.points.n, out.faults.n, out.heap_n) == mark
    assert out.extra.n == 1
    out.message(Kind.OTHER, -1, 0)
    assert out.messages.cells[: out.messages.n][:, [L.M_INDEX, M_EXT]].tolist() == [[0, 0], [1, 1]]


def test_texts_are_one_dictionary() -> None:
    out = Rows()
    assert out.text("") == out.text(b"") == out.text("\0\0") == 0
    assert out.text("a") == out.text(b"a") == out.text(b"a\0") == out.text(" a ")
    assert out.texts == ["", "a"]


def test_a_full_dictionary_gives_empty_texts() -> None:
    out = Rows()
    out.texts.extend(["x"] * module.MAX_TEXTS)
    assert (out.text("one more"), out.texts_dropped) == (0, 1)


def test_facts_are_kept_once() -> None:
    out = begun()
    for _ in range(3):
        out.fact("model", "X1")
        out.fact("model", "X1", unit=0)
        out.fact("model", "X1", about_peer=True)
        out.fact("model", "  \0")
    assert [(fact[5], fact[6], fact[8]) for fact in out.facts] == [(1, -1, "X1"), (1, 0, "X1"), (0, -1, "X1")]
    out.clear()
    assert out.facts == [] and out.messages.n == 0


@pytest.mark.parametrize("named", [False, True], ids=["function", "object"])
def test_what_is_handed_on_goes_to_the_carrier(named) -> None:
    def carry(r: Reader, n: int, name: str) -> bool:
        r.skip(n)
        return name == "any"

    class Mine(Carrier):
        def carry(self, r: Reader, n: int, name: str) -> bool:
            return carry(r, n, name)

    out = begun()
    out.carrier = Mine() if named else carry
    r = Reader(b"abcd")
    assert out.hand(r, 3, "any") and not out.hand(r, 1, "other") and r.left() == 0
    assert not Carrier().carry(r, 0, "any")


def test_without_a_carrier_what_is_handed_on_is_stepped_over() -> None:
    out = begun()
    r = Reader(b"abcd")
    assert not out.hand(r, 3, "any") and r.pos == 3


@pytest.mark.parametrize(("raw", "text"), [
    (b"plain", "plain"),
    ("已知".encode(), "已知"),
    (b"caf\xe9", "café"),
    (b"padded \0\0\0", "padded"),
    (b"a\x1b[31m\x07b", "a\\x1b[31m\\x07b"),
    ("left\u202eright", "left\\x202eright"),
    (bytearray(b"mutable"), "mutable"),
    (42, "42"),
    (b"x" * 5000, "x" * MAX_TEXT),
])  # fmt: skip
def test_clean(raw, text) -> None:
    assert clean(raw) == text
    assert text.isprintable()


def test_the_widths_fit_one_validity_mask() -> None:
    assert Rows().messages.width == M_WIDTH <= 63
