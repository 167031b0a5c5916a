"""A Redis that outlives its machine: a master, a replica, and three Sentinels that replace the one by the other."""
import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time

import redis

from harness import unused_port, wait_for

NAME = "chatter"
PASSWORD, SENTINEL_PASSWORD = "of-redis", "of-sentinel"


def free_ports(count):
    ports = set()
    while len(ports) < count:
        ports.add(unused_port())
    return list(ports)


class Process:
    """A redis-server with a configuration of its own."""

    def __init__(self, stack, port, *lines, command="redis-server", password=PASSWORD, files=None):
        """files: certificates, for one that speaks nothing but TLS."""
        self.port = port
        listen = (f"port {port}",) if files is None else (
            "port 0", f"tls-port {port}", f"tls-cert-file {files.certificate}", f"tls-key-file {files.key}", f"tls-ca-cert-file {files.ca}",
            "tls-auth-clients no", "tls-replication yes", "tls-cluster yes")
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="cbt-"))
        path = os.path.join(directory, "redis.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join((*listen, "bind 127.0.0.1", f"dir {directory}", *lines)) + "\n")
        self.command = [command, path, *(["--sentinel"] if port and "sentinel" in lines[0] else [])]
        self.begin()
        stack.callback(self.end)
        sealed = {} if files is None else {"ssl": True, "ssl_ca_certs": files.ca}
        self.client = redis.Redis(port=port, password=password, decode_responses=True, socket_timeout=5, **sealed)
        wait_for(self.answers, f"the Redis at {port}")

    def begin(self, *flags):
        self.process = subprocess.Popen([*self.command, *flags], stdout=subprocess.DEVNULL)

    def answers(self):
        with contextlib.suppress(redis.ConnectionError, redis.exceptions.BusyLoadingError):
            return self.client.ping()
        return False

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)


class Sentinels:
    def __init__(self, stack, files=None):
        self.scheme = "sentinel" if files is None else "rediss+sentinel"
        ports = free_ports(5)
        data = ['save ""', f"requirepass {PASSWORD}", f"masterauth {PASSWORD}", "repl-diskless-sync-delay 0"]
        self.master = Process(stack, ports[0], *data, files=files)
        self.replica = Process(stack, ports[1], *data, f"replicaof 127.0.0.1 {ports[0]}", files=files)
        wait_for(lambda: self.replica.client.info("replication")["master_link_status"] == "up", "the replica")
        watch = [f"sentinel monitor {NAME} 127.0.0.1 {ports[0]} 2", f"sentinel auth-pass {NAME} {PASSWORD}", f"requirepass {SENTINEL_PASSWORD}",
                 f"sentinel down-after-milliseconds {NAME} 1000", f"sentinel failover-timeout {NAME} 2000"]
        self.sentinels = [Process(stack, port, *watch, password=SENTINEL_PASSWORD, files=files) for port in ports[2:]]
        for sentinel in self.sentinels:
            wait_for(lambda sentinel=sentinel: self.knows_all(sentinel), "the Sentinels to know each other and the replica", 30)
        self.announced = None  # when they named a new master
        self.listener = self.sentinels[0].client.pubsub(ignore_subscribe_messages=True)
        self.listener.subscribe("+switch-master")
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.is_over = False
        self.thread.start()
        stack.callback(self._end)

    def knows_all(self, sentinel):
        state = sentinel.client.execute_command("SENTINEL", "MASTER", NAME)
        state = dict(zip(state[::2], state[1::2])) if isinstance(state, list) else state
        return int(state["num-other-sentinels"]) == 2 and int(state["num-slaves"]) == 1

    def _listen(self):
        while not self.is_over:
            message = self.listener.get_message(timeout=0.02)
            if message:
                self.announced = time.monotonic()

    def _end(self):
        self.is_over = True
        self.thread.join()

    def wait_for_announcement(self):
        return wait_for(lambda: self.announced, "a new master to be announced", 30)

    def take_back(self):
        """After a failover: what was the master becomes the replica of what is it now, and Sentinels know."""
        self.master, self.replica = self.replica, self.master
        if self.replica.process.poll() is not None:
            self.replica.begin("--replicaof", f"127.0.0.1 {self.master.port}")
            wait_for(self.replica.answers, "the former master")
        else:
            self.replica.client.replicaof("127.0.0.1", self.master.port)
        wait_for(lambda: self.replica.client.info("replication")["master_link_status"] == "up", "the replica", 30)
        for sentinel in self.sentinels:
            if sentinel.process.poll() is None:
                wait_for(lambda sentinel=sentinel: self.believes(sentinel), "the Sentinels to believe in the replica", 30)

    def believes(self, sentinel):
        """That the master is the master, and the replica one that may replace it."""
        address = sentinel.client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        replicas = [dict(zip(row[::2], row[1::2])) if isinstance(row, list) else row for row in sentinel.client.execute_command("SENTINEL", "REPLICAS", NAME)]
        return int(address[1]) == self.master.port and any(
            int(row["port"]) == self.replica.port and row["flags"] in ("slave", {"slave"}) and row["master-link-status"] == "ok" for row in replicas)

    def url(self, *, sentinels=None):
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in sentinels or self.sentinels)
        return f"{self.scheme}://:{PASSWORD}@{hosts}/{NAME}"

    def environment(self, **kwargs):
        return {"CHATTERBOX_REDIS": self.url(**kwargs), "CHATTERBOX_SENTINEL_PASSWORD": SENTINEL_PASSWORD}


class FakeSentinel:
    """Names whatever it is told to."""

    def __init__(self, stack, port):
        self.port_of_master = port
        self.asked = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()
        stack.callback(self.listener.close)

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(4096):
                assert data.startswith(b"*3\r\n$8\r\nSENTINEL"), data
                self.asked += 1
                port = str(self.port_of_master).encode()
                connection.sendall(b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%s\r\n" % (len(port), port))
