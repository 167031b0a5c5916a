"""Spin goes through every state of the models, and finds the error in each broken one."""
import os
import re
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
SAFETY, LIVENESS = ("-DSAFETY",), ("-DNFAIR=8",)
QUICK = (*SAFETY, "-O0") # an error is found long before the optimiser has paid for itself, and so is the end of a small model
# Each combination that is small enough to go through it all: many messages of one sender, and two senders.
WAKEUP = {
    "one_sender": ("-DSENDERS=1", "-DMESSAGES=4"),
    "two_senders": ("-DSENDERS=2", "-DMESSAGES=2"),
}
# What two actors do in a chat, and what they do until they are in one.
CHAT = {
    "one_writes": ("-DTEXTS_0=3", "-DTEXTS_1=0", "-DPREMATURE=0"),
    "both_write": ("-DTEXTS_0=1", "-DTEXTS_1=1", "-DPREMATURE=0"),
    "repeats_in_between": ("-DTEXTS_0=2", "-DTEXTS_1=0", "-DPREMATURE=1", "-DFAULTS=1"),
    "both_meet": ("-DMEETING", "-DTEXTS_0=1", "-DTEXTS_1=1", "-DPREMATURE=0"),
    "meeting_in_between": ("-DMEETING", "-DTEXTS_0=1", "-DTEXTS_1=0", "-DPREMATURE=1"),
}
# What befalls three nodes and their connections to Redis.
LEASE = {
    "lost_and_killed": ("-DCUTS=1", "-DRUN_OUT=0", "-DKILLS=1"),
    "run_out": ("-DCUTS=0", "-DRUN_OUT=1", "-DKILLS=0"),
}
# What befalls two nodes: one thing for any time, or two.
LIVES = {
    "one_fault": ("-DFAULTS=1", "-DCHATS=2"),
    "two_faults": ("-DFAULTS=2", "-DCHATS=1", "-DLASTS=3"),
}


def switches(model):
    """The BREAK_… that the model's head names; each must also be used below it."""
    def read(name):
        return open(os.path.join(HERE, name)).read()
    head, body = re.sub(r'#include "(.+)"', lambda include: read(include[1]), read(model)).split("*/", 1)
    names = re.findall(r"^ \*   (BREAK_\w+) ", head, re.M)
    assert names and all(name in body for name in names)
    assert set(re.findall(r"BREAK_\w+", body)) == set(names)
    return names


def verify(directory, model, *defines, compile_with=SAFETY, run_with=()):
    """Returns the number of errors that spin found, and what it said."""
    subprocess.run(["spin", *defines, "-a", os.path.join(HERE, model)], cwd=directory, check=True, stdout=subprocess.DEVNULL)
    # -w: what spin generates is not free of warnings. COLLAPSE: less memory for each state.
    subprocess.run(["gcc", "-w", "-O2", "-DCOLLAPSE", "-DMEMLIM=2048", *compile_with, "-o", "pan", "pan.c"], cwd=directory, check=True)
    said = subprocess.run(["./pan", "-m100000", *run_with], cwd=directory, check=True, capture_output=True, text=True).stdout
    errors = int(re.search(r"errors: (\d+)", said)[1])
    # Neither depth nor memory may have cut the search short.
    assert errors > 0 or "Search not completed" not in said and "max search depth too small" not in said, said
    return errors, said


@pytest.mark.parametrize("size", WAKEUP)
def test_nobody_sleeps_on_a_message_or_on_room(tmp_path, size):
    errors, said = verify(tmp_path, "wakeup.pml", *WAKEUP[size])
    assert errors == 0, said


@pytest.mark.parametrize("size", [("-DSENDERS=1", "-DMESSAGES=3"), ("-DSENDERS=2", "-DMESSAGES=1")])
def test_every_message_arrives(tmp_path, size):
    errors, said = verify(tmp_path, "wakeup.pml", "-DLIVENESS", *size, compile_with=LIVENESS, run_with=("-a", "-f"))
    assert errors == 0, said


@pytest.mark.parametrize("switch", switches("wakeup.pml"))
def test_a_broken_wakeup_is_found(tmp_path, switch):
    errors, said = verify(tmp_path, "wakeup.pml", "-DSENDERS=1", "-DMESSAGES=3", f"-D{switch}", compile_with=QUICK)
    assert errors == 1 and "assertion violated" in said, said


def test_no_message_reaches_a_new_owner(tmp_path):
    errors, said = verify(tmp_path, "addresses.pml")
    assert errors == 0, said


@pytest.mark.parametrize("switch", switches("addresses.pml"))
def test_broken_addresses_are_found(tmp_path, switch):
    errors, said = verify(tmp_path, "addresses.pml", f"-D{switch}", compile_with=QUICK)
    assert errors == 1 and "assertion violated" in said, said


@pytest.mark.parametrize("size", CHAT)
def test_a_chat_across_nodes_loses_and_doubles_nothing(tmp_path, size):
    errors, said = verify(tmp_path, "remote_chat.pml", *CHAT[size], compile_with=QUICK)
    assert errors == 0, said


@pytest.mark.parametrize("switch", switches("remote_chat.pml"))
def test_a_broken_chat_is_found(tmp_path, switch):
    size = ("-DMEETING", "-DTEXTS_0=1", "-DTEXTS_1=0") if "MEETING" in switch else CHAT["one_writes"]
    errors, said = verify(tmp_path, "remote_chat.pml", *size, "-DPREMATURE=0", f"-D{switch}", compile_with=QUICK)
    assert errors == 1 and "assertion violated" in said, said


@pytest.mark.parametrize("size", LEASE)
def test_who_has_a_lease_keeps_its_users_and_of_others_nothing_stays(tmp_path, size):
    errors, said = verify(tmp_path, "lease.pml", *LEASE[size], compile_with=QUICK)
    assert errors == 0, said


@pytest.mark.parametrize("switch", switches("lease.pml"))
def test_a_broken_lease_is_found(tmp_path, switch):
    errors, said = verify(tmp_path, "lease.pml", *LEASE["lost_and_killed"], f"-D{switch}", compile_with=QUICK)
    assert errors == 1 and "assertion violated" in said, said


@pytest.mark.parametrize("size", LIVES)
def test_nodes_agree_on_who_lives(tmp_path, size):
    errors, said = verify(tmp_path, "lives.pml", *LIVES[size], compile_with=QUICK)
    assert errors == 0, said


@pytest.mark.parametrize("switch", switches("lives.pml"))
def test_broken_lives_are_found(tmp_path, switch):
    errors, said = verify(tmp_path, "lives.pml", *LIVES["one_fault"], f"-D{switch}", compile_with=QUICK)
    assert errors == 1 and "assertion violated" in said, said
