"""The embedded engine's own configuration: a backup to a disk of it, and rows that a TTL moves to another."""
import os
import subprocess
import time

from check import main
from gateway import BUILD, Gateway, ROOT

ENGINE = """<clickhouse>
  <storage_configuration>
    <disks>
      <cold><path>{folder}/cold/</path></cold>
      <saved><type>local</type><path>{folder}/saved/</path></saved>
    </disks>
    <policies>
      <tiered><volumes><default><disk>default</disk></default><cold><disk>cold</disk></cold></volumes></tiered>
    </policies>
  </storage_configuration>
  <backups><allowed_disk>saved</allowed_disk></backups>
</clickhouse>
"""
CONFIG = """
http: { listen: "${SLUICE_HTTP:-127.0.0.1:0}" }
journal: { data: "${SLUICE_DATA:-./data}" }
store: { library: "${SLUICE_LIBCHDB:-}", engine_config: "${ENGINE}" }
setup: [ tiers.sql ]
streams:
  - name: visits
    dedup_key: [user_id, at]
    batch: { max_delay: 50ms }
    fields:
      - { name: user_id, type: String, required: true }
      - { name: at, type: DateTime, required: true }
"""
TIERS = """ALTER TABLE {database}.visits MODIFY SETTING storage_policy = 'tiered';
ALTER TABLE {database}.visits MODIFY TTL at + INTERVAL 1 DAY TO DISK 'cold', at + INTERVAL 100 DAY DELETE;
"""


def make(folder, engine):
    for name, text in (("engine.xml", engine), ("sluice.yaml", CONFIG), ("tiers.sql", TIERS)):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    return Gateway(folder, config=os.path.join(folder, "sluice.yaml"), env={"ENGINE": os.path.join(folder, "engine.xml")})


def old_rows_move_to_the_cold_disk_and_a_backup_can_be_restored(folder):
    gateway = make(folder, ENGINE.format(folder=folder))
    try:
        gateway.start()
        now = int(time.time())
        for user, at in (("new", now), ("old", now - 2 * 86400)):
            status, reply = gateway.post("/events?wait=stored", {"user_id": user, "at": at})
            assert (status, reply["status"]) == (200, "stored"), (status, reply)
        disks = "SELECT disk_name, sum(rows) FROM system.parts WHERE table = 'visits' AND active GROUP BY disk_name ORDER BY disk_name"
        gateway.wait_until("the old row has moved", lambda: gateway.sql(disks).split() == ["cold", "1", "default", "1"])
        assert any(files for _, _, files in os.walk(os.path.join(folder, "cold")))
        assert "BACKUP_CREATED" in gateway.sql("BACKUP TABLE visits TO Disk('saved', 'first')")
        gateway.sql("RESTORE TABLE visits AS again FROM Disk('saved', 'first')", form="")
        assert gateway.sql("SELECT count() FROM again") == "2"
        gateway.check_identity()
        gateway.stop()
        gateway.start()     # the same folder, the same disks; setup runs again
        assert gateway.sql(disks).split() == ["cold", "1", "default", "1"]
        gateway.stop()
    finally:
        gateway.cleanup()


def the_check_names_a_file_that_is_none(folder):
    for text, says in ((ENGINE.replace("</policies>", ""), "engine.xml:10: found no XML that is well-formed"), (None, "engine.xml")):
        gateway = make(folder, text or "")
        if text is None:
            os.remove(gateway.env["ENGINE"])
        done = subprocess.run([os.path.join(BUILD, "sluice"), "--check", "--config", gateway.config], env=gateway.env,
                              capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 2 and says in done.stderr + done.stdout, (done.returncode, done.stdout, done.stderr)


if __name__ == "__main__":
    main([old_rows_move_to_the_cold_disk_and_a_backup_can_be_restored, the_check_names_a_file_that_is_none])
