"""Images of the names that docker/compose.yaml has, for machines without a registry: Debian's own programs, started the way that the
public images start theirs. Of another version (ClickHouse 18.16, haproxy 2.6, Redis 7.0, Prometheus 2.42, Alertmanager 0.25)."""
import os
import re
import shutil

from gateway import ROOT
from servers import CLICKHOUSE_CONFIG

# As the entry point of the public image makes the user of CLICKHOUSE_USER and CLICKHOUSE_PASSWORD.
CLICKHOUSE_ENTRYPOINT = """#!/bin/sh
set -eu
mkdir -p /etc/clickhouse-server /var/lib/clickhouse/data /var/lib/clickhouse/tmp
cat >/etc/clickhouse-server/users.xml <<USERS
<yandex>
    <profiles><default><max_memory_usage>2000000000</max_memory_usage></default></profiles>
    <users>
        <$CLICKHOUSE_USER>
            <password>$CLICKHOUSE_PASSWORD</password>
            <networks><ip>::/0</ip></networks>
            <profile>default</profile><quota>default</quota>
        </$CLICKHOUSE_USER>
    </users>
    <quotas><default/></quotas>
</yandex>
USERS
exec clickhouse-server --config-file=/etc/clickhouse-server/config.xml
"""

IMAGES = {
    "haproxy": (["/usr/sbin/haproxy"], ['ENTRYPOINT ["/usr/bin/haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]']),
    "redis": (["/usr/bin/redis-server", "/bin/sh", "/bin/cat"], ["WORKDIR /data"]),
    "clickhouse": (["/usr/sbin/clickhouse-server", "/bin/sh", "/bin/cat", "/bin/mkdir"], ['ENTRYPOINT ["/entrypoint.sh"]']),
    "prometheus": (["/usr/bin/prometheus"],
                   ['ENTRYPOINT ["/usr/bin/prometheus"]',
                    'CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]']),
    "alertmanager": (["/usr/bin/prometheus-alertmanager"],
                     ['ENTRYPOINT ["/usr/bin/prometheus-alertmanager"]',
                      'CMD ["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager", '
                      '"--cluster.listen-address="]']),
}


def name_of(service):
    """The image of a service in compose.yaml."""
    with open(os.path.join(ROOT, "docker", "compose.yaml")) as file:
        return re.search(r"^  %s:\n    image: (\S+)$" % service, file.read(), re.M).group(1)


def lay_out_clickhouse(root):
    os.makedirs(os.path.join(root, "etc", "clickhouse-server"))
    config = CLICKHOUSE_CONFIG.format(dir="/var/lib/clickhouse", http=8123, tcp=9000, replication="")
    config = config.replace("127.0.0.1", "0.0.0.0")
    with open(os.path.join(root, "etc", "clickhouse-server", "config.xml"), "w") as file:
        file.write(config)
    with open(os.path.join(root, "entrypoint.sh"), "w") as file:
        file.write(CLICKHOUSE_ENTRYPOINT)
    os.chmod(file.name, 0o755)


def make(engine, service):
    root = os.path.join(engine.folder, service)
    programs, changes = IMAGES[service]
    engine.run("docker/lay-out", root, *programs)
    os.symlink("usr/bin", os.path.join(root, "bin"))
    os.makedirs(os.path.join(root, "tmp"))
    if service == "clickhouse":
        lay_out_clickhouse(root)
        shutil.copytree("/usr/share/zoneinfo", os.path.join(root, "usr", "share", "zoneinfo"), symlinks=True)
    engine.run("tar", "-C", root, "-cf", root + ".tar", ".")
    words = [word for change in changes + ["ENV PATH=/usr/bin"] for word in ("--change", change)]
    engine.podman("import", *words, root + ".tar", name_of(service))
    os.remove(root + ".tar")
    shutil.rmtree(root)
