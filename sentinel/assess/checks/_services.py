"""Services by their port, and what is known of them: control, encrypted, remote control, legacy, uplink.

A port is only a hint (IANA service names and port numbers; vendors' manuals for the tools that have none there). The
label that a flow's payload earned always goes first; checks say in their sentence which of the two they rest on.
"""

from __future__ import annotations

_BOTH = {
    53: "dns", 88: "kerberos", 102: "iso-tsap", 111: "sunrpc", 123: "ntp", 137: "netbios-ns", 161: "snmp",
    162: "snmptrap", 389: "ldap", 502: "modbus", 514: "syslog", 2049: "nfs", 2222: "enip", 2404: "iec104",
    2641: "handle", 4840: "opcua", 5007: "melsec", 5094: "hart-ip", 5355: "llmnr", 6514: "syslog-tls",
    9600: "omron-fins", 20000: "dnp3", 34964: "profinet-cm", 44818: "enip",
}  # fmt: skip
_TCP = {
    20: "ftp", 21: "ftp", 22: "ssh", 23: "telnet", 25: "smtp", 80: "http", 110: "pop3", 135: "dcerpc",
    139: "netbios-ssn", 143: "imap", 443: "https", 445: "smb", 465: "smtps", 513: "rlogin", 587: "smtp", 636: "ldaps",
    771: "serial-server", 802: "modbus-tls", 873: "rsync", 990: "ftps", 993: "imaps", 995: "pop3s", 1194: "openvpn",
    1433: "mssql", 1521: "oracle", 1556: "netbackup", 1723: "pptp", 1883: "mqtt", 1911: "fox", 1962: "pcworx",
    2101: "serial-server", 2217: "serial-server", 2221: "enip-tls", 3260: "iscsi", 3306: "mysql", 3389: "rdp",
    5222: "xmpp", 5432: "postgresql", 5671: "amqps", 5672: "amqp", 5900: "vnc", 5901: "vnc", 5938: "teamviewer",
    5985: "winrm", 5986: "winrm-tls", 6160: "veeam", 6162: "veeam", 6568: "anydesk", 7070: "anydesk", 8000: "http",
    8080: "http", 8400: "commvault", 8443: "https", 8530: "wsus", 8531: "wsus-tls", 8883: "mqtts", 9101: "bacula",
    9102: "bacula", 9103: "bacula", 9876: "acronis", 10001: "serial-server", 18245: "ge-srtp", 19998: "iec104-tls",
    19999: "dnp3-tls", 48898: "ams-ads", **dict.fromkeys(range(4001, 4017), "serial-server"),
}  # fmt: skip
_UDP = {
    67: "dhcp", 68: "dhcp", 69: "tftp", 138: "netbios-dgm", 319: "ptp", 320: "ptp", 443: "quic", 500: "ipsec",
    1194: "openvpn", 1628: "lontalk", 1701: "l2tp", 1812: "radius", 1985: "hsrp", 2123: "gtp-c", 2152: "gtp-u",
    3389: "rdp", 3671: "knxip", 4500: "ipsec", 4789: "vxlan", 5353: "mdns", 5938: "teamviewer", 8000: "qq",
    8805: "pfcp", 47808: "bacnet", 51820: "wireguard",
}  # fmt: skip

_ETHERTYPES = {
    0x0806: "arp", 0x8863: "pppoe", 0x8864: "pppoe", 0x8892: "profinet-rt", 0x88A4: "ethercat", 0x88B8: "goose",
    0x88BA: "sv", 0x88CC: "lldp", 0x88E3: "mrp", 0x88F7: "ptp", 0x88FB: "prp", 0x892F: "hsr",
}  # fmt: skip

PORTS: dict[tuple[str, int], str] = {
    **{("eth", kind): name for kind, name in _ETHERTYPES.items()},
    **{("tcp", port): name for port, name in {**_BOTH, **_TCP}.items()},
    **{("udp", port): name for port, name in {**_BOTH, **_UDP}.items()},
}

OVER_TLS = frozenset(
    "https smtps ldaps modbus-tls ftps imaps pop3s enip-tls amqps winrm-tls wsus-tls mqtts iec104-tls dnp3-tls"
    " syslog-tls".split()
)
"""Services that are TLS on a port of their own: a payload that is TLS is called by it."""
ENCRYPTED = OVER_TLS | frozenset("tls ssh ipsec wireguard openvpn quic esp dtls".split())

CONTROL = frozenset(
    "modbus umas s7comm s7comm-plus dnp3 iec104 enip cip bacnet profinet-cm profinet-rt ethercat melsec omron-fins"
    " ge-srtp ams-ads fox pcworx lontalk hart-ip knxip mms iso-tsap goose sv".split()
)
"""Protocols that read or command controllers and that, in their plain form, ask nobody who he is."""
SECURED = {"modbus": "modbus-tls", "dnp3": "dnp3-tls", "iec104": "iec104-tls", "enip": "enip-tls"}
"""Control protocol -> its variant over TLS (Modbus/TCP Security, IEEE 1815, IEC 62351-3, CIP Security)."""

REMOTE = frozenset(
    "rdp vnc ssh telnet rlogin winrm winrm-tls teamviewer anydesk openvpn ipsec wireguard l2tp pptp".split()
)
VENDOR_TOOLS = frozenset({"teamviewer", "anydesk"})
"""Remote control through somebody else's relay."""
TUNNELS = frozenset("openvpn ipsec wireguard l2tp pptp".split())
CLEAR_LOGIN = frozenset("telnet rlogin ftp pop3 imap http snmp".split())
"""Services that carry log-ins or community strings that anyone on the path can read."""
UPLINKS = frozenset("mqtt mqtts amqp amqps https tls http opcua quic".split())
CLEAR_UPLINKS = frozenset({"mqtt", "amqp", "http"})
MAIL = frozenset("smtp smtps pop3 pop3s imap imaps".split())
BACKUP = frozenset("veeam bacula netbackup commvault acronis rsync iscsi nfs".split())

_WORDS = {
    "netbios-ns": "NetBIOS-NS", "netbios-ssn": "NetBIOS-SSN", "teamviewer": "TeamViewer", "pppoe": "PPPoE",
    "profinet-rt": "PROFINET RT", "ethercat": "EtherCAT", "lontalk": "LonTalk", "xmpp": "XMPP", "l2tp": "L2TP",
    "anydesk": "AnyDesk", "wireguard": "WireGuard", "openvpn": "OpenVPN", "ipsec": "IPsec", "modbus": "Modbus",
    "s7comm": "S7comm", "opcua": "OPC UA", "omron-fins": "FINS", "telnet": "Telnet", "rlogin": "rlogin",
    "syslog": "Syslog", "oracle": "Oracle", "serial-server": "serial server", "modbus-tls": "Modbus/TLS",
    "profinet-cm": "PROFINET CM", "enip": "EtherNet/IP", "bacnet": "BACnet", "handle": "Handle", "iec104": "IEC 104",
    "mssql": "SQL Server", "mysql": "MySQL", "postgresql": "PostgreSQL", "veeam": "Veeam", "winrm": "WinRM",
    "kerberos": "Kerberos", "iso-tsap": "ISO-TSAP", "melsec": "MELSEC",
}  # fmt: skip


def word(service: str) -> str:
    """The service as people write it."""
    return _WORDS.get(service, service.upper())
