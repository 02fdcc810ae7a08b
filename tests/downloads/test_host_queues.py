"""Hosts take turns, each at its own pace."""

import threading
import time

import pytest

from cv_tf.downloads.addresses import parse_address
from cv_tf.downloads.host_queues import HostQueues, PhotoTask


def _task(host, number=0):
    address = parse_address(f"https://{host}.example/{number}.jpg")
    return PhotoTask(address, address)


def _queues(at_once=4, per_second=0.0, **hosts):
    queues = HostQueues(at_once, per_second)
    for host, count in hosts.items():
        for number in range(count):
            queues.put(_task(host, number))
    return queues


def _take(queues, count):
    taken = [queues.take() for _ in range(count)]
    return [(place.split(".")[0], task) for place, task in taken]


def test_tasks_of_a_host_come_in_order():
    taken = _take(_queues(a=3), 3)
    assert [task.address.target for _, task in taken] == ["/0.jpg", "/1.jpg", "/2.jpg"]


def test_hosts_take_turns():
    taken = _take(_queues(at_once=6, a=2, b=2, c=2), 6)
    assert [host for host, _ in taken] == ["a", "b", "c", "a", "b", "c"]


def _waits(queues, seconds=0.15):
    """Whether no task is given within some time."""
    thread = threading.Thread(target=queues.take, daemon=True)
    thread.start()
    thread.join(seconds)
    return thread.is_alive()


def test_a_host_has_its_share_and_no_more():
    queues = _queues(at_once=5, a=9, b=9)
    taken = [host for host, _ in _take(queues, 4)]
    assert sorted(taken) == ["a", "a", "b", "b"]
    assert _waits(queues)  # 5 // 2 is 2.
    queues.close()


def test_a_host_that_is_alone_has_all():
    assert len(_take(_queues(at_once=4, a=9), 4)) == 4


def test_what_is_finished_makes_room():
    queues = _queues(at_once=1, a=2)
    _take(queues, 1)
    assert _waits(queues, 0.05)
    queues.close()
    queues = _queues(at_once=1, a=2)
    queues.finished(queues.take()[0])
    assert _take(queues, 1)[0][0] == "a"


def test_the_share_grows_when_others_are_done():
    queues = _queues(at_once=4, a=4, b=1)
    taken = _take(queues, 3)
    assert [host for host, _ in taken] == ["a", "b", "a"]
    queues.finished("b.example")
    assert [host for host, _ in _take(queues, 2)] == ["a", "a"]


def test_more_hosts_than_may_be_asked_at_once():
    queues = _queues(at_once=2, a=2, b=2, c=2)
    (first, _), (second, _) = _take(queues, 2)
    assert (first, second) == ("a", "b")
    queues.finished("a.example")
    assert _take(queues, 1)[0][0] == "c"


def test_a_task_is_not_taken_before_its_time():
    queues = _queues()
    begun = time.monotonic()
    queues.put(_task("a", 1), wait=0.2)
    queues.put(_task("a", 2))
    assert [task.address.target for _, task in _take(queues, 2)] == [
        *("/2.jpg", "/1.jpg")
    ]
    assert 0.2 <= time.monotonic() - begun < 1


@pytest.mark.parametrize("per_second", [20.0, 50.0])
def test_a_host_has_a_pace(per_second):
    queues = _queues(per_second=per_second, at_once=9, a=4)
    begun = time.monotonic()
    _take(queues, 4)
    assert 3 / per_second <= time.monotonic() - begun < 3 / per_second + 0.5


def test_the_pace_is_of_each_host():
    queues = _queues(per_second=1.0, at_once=9, a=1, b=1, c=1)
    begun = time.monotonic()
    _take(queues, 3)
    assert time.monotonic() - begun < 0.5


def test_a_host_is_held():
    queues = _queues(a=1, b=1)
    queues.hold("a.example", 0.2)
    begun = time.monotonic()
    assert [host for host, _ in _take(queues, 2)] == ["b", "a"]
    assert 0.2 <= time.monotonic() - begun < 1


def test_tasks_of_a_host_are_removed():
    queues = _queues(at_once=4, a=3, b=1)
    queues.take()
    queues.put(_task("a", 9), wait=60)
    removed = {task.address.target for task in queues.remove("a.example")}
    assert removed == {"/1.jpg", "/2.jpg", "/9.jpg"}
    assert queues.remove("none.example") == []
    assert _take(queues, 1)[0][0] == "b"
    queues.finished("a.example")
    queues.put(_task("a", 4))
    assert _take(queues, 1)[0][0] == "a"


def test_closing_ends_all_waiting():
    queues = _queues()
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(queues.take())) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    queues.close()
    for thread in threads:
        thread.join(1)
    assert found == [None, None, None]
