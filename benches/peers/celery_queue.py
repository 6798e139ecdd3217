"""Celery on Redis: how many tasks that do nothing go from enqueue to a recorded result in a second.

    celery_queue.py JOBS FSYNC        FSYNC: always (durable, like synchronous=FULL) or everysec (Redis' default)

Acknowledged late, results kept, two worker processes: what a careful installation on two cores looks like.
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

import redis
from celery import Celery

PORT = int(os.environ.get("PEER_REDIS_PORT", "0"))
app = Celery("peer", broker=f"redis://127.0.0.1:{PORT}/0", backend=f"redis://127.0.0.1:{PORT}/1")
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=64,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    task_send_sent_event=False,
)


@app.task(name="peer.nothing")
def nothing():
    return None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(what, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if what():
                return
        except redis.exceptions.RedisError:
            pass
        time.sleep(0.01)
    raise SystemExit("the peer did not finish in time")


def main(jobs, fsync):
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "yes",
             "--appendfsync", fsync], stdout=subprocess.DEVNULL)
        worker = None
        try:
            store = redis.Redis(port=port, db=1)
            until(store.ping)
            environment = dict(os.environ, PEER_REDIS_PORT=str(port), PYTHONPATH=os.path.dirname(os.path.abspath(__file__)))
            worker = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "celery_queue", "worker", "-c", "2", "-l", "ERROR", "--without-gossip",
                 "--without-mingle", "--without-heartbeat"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            producer = Celery("producer", broker=f"redis://127.0.0.1:{port}/0", backend=f"redis://127.0.0.1:{port}/1")
            producer.send_task("peer.nothing").get(timeout=60)
            started = time.monotonic()
            with producer.connection_for_write() as connection, producer.amqp.Producer(connection) as sender:
                for _ in range(jobs):
                    producer.send_task("peer.nothing", producer=sender)
            until(lambda: store.dbsize() >= jobs + 1, 600)
            wall = time.monotonic() - started
            waits = []
            for _ in range(200):
                asked = time.monotonic()
                producer.send_task("peer.nothing").get(timeout=60, interval=0.001)
                waits.append((time.monotonic() - asked) * 1000)
                time.sleep(0.005)
            waits.sort()
            print(json.dumps({"jobs": jobs, "jobs_per_second": jobs / wall, "round_trip_p95_ms": waits[int(len(waits) * 0.95)]}))
        finally:
            for process in (worker, server):
                if process:
                    process.terminate()
                    process.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
