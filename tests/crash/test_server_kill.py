"""A ClickHouse server that dies in its first second, after it wrote the deduplication token and before it renamed the part,
and is back in the next: its start seems not to have moved, and the token says that the rows are stored."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from check import main  # noqa: E402
from gateway import BUILD, Gateway, ROOT, event  # noqa: E402
from servers import start_chdb_server  # noqa: E402


def impatient_config(folder):
    """The gateway finds the server as soon as it is there."""
    with open(os.path.join(ROOT, "config", "sluice.yaml")) as file:
        text = file.read()
    assert "backoff_min: 250ms" in text and "backoff_max: 30s" in text
    path = os.path.join(folder, "sluice.yaml")
    with open(path, "w") as file:
        file.write(text.replace("backoff_min: 250ms", "backoff_min: 50ms").replace("backoff_max: 30s", "backoff_max: 250ms"))
    return path


def a_server_killed_between_token_and_part_in_its_first_second_loses_nothing(folder):
    os.makedirs(os.path.join(folder, "server"))
    server = start_chdb_server(os.path.join(folder, "server"), os.path.join(BUILD, "chdb_server"))
    gateway = Gateway(folder, config=impatient_config(folder),
                      env={"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url})
    try:
        gateway.start()
        assert gateway.post("/events?wait=stored", event(0))[0] == 200
        server.kill()
        assert gateway.post("/events/bulk", [event(n) for n in range(1, 51)])[0] == 202
        time.sleep(4)   # the breaker is open: the server is probed before anything is sent
        sound = dict(server.environment)
        server.environment.update(LD_PRELOAD=os.path.join(BUILD, "libkill_at_rename.so"), SLUICE_KILL_AT_RENAME="1",
                                  SLUICE_KILL_PATH="/store/")
        try:
            server.start()
        except RuntimeError:
            pass    # it was dead before it was found alive
        assert server.process.wait(20) == -9
        server.environment = sound
        server.start()
        gateway.wait_stored()
        gateway.check_identity()
        assert server.query("SELECT count(), uniqExact(user_id) FROM events FINAL").strip() == "51\t51"
        gateway.stop()
    finally:
        gateway.cleanup()
        server.kill()


if __name__ == "__main__":
    main([a_server_killed_between_token_and_part_in_its_first_second_loses_nothing])
