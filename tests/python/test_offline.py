"""The whole of it in a network namespace with loopback only: nothing tries to reach anything else."""

from __future__ import annotations

import ipaddress
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_support import TOKENIZER

DRIVER = Path(__file__).with_name("offline_driver.py")
CALLS = "connect,sendto,sendmsg,sendmmsg"


def destinations(trace: str) -> list[str]:
    """Where traced calls went: addresses, or families that have none. A call on a connected socket names nobody."""
    found = []
    for family, rest in re.findall(r"sa_family=(AF_\w+)([^}]*)", trace):
        address = re.search(r'inet_(?:addr\(|pton\(AF_INET6, )"([^"]+)"', rest)
        found.append(address[1] if address else family)
    return found


def is_inside(destination: str) -> bool:
    """Loopback, or a socket that cannot leave the machine."""
    if destination.startswith("AF_"):
        return destination in ("AF_UNIX", "AF_NETLINK", "AF_UNSPEC")
    address = ipaddress.ip_address(destination)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


@pytest.mark.parametrize(
    ("line", "inside"),
    [
        ('1 connect(5, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0', True),
        ('1 connect(5, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.2")}, 16) = -1', False),
        (
            "1 connect(5, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), "
            'inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28) = 0',
            True,
        ),
        (
            "1 sendto(5, NULL, 0, 0, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), "
            'inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28) = 0',
            False,
        ),
        ('1 connect(5, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT', True),
        ("1 sendto(5, [{nlmsg_len=20}], 20, 0, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 20", True),
        ("1 connect(5, {sa_family=AF_PACKET, sll_protocol=htons(0x3)}, 20) = 0", False),
    ],
)
def test_the_check_tells_inside_from_outside(line: str, inside: bool) -> None:
    (destination,) = destinations(line)
    assert is_inside(destination) == inside


def new_namespace() -> list[str]:
    """How a command is started in a network namespace of its own here; skips where that is not allowed."""
    for options in (["--net"], ["--net", "--map-root-user"]):
        command = ["unshare", *options]
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            return command
    pytest.skip("network namespaces are not allowed here")


@pytest.mark.timeout(600)
def test_nothing_tries_to_leave_the_machine(program: Path, workdir: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    trace = workdir / "trace"
    strace = ["strace", "-f", "-qq", "-s", "256", "-e", f"trace={CALLS}", "-o", str(trace)]
    driver = [sys.executable, str(DRIVER), str(program), str(TOKENIZER)]
    done = subprocess.run(
        [*new_namespace(), *strace, *driver], cwd=workdir, capture_output=True, text=True, check=False, timeout=500
    )
    if "ptrace" in done.stderr and "Operation not permitted" in done.stderr:
        pytest.skip("tracing is not allowed here")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all runs done" in done.stdout
    went = destinations(trace.read_text(encoding="utf-8", errors="replace"))
    assert went.count("127.0.0.1") + went.count("::1") > 10, "the runs were not traced"
    assert sorted({place for place in went if not is_inside(place)}) == []
