"""The scenarios that the project's captures are made by: who does what to whom, from which second on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sentinel.exercise.namespaces import Host
from sentinel.exercise.scenario import Scenario, Step

# The prefixes of the MAC addresses are those of the makers that such machines have.
BOILER = Host("boiler-plc", "10.20.1.10", "00:80:f4:1a:20:10", "plc", "Boiler controller", "锅炉控制器")
PACKER = Host("packer-plc", "10.20.1.20", "00:1b:1b:5c:31:20", "plc", "Packaging line controller", "包装线控制器")
FEEDER = Host("feeder-rtu", "10.20.1.30", "00:30:a7:07:44:30", "rtu", "Feeder outstation", "馈线远动终端")
HMI = Host("hmi", "10.20.1.50", "00:50:56:a3:11:50", "hmi", "Operator station", "操作员站")
HISTORIAN = Host("historian", "10.20.1.55", "00:50:56:a3:11:55", "historian", "Historian", "历史数据服务器")
STATION = Host("engineer", "10.20.1.60", "00:14:22:8e:40:60", "engineering", "Engineering station", "工程师站")
INTRUDER = Host("intruder", "10.20.1.199", "00:14:22:8e:7f:c7", "attacker", "Unknown laptop", "未知笔记本电脑")

_POLL_BOILER = ("The operator station polls the boiler controller and its drive.", "操作员站轮询锅炉控制器及其变频器。")
_POLL_PACKER = ("The operator station polls the packaging line controller.", "操作员站轮询包装线控制器。")
_POLL_FEEDER = ("The operator station is the master of the feeder outstation.", "操作员站作为主站轮询馈线终端。")
_READ_HISTORY = ("The historian reads whole blocks.", "历史数据服务器成块读取。")


def _background(actor: Host, action: str, target: Host, texts: tuple[str, str], **options: Any) -> Step:
    return Step(0.2, actor.name, action, target.name, "background", *texts, (), options)


def _work(at: float, action: str, target: Host, en: str, zh: str, **options: Any) -> Step:
    return Step(at, STATION.name, action, target.name, "maintenance", en, zh, (), options)


def _attack(at: float, action: str, target: Host, techniques: str, en: str, zh: str, **options: Any) -> Step:
    ids, everywhere = tuple(techniques.split()), "hosts" in options
    return Step(at, INTRUDER.name, action, target.name, "attack", en, zh, ids, options, everywhere)


MODBUS_NORMAL = Scenario(
    "modbus-normal",
    ".pcap",
    26.0,
    "An operator station and a historian poll a Modbus controller and the "
    "drive behind it; setpoints change now and then.",
    "操作员站与历史数据服务器轮询一台 Modbus 控制器及其后的变频器，偶尔修改设定值。",
    (BOILER, HMI, HISTORIAN, STATION),
    {BOILER.name: "modbus"},
    (
        _background(HMI, "poll_modbus", BOILER, _POLL_BOILER, period=0.14, write_every=12),
        _background(HISTORIAN, "read_modbus_history", BOILER, _READ_HISTORY, period=0.8),
        _work(6.0, "modbus_identify", BOILER, "The engineer identifies the controller.", "工程师识别控制器。"),
        _work(14.0, "modbus_tune", BOILER, "The engineer tunes parameters.", "工程师调整参数。"),
    ),
)

MODBUS_ATTACK = Scenario(
    "modbus-attack",
    ".pcap",
    24.0,
    "An intruder scans, identifies, writes to and floods a Modbus controller that an operator station polls.",
    "入侵者对一台被操作员站轮询的 Modbus 控制器进行扫描、识别、写入和泛洪。",
    (BOILER, HMI, INTRUDER),
    {BOILER.name: "modbus"},
    (
        _background(HMI, "poll_modbus", BOILER, _POLL_BOILER, period=0.8, write_every=20),
        _attack(
            2.0,
            "port_scan",
            BOILER,
            "T0846",
            "TCP ports are tried.",
            "探测 TCP 端口。",
            ports=(21, 22, 23, 80, 102, 443, 502, 1911, 2404, 4840, 20000, 44818),
        ),
        _attack(
            4.0, "modbus_identify", BOILER, "T0888", "All identification objects are read.", "读取全部设备标识对象。"
        ),
        _attack(
            5.5,
            "modbus_unit_scan",
            BOILER,
            "T0846 T0888",
            "Unit identifiers 1 to 24 are tried.",
            "探测单元标识 1 至 24。",
        ),
        _attack(
            7.5, "modbus_function_scan", BOILER, "T0888", "Function codes 1 to 90 are tried.", "探测功能码 1 至 90。"
        ),
        _attack(
            10.5,
            "modbus_register_scan",
            BOILER,
            "T0861 T0888",
            "Register addresses are tried up to 3000.",
            "探测寄存器地址至 3000。",
        ),
        _attack(
            13.0,
            "modbus_write_outputs",
            BOILER,
            "T0855 T0836",
            "Outputs are switched off and setpoints driven to their ends.",
            "关闭输出并将设定值推至极限。",
        ),
        _attack(
            15.0,
            "modbus_diagnostics",
            BOILER,
            "T0814 T0855",
            "Communication is restarted and forced to listen only.",
            "重启通信并强制只听模式。",
        ),
        _attack(
            17.0,
            "modbus_malformed",
            BOILER,
            "T0814",
            "Frames that the specification forbids are sent.",
            "发送违反规范的报文。",
        ),
        _attack(
            19.5,
            "modbus_flood",
            BOILER,
            "T0806 T0814",
            "One register is written 250 times without pause.",
            "不间断写同一寄存器 250 次。",
        ),
    ),
)

S7_NORMAL = Scenario(
    "s7-normal",
    ".pcap",
    22.0,
    "An operator station polls an S7 controller; the engineering station goes online, backs up and downloads a block.",
    "操作员站轮询 S7 控制器；工程师站上线、备份并下载一个块。",
    (PACKER, HMI, STATION),
    {PACKER.name: "s7"},
    (
        _background(HMI, "poll_s7", PACKER, _POLL_PACKER, period=0.25, write_every=25),
        _work(3.0, "s7_go_online", PACKER, "The engineer goes online.", "工程师上线。"),
        _work(6.0, "s7_upload", PACKER, "The engineer uploads blocks for a backup.", "工程师上载程序块做备份。"),
        _work(10.0, "s7_set_clock", PACKER, "The engineer sets the clock.", "工程师校时。"),
        _work(
            13.0,
            "s7_download",
            PACKER,
            "The engineer stops the controller, downloads a block and starts it.",
            "工程师停机、下载块并启动。",
        ),
    ),
)

S7_ATTACK = Scenario(
    "s7-attack",
    ".pcap",
    26.0,
    "An intruder identifies an S7 controller, takes its blocks, guesses "
    "passwords, writes, downloads, deletes and stops it.",
    "入侵者识别 S7 控制器，窃取程序块、猜测密码、写入、下载、删除块并停机。",
    (PACKER, HMI, INTRUDER),
    {PACKER.name: "s7"},
    (
        _background(HMI, "poll_s7", PACKER, _POLL_PACKER, period=0.5, write_every=20),
        _attack(2.0, "s7_slot_scan", PACKER, "T0846", "Slots 0 to 3 are tried.", "探测槽位 0 至 3。"),
        _attack(
            4.0,
            "s7_identify",
            PACKER,
            "T0888",
            "Identification lists are read, and lists no tool asks for.",
            "读取标识列表及少见的列表。",
        ),
        _attack(6.0, "s7_steal", PACKER, "T0845", "Every data block is uploaded.", "上载全部数据块。"),
        _attack(8.5, "s7_guess_password", PACKER, "T0859", "Five passwords are tried.", "尝试五个密码。"),
        _attack(
            10.5,
            "s7_write",
            PACKER,
            "T0836 T0855",
            "Recipe, outputs and flags are overwritten.",
            "覆盖配方、输出和标志位。",
        ),
        _attack(12.5, "s7_download", PACKER, "T0843 T0889", "A block is replaced.", "替换程序块。"),
        _attack(14.5, "s7_set_clock", PACKER, "T0836", "The clock is set years back.", "时钟被调回多年。"),
        _attack(16.0, "s7_delete", PACKER, "T0809", "A block is deleted.", "删除程序块。"),
        _attack(18.0, "s7_stop", PACKER, "T0858 T0881", "The controller is stopped.", "控制器被停机。"),
        _attack(20.0, "s7_flood", PACKER, "T0814", "25 connections follow one another.", "连续建立 25 个连接。"),
        _attack(23.5, "s7_restart", PACKER, "T0816 T0858", "The controller is started cold.", "控制器被冷启动。"),
    ),
)

DNP3_NORMAL = Scenario(
    "dnp3-normal",
    ".pcap",
    26.0,
    "A master polls a DNP3 outstation, takes its unsolicited events and "
    "sets its clock; an engineer switches a breaker.",
    "主站轮询 DNP3 终端、接收主动上报并校时；工程师执行一次分合闸操作。",
    (FEEDER, HMI, STATION),
    {FEEDER.name: "dnp3"},
    (
        _background(HMI, "poll_dnp3", FEEDER, _POLL_FEEDER, period=0.5),
        _work(9.0, "dnp3_switch", FEEDER, "The engineer selects and operates a breaker.", "工程师选择并操作断路器。"),
    ),
)

DNP3_ATTACK = Scenario(
    "dnp3-attack",
    ".pcap",
    28.0,
    "An intruder scans DNP3 link addresses, silences the outstation, trips breakers, "
    "sets its clock, restarts and floods it.",
    "入侵者扫描 DNP3 链路地址，使终端静默、跳闸、改时钟、重启并泛洪。",
    (FEEDER, HMI, INTRUDER),
    {FEEDER.name: "dnp3"},
    (
        _background(HMI, "poll_dnp3", FEEDER, _POLL_FEEDER, period=1.0),
        _attack(3.0, "dnp3_link_scan", FEEDER, "T0846", "Link addresses 0 to 24 are tried.", "探测链路地址 0 至 24。"),
        _attack(6.5, "dnp3_identify", FEEDER, "T0888", "All device attributes are read.", "读取全部设备属性。"),
        _attack(
            8.0, "dnp3_read_all", FEEDER, "T0861", "All classes and many groups are read.", "读取所有类别和多个对象组。"
        ),
        _attack(
            10.5,
            "dnp3_disable_unsolicited",
            FEEDER,
            "T0878 T0815",
            "Unsolicited responses are disabled.",
            "禁用主动上报。",
        ),
        _attack(
            12.5,
            "dnp3_trip",
            FEEDER,
            "T0855 T0848 T0831",
            "Three breakers are tripped without select.",
            "不经选择直接跳开三个断路器。",
        ),
        _attack(14.5, "dnp3_setpoint", FEEDER, "T0836", "An impossible setpoint is written.", "写入不可能的设定值。"),
        _attack(16.0, "dnp3_set_clock", FEEDER, "T0836", "The clock is set years back.", "时钟被调回多年。"),
        _attack(
            18.0,
            "dnp3_broadcast",
            FEEDER,
            "T0855 T0848",
            "Operate and clock write are broadcast.",
            "广播操作和写时钟。",
        ),
        _attack(
            20.0,
            "dnp3_malformed",
            FEEDER,
            "T0814",
            "Frames that the standard forbids are sent.",
            "发送违反标准的报文。",
        ),
        _attack(22.5, "dnp3_restart", FEEDER, "T0816", "Cold and warm restart are ordered.", "命令冷启动与热启动。"),
        _attack(
            25.0, "dnp3_flood", FEEDER, "T0814", "Eighty integrity polls follow without pause.", "连续发出八十次总召。"
        ),
    ),
)

PLANT_ATTACK = Scenario(
    "plant-attack",
    ".pcapng",
    29.0,
    "A plant with three controllers at work: an engineer does planned work, then "
    "an unknown laptop scans, identifies, reads, and sabotages all three.",
    "一座有三台控制器的工厂：工程师先做计划内工作，随后未知笔记本电脑扫描、识别、读取并破坏三台控制器。",
    (BOILER, PACKER, FEEDER, HMI, HISTORIAN, STATION, INTRUDER),
    {BOILER.name: "modbus", PACKER.name: "s7", FEEDER.name: "dnp3"},
    (
        _background(HMI, "poll_modbus", BOILER, _POLL_BOILER, period=1.0, write_every=9),
        _background(HMI, "poll_s7", PACKER, _POLL_PACKER, period=1.0, write_every=12),
        _background(HMI, "poll_dnp3", FEEDER, _POLL_FEEDER, period=1.5),
        _background(HISTORIAN, "read_modbus_history", BOILER, _READ_HISTORY, period=4.0),
        _work(2.5, "s7_go_online", PACKER, "The engineer goes online.", "工程师上线。"),
        _work(4.0, "s7_upload", PACKER, "The engineer uploads blocks for a backup.", "工程师上载程序块做备份。"),
        _work(
            5.5,
            "s7_download",
            PACKER,
            "The engineer stops, downloads and starts the packaging line.",
            "工程师对包装线停机、下载并启动。",
        ),
        _work(7.5, "modbus_tune", BOILER, "The engineer tunes the boiler.", "工程师调整锅炉参数。"),
        _work(
            9.0,
            "dnp3_switch",
            FEEDER,
            "The engineer switches a breaker by select and operate.",
            "工程师以选择再操作的方式操作断路器。",
        ),
        _attack(
            12.0,
            "port_scan",
            BOILER,
            "T0846",
            "The laptop tries ports on all three controllers.",
            "笔记本电脑探测三台控制器的端口。",
            hosts=("boiler-plc", "packer-plc", "feeder-rtu"),
            ports=(22, 80, 102, 502, 4840, 20000, 44818),
        ),
        _attack(13.5, "modbus_identify", BOILER, "T0888", "It identifies the boiler controller.", "识别锅炉控制器。"),
        _attack(
            14.2,
            "modbus_unit_scan",
            BOILER,
            "T0846 T0888",
            "It looks for units behind it.",
            "寻找其后的单元。",
            last=16,
        ),
        _attack(
            15.2, "s7_identify", PACKER, "T0888", "It identifies the packaging line controller.", "识别包装线控制器。"
        ),
        _attack(16.2, "dnp3_identify", FEEDER, "T0888", "It reads the outstation's attributes.", "读取终端属性。"),
        _attack(17.0, "s7_steal", PACKER, "T0845", "It takes every block.", "窃取全部程序块。"),
        _attack(18.2, "dnp3_read_all", FEEDER, "T0861", "It reads every point of the outstation.", "读取终端全部点。"),
        _attack(20.0, "s7_guess_password", PACKER, "T0859", "It guesses the password.", "猜测密码。"),
        _attack(
            21.0,
            "modbus_write_outputs",
            BOILER,
            "T0855 T0836",
            "It switches the boiler's outputs off.",
            "关闭锅炉输出。",
        ),
        _attack(22.2, "dnp3_disable_unsolicited", FEEDER, "T0878 T0815", "It silences the outstation.", "使终端静默。"),
        _attack(23.0, "dnp3_trip", FEEDER, "T0855 T0848 T0831", "It trips three breakers.", "跳开三个断路器。"),
        _attack(24.0, "dnp3_restart", FEEDER, "T0816", "It orders restarts.", "命令重启。"),
        _attack(25.5, "s7_download", PACKER, "T0843 T0889", "It replaces a block.", "替换程序块。"),
        _attack(26.3, "s7_stop", PACKER, "T0858 T0881", "It stops the packaging line.", "使包装线停机。"),
        _attack(
            27.2,
            "modbus_flood",
            BOILER,
            "T0806 T0814",
            "It floods the boiler controller with writes.",
            "以写请求泛洪锅炉控制器。",
            requests=150,
        ),
    ),
)


def _long(short: Scenario, polls: dict[str, float]) -> Scenario:
    """The same work within five minutes of polling, so that polling is nearly all of it; `polls`: action -> period."""
    steps = tuple(
        replace(step, options={**step.options, "period": polls[step.action]}) if step.action in polls else step
        for step in short.steps
    )
    name = short.name.replace("normal", "long")
    return replace(short, name=name, suffix=".pcap.gz", seconds=300.0, steps=steps)


SCENARIOS = {
    scenario.name: scenario
    for scenario in (MODBUS_NORMAL, MODBUS_ATTACK, S7_NORMAL, S7_ATTACK, DNP3_NORMAL, DNP3_ATTACK, PLANT_ATTACK)
}
LONG_SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        _long(MODBUS_NORMAL, {}),
        _long(S7_NORMAL, {"poll_s7": 0.1}),
        _long(DNP3_NORMAL, {"poll_dnp3": 0.1}),
    )
}
"""What benchmarks are made of: captures in `pcaps/long`, compressed, and too many frames for every test to read."""
