"""A Redis Cluster: three masters, and a replica of each."""
import subprocess
import time

from harness import wait_for
from sentinels import PASSWORD, Process, free_ports


class RedisCluster:
    def __init__(self, stack, files=None):
        lines = ['save ""', f"requirepass {PASSWORD}", f"masterauth {PASSWORD}", "cluster-enabled yes", "cluster-node-timeout 1000",
                 "cluster-replica-validity-factor 0", "repl-diskless-sync-delay 0"]
        self.nodes = []
        for port, bus in zip(free_ports(6), free_ports(6)):
            self.nodes.append(Process(stack, port, *lines, f"cluster-port {bus}", files=files))
        sealed = [] if files is None else ["--tls", "--cacert", files.ca]
        subprocess.run(["redis-cli", "-a", PASSWORD, "--no-auth-warning", *sealed, "--cluster", "create",
                        *(f"127.0.0.1:{node.port}" for node in self.nodes), "--cluster-replicas", "1", "--cluster-yes"],
                       check=True, stdout=subprocess.DEVNULL, timeout=60)
        wait_for(lambda: all(node.client.execute_command("CLUSTER INFO")["cluster_state"] == "ok" for node in self.nodes), "the cluster to be ok", 30)
        wait_for(lambda: len(self.replicas()) == 3 and all(node.client.info("replication")["master_link_status"] == "up" for node in self.replicas()),
                 "the replicas", 30)

    def living(self):
        return [node for node in self.nodes if node.process.poll() is None]

    def replicas(self):
        return [node for node in self.living() if node.client.role()[0] == "slave"]

    def masters(self):
        return [node for node in self.living() if node.client.role()[0] == "master"]

    def slot(self, key):
        return self.nodes[-1].client.execute_command("CLUSTER", "KEYSLOT", key)

    def owner(self, key):
        """The node that serves the key, as it says itself."""
        slot = self.slot(key)
        for node in self.masters():
            if any(first <= slot <= last and port == node.port for first, last, port in self.slots(node)):
                return node
        return None

    def take_back(self, node):
        """One that was killed begins again, and finds itself a replica of whoever has taken its place."""
        node.begin()
        wait_for(node.answers, "the former master")
        wait_for(lambda: node.client.role()[0] == "slave" and node.client.info("replication")["master_link_status"] == "up", "it to be a replica", 30)

    @staticmethod
    def slots(node):
        """Rows of first, last, port of the master."""
        return [(first, last, master[1]) for first, last, master, *_ in node.client.execute_command("CLUSTER SLOTS")]

    def replica_of(self, master):
        return next(node for node in self.replicas() if node.client.role()[2] == master.port)

    def begin_to_move(self, key, target):
        """As redis.io says: CLUSTER SETSLOT."""
        slot, source = self.slot(key), self.owner(key)
        ids = {node: node.client.execute_command("CLUSTER", "MYID") for node in (source, target)}
        target.client.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
        source.client.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
        return source, slot, ids

    def finish_moving(self, target, source, slot, ids):
        deadline = time.monotonic() + 10
        while keys := source.client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
            assert time.monotonic() < deadline
            source.client.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "AUTH", PASSWORD, "KEYS", *keys)
        for node in (target, source, *(node for node in self.masters() if node not in (target, source))):
            node.client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[target])
