"""The structured dtype that NumPy reads the journal with."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from aiperf_cpp import _core

ROOT = Path(__file__).resolve().parents[2]


def test_the_record_dtype_has_every_field_of_the_struct_without_gaps() -> None:
    header = (ROOT / "include/aiperf/record/record.hpp").read_text(encoding="utf-8")
    struct = header[header.index("struct alignas(64) Record") : header.index("static_assert(sizeof(Record)")]
    declared = re.findall(r"^\s+std::(u?)int(\d+)_t (\w+) =", struct, re.MULTILINE)
    dtype = _core.record_dtype()
    assert dtype.itemsize == 192
    assert dtype.names == tuple(name for _, _, name in declared)
    offset = 0
    for unsigned, bits, name in declared:
        fields = dtype.fields
        assert fields is not None
        kind, at = fields[name][:2]
        assert kind == np.dtype(f"<{'u' if unsigned else 'i'}{int(bits) // 8}"), name
        assert at == offset, name
        offset += int(bits) // 8
    assert offset == dtype.itemsize


def test_the_event_dtype_is_sixteen_bytes() -> None:
    dtype = _core.event_dtype()
    assert dtype.itemsize == 16
    assert dtype.names == ("at_ns", "lag_ns", "text_bytes", "kind", "flags")
