"""/openapi.json: two judges find nothing to say against it, and no request that is made from it gets an answer that it does not
list. OPENAPI_REQUESTS and SLUICE_SEED say how many requests, and which."""
import json
import os
import shutil
import subprocess

import openapi_requests
from check import main
from gateway import Gateway, ROOT, SAMPLE

FOLDER = os.path.join(ROOT, "tests", "openapi")
SURFACE = os.path.join(FOLDER, "gateway.yaml")
REQUESTS = int(os.environ.get("OPENAPI_REQUESTS", "600"))
SEED = int(os.environ.get("SLUICE_SEED", "1"))


def judges():
    """npm ci in tests/openapi, if its packages are missing or older than the lock."""
    lock = os.path.join(FOLDER, "package-lock.json")
    installed = os.path.join(FOLDER, "node_modules", ".package-lock.json")  # npm writes it last
    if os.path.exists(installed) and os.path.getmtime(installed) >= os.path.getmtime(lock):
        return
    assert shutil.which("npm"), "npm is missing: scripts/install test installs it"
    done = subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=600)
    assert done.returncode == 0, "npm ci failed in tests/openapi:\n" + done.stdout.decode("utf-8", "replace")[-2000:]


def documents(folder):
    """Of the sample and of a configuration with everything that a surface may have."""
    paths = []
    for name, config in (("sample", SAMPLE), ("surface", SURFACE)):
        gateway = Gateway(os.path.join(folder, name), config=config)
        try:
            status, headers, body = gateway.start().request("GET", "/openapi.json")
            assert (status, headers["content-type"]) == (200, "application/json"), (status, headers)
            assert gateway.request("GET", "/openapi.json", headers={"If-None-Match": headers["etag"]})[0] == 304
            paths.append(os.path.join(folder, name + ".json"))
            with open(paths[-1], "wb") as file:
                file.write(body)
            gateway.stop()
        finally:
            gateway.cleanup()
    return paths


def the_documents_pass_redocly_and_spectral(folder):
    judges()
    paths = documents(folder)
    programs = os.path.join(FOLDER, "node_modules", ".bin")
    env = dict(os.environ, REDOCLY_TELEMETRY="off", REDOCLY_SUPPRESS_UPDATE_NOTICE="true", SCARF_ANALYTICS="false")
    commands = [[os.path.join(programs, "redocly"), "lint", *paths],
                [os.path.join(programs, "spectral"), "lint", "--fail-severity", "warn", "--ruleset",
                 os.path.join(FOLDER, "spectral.json"), *paths]]
    running = [subprocess.Popen(command, cwd=FOLDER, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
               for command in commands]
    for process in running:
        said = process.communicate(timeout=120)[0].decode("utf-8", "replace")
        assert process.returncode == 0 and "warning" not in said, said[-4000:]


def hosts_are_shown_what_is_there_for_them(folder):
    config = os.path.join(folder, "gateway.yaml")
    with open(SURFACE) as file, open(config, "w") as out:
        out.write(file.read().replace("path: /v1/batch,", "path: /v1/batch, host: batch.example,"))
    gateway = Gateway(folder, config=config)
    try:
        gateway.start()
        seen = {}
        for host in ("batch.example", "other.example"):
            seen[host] = json.loads(gateway.request("GET", "/openapi.json", headers={"Host": host})[2])["paths"]
        assert "/v1/batch" in seen["batch.example"] and "/v1/events" in seen["batch.example"], list(seen["batch.example"])
        assert "/v1/batch" not in seen["other.example"], list(seen["other.example"])
        gateway.stop()
    finally:
        gateway.cleanup()


def ask_everything(folder, config, requests):
    gateway = Gateway(folder, config=config)
    try:
        gateway.start()
        text = gateway.request("GET", "/openapi.json")[2]
        seen = openapi_requests.run(gateway.port, text, requests, SEED)
        answered = sum(seen.values())
        assert answered == requests, (answered, requests)
        gateway.wait_stored()
        gateway.check_identity()
        stored = {stream: gateway.sum("sluice_events_stored_total", stream=stream) for stream in
                  {dict(key)["stream"] for key in gateway.metrics()["sluice_events_stored_total"]} - {""}}
        gateway.stop()
        for stream, count in stored.items():
            rows = int(gateway.sql("SELECT count() FROM %s" % stream))
            assert rows == count, (stream, rows, count)
        assert sum(stored.values()) > 0, seen
    finally:
        gateway.cleanup()
    return seen


def the_sample_answers_as_its_document_says(folder):
    ask_everything(folder, SAMPLE, REQUESTS // 3)


def a_surface_of_routes_and_queries_answers_as_its_document_says(folder):
    seen = ask_everything(folder, SURFACE, REQUESTS - REQUESTS // 3)
    if REQUESTS > 1000:
        for (operation, status), count in sorted(seen.items()):
            print("  %-40s %d %6d" % (operation, status, count))


if __name__ == "__main__":
    main([
        the_documents_pass_redocly_and_spectral,
        hosts_are_shown_what_is_there_for_them,
        the_sample_answers_as_its_document_says,
        a_surface_of_routes_and_queries_answers_as_its_document_says,
    ])
