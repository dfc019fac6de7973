"""The S7 controller of the exercise: its lists in the layout of real ones, block images, password, stop and start."""

import struct

import pytest
from exercise_stage import needs_lab, stage

from sentinel.exercise import plc_s7
from sentinel.exercise.roles import s7_client


@pytest.mark.parametrize(
    ("szl", "index", "size"),
    [(0x0011, 0, 28), (0x001C, 0, 34), (0x0131, 1, 40), (0x0132, 4, 40), (0x0232, 4, 40), (0x0424, 0, 20), (0, 0, 2)],
)
def test_a_list_says_how_long_and_how_many_its_records_are(szl, index, size):
    data = plc_s7._list(szl, index, running=True)
    length, count = struct.unpack_from(">HH", data)
    assert (length, len(data)) == (size, 4 + length * count)


def test_a_list_that_the_controller_lacks():
    assert plc_s7._list(0x00A0, 0, running=True) is None
    assert plc_s7._list(0x0232, 9, running=True) is None


def test_a_block_header_is_36_bytes_with_its_lengths_and_date():
    header = plc_s7.block_header(20, 240, 312, now=441_763_200 + 2 * 86_400 + 1.5)
    assert len(header) == 36 and header[:2] == b"pp"
    assert struct.unpack_from(">HI", header, 6) == (20, 312)
    assert struct.unpack_from(">IH", header, 16) == (1500, 2)
    assert struct.unpack_from(">H", header, 34)[0] == 240
    footer = plc_s7.block_footer("MHUBER", "PACKING", "A NAME THAT IS TOO LONG")
    assert len(footer) == 36 and footer[:24] == b"MHUBER\x00\x00PACKING\x00A NAME T"


@needs_lab
def test_the_controller_tells_who_it_is_and_stops_and_starts():
    from snap7.error import S7Error
    from snap7.type import Block

    with stage("s7") as scene, s7_client(scene, "engineer", "packer-plc") as client:
        info = client.get_cpu_info()
        assert (info.ASName, info.ModuleTypeName) == (b"PACKLINE-3", b"CPU 315-2 PN/DP")
        assert client.get_order_code().OrderCode == plc_s7.ORDER_NUMBER.encode()

        def state():
            return client.read_szl(0x0424, 0).Data[4 + 3]

        assert state() == 0x08
        client.plc_stop()
        assert state() == 0x04
        client.plc_hot_start()
        assert state() == 0x08
        with pytest.raises(S7Error):
            client.set_session_password("wrong")
        client.set_session_password(plc_s7.PASSWORD)
        image, size = client.full_upload(Block.DB, 10)
        assert size == 128 + 36 and image[:2] == b"pp" and struct.unpack_from(">H", image, 6)[0] == 10
        block = client.get_block_info(Block.DB, 10)
        assert (block.BlkLang, block.MC7Size, block.Author, block.Header) == (5, 128, b"MHUBER", b"LINE3")
