#!/usr/bin/python3
"""Sends each line of standard input as a signed datagram: SLUICE_KEY=slw_… send_signed.py HOST PORT < events.ndjson"""
import hashlib
import hmac
import os
import socket
import struct
import sys
import time

secret = hashlib.sha256(os.environ["SLUICE_KEY"].encode()).digest()
key_id = hashlib.sha256(secret).digest()[:8]


def signed(payload):
    covered = payload + struct.pack("<Q", time.time_ns()) + key_id
    return covered + hmac.digest(secret, covered, "sha256")[:16] + b"SluiceH\x01"


family, kind, _, _, address = socket.getaddrinfo(sys.argv[1], sys.argv[2], type=socket.SOCK_DGRAM)[0]
with socket.socket(family, kind) as sender:
    for line in sys.stdin.buffer:
        sender.sendto(signed(line.rstrip(b"\n")), address)
