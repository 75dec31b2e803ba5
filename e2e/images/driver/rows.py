"""Writes random rows to a Cassandra ring and reads them back, each at a consistency level.

The rows follow from the seed alone, so that another process can verify them later (--verify-only).
"""

import argparse
import random
import sys

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.policies import DCAwareRoundRobinPolicy, RetryPolicy

TABLE = "twofold_rows.rows"


def row(seed, key):
    """The value that belongs to a key."""
    return random.Random(f"{seed}/{key}").randbytes(32).hex()


def connect(options):
    profile = ExecutionProfile(
        load_balancing_policy=DCAwareRoundRobinPolicy(options.datacenter), retry_policy=RetryPolicy(),
        consistency_level=getattr(ConsistencyLevel, options.consistency), request_timeout=options.timeout)
    cluster = Cluster(options.hosts.split(","), execution_profiles={EXEC_PROFILE_DEFAULT: profile},
                      connect_timeout=options.timeout, max_schema_agreement_wait=60)
    return cluster.connect()


def write(session, options):
    keyspace = TABLE.split(".")[0]
    session.execute(f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = "
                    f"{{'class': 'NetworkTopologyStrategy', '{options.datacenter}': {options.replicas}}}")
    session.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} (key int PRIMARY KEY, value text)")
    statement = session.prepare(f"INSERT INTO {TABLE} (key, value) VALUES (?, ?)")
    rows = [(key, row(options.seed, key)) for key in range(options.rows)]
    execute_concurrent_with_args(session, statement, rows, concurrency=32)
    print(f"wrote {options.rows} rows at {options.consistency}", flush=True)


def verify(session, options):
    """Returns whether every row is there with its value."""
    statement = session.prepare(f"SELECT value FROM {TABLE} WHERE key = ?")
    keys = [(key,) for key in range(options.rows)]
    found = [result.one() for _, result in execute_concurrent_with_args(session, statement, keys, concurrency=32)]
    missing = sum(one is None for one in found)
    wrong = sum(one is not None and one.value != row(options.seed, key) for key, one in enumerate(found))
    print(f"read {options.rows} rows at {options.consistency}: {missing} missing, {wrong} wrong", flush=True)
    return missing == 0 and wrong == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", required=True, help="names or addresses, separated by commas")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--datacenter", default="dc1")
    parser.add_argument("--replicas", type=int, default=3, help="replication factor of a new keyspace")
    parser.add_argument("--consistency", default="QUORUM", choices=["ONE", "QUORUM", "LOCAL_QUORUM", "ALL"])
    parser.add_argument("--timeout", type=float, default=20.0, help="seconds for one request")
    parser.add_argument("--verify-only", action="store_true", help="write nothing, only read")
    options = parser.parse_args()
    session = connect(options)
    if not options.verify_only:
        write(session, options)
    sys.exit(0 if verify(session, options) else 1)


if __name__ == "__main__":
    main()
