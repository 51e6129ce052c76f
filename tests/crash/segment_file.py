"""Finds the frames of a segment file: where its last whole one ends, so that a test can tear another behind it."""
import struct


def frames(data):
    """(start, end) of each whole LZ4 frame, skippable ones too, from the front; ends at the first bytes that are none."""
    at, found = 0, []
    while True:
        end = frame_end(data, at)
        if end is None:
            return found
        found.append((at, end))
        at = end


def frame_end(data, at):
    """None: there is no whole frame at `at`."""
    if at + 8 > len(data):
        return None
    magic, size = struct.unpack_from("<II", data, at)
    if magic & 0xFFFFFFF0 == 0x184D2A50:
        return at + 8 + size if at + 8 + size <= len(data) else None
    if magic != 0x184D2204:
        return None
    flags = data[at + 4]
    at += 7 + (8 if flags & 8 else 0)
    while at + 4 <= len(data):
        size = struct.unpack_from("<I", data, at)[0] & 0x7FFFFFFF
        at += 4
        if size == 0:
            at += 4 if flags & 4 else 0
            return at if at <= len(data) else None
        at += size + (4 if flags & 16 else 0)
    return None
