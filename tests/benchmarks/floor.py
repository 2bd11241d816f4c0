"""What the irreducible parts of one document cost on this machine, one thread, in the same run.

Owns: the medians of one parse, canonicalisation and digest, RSA verification, file fsync, commit, confirm.
Never: uses the hub's code; these are the parts that no exchange hub can leave out.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pika
import psycopg
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

REPEATS = 60


def median_seconds(work: Callable[[], Any], *, repeats: int = REPEATS) -> float:
    """The median time of one call after a warm-up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def of_document(body: bytes, key: rsa.RSAPrivateKey, folder: Path) -> dict[str, float]:
    """Seconds of the parts that both stacks share, for this envelope."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    root = etree.fromstring(body, parser)
    attachment = os.urandom(100 * 1024)
    signed = os.urandom(512)
    signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    public = key.public_key()
    place = folder / "fsync.probe"

    def canonical() -> None:
        hashlib.sha256(etree.tostring(root[0], method="c14n", exclusive=True)).digest()
        hashlib.sha256(attachment).digest()

    def kept() -> None:
        with place.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())

    return {
        "parse": median_seconds(lambda: etree.fromstring(body, parser)),
        "canonicalise_and_digest": median_seconds(canonical),
        "rsa_verify": median_seconds(lambda: public.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())),
        "file_fsync": median_seconds(kept),
    }


def sqlite_commit(folder: Path) -> float:
    """Seconds of one small durable commit (WAL, synchronous FULL)."""
    connection = sqlite3.connect(folder / "commit.probe", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL").close()
    connection.execute("PRAGMA synchronous=FULL").close()
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, body TEXT)")

    def commit() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t (body) VALUES (?)", ("x" * 500,))
        connection.execute("COMMIT")

    seconds = median_seconds(commit)
    connection.close()
    return seconds


def postgres_commit(url: str) -> float:
    """Seconds of one small durable commit on this server."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE probe (n bigserial PRIMARY KEY, body text)")
        connection.commit()

        def commit() -> None:
            connection.execute("INSERT INTO probe (body) VALUES (%s)", ("x" * 500,))
            connection.commit()

        seconds = median_seconds(commit)
        connection.execute("DROP TABLE probe")
        connection.commit()
    return seconds


def confirmed_publish(url: str) -> float:
    """Seconds of one persistent publish to a quorum queue with its confirm, one at a time."""
    connection = pika.BlockingConnection(pika.URLParameters(url.split("?")[0]))
    channel = connection.channel()
    channel.queue_declare("bench.floor", durable=True, arguments={"x-queue-type": "quorum"})
    channel.confirm_delivery()
    lasting = pika.BasicProperties(delivery_mode=2)
    seconds = median_seconds(lambda: channel.basic_publish("", "bench.floor", b"x" * 200, lasting, mandatory=True))
    channel.queue_delete("bench.floor")
    connection.close()
    return seconds
