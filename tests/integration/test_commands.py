"""What can be typed: help, versions, options, completions."""
import os
import re
import subprocess

from check import main
from gateway import BUILD, ROOT

PROGRAM = os.path.join(BUILD, "sluice")


def sluice(*words, **more):
    return subprocess.run([PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, cwd="/", **more)


def names():
    return re.findall(r"^  ([a-z][a-z-]+) ", sluice("--help").stdout, re.M)


def every_command_says_how_it_is_used(folder):
    assert {"serve", "sql", "key", "help", "version"} <= set(names())
    for name in names():
        for words in [("help", name), (name, "--help"), (name, "-h")]:
            done = sluice(*words)
            assert done.returncode == 0 and done.stdout.startswith("usage: sluice " + name), (words, done)


def what_is_no_command_is_refused(folder):
    done = sluice("srve")
    assert done.returncode == 2 and 'no command "srve"' in done.stderr and done.stdout == "", done
    done = sluice("--chekc")
    assert done.returncode == 2 and "usage: sluice serve" in done.stderr, done
    assert sluice("help", "srve").returncode == 2


def every_option_of_the_help_is_taken(folder):
    """With all of them at once, so that the configuration, which is not there, is what is complained of."""
    lines = {
        "serve": ["--config", "/nowhere", "--check", "--example"],
        "sql": ["--config", "/nowhere", "--format", "TSV", "--write", "SELECT 1"],
        "schema": ["print", "--config", "/nowhere", "--replicated", "--on-cluster", "a", "--server", "26.7", "events"],
        "setup": ["-c", "/nowhere"],
        "key": ["list", "--config=/nowhere"],
    }
    for name, words in lines.items():
        done = sluice(name, *words)
        assert done.returncode == 2 and "/nowhere: cannot be read" in done.stderr, (name, done)


def the_version_names_commit_and_libraries(folder):
    for words in [["--version"], ["version"]]:
        lines = sluice(*words).stdout.splitlines()
        assert re.match(r"sluice \d+\.\d+\.\d+ \(commit \S+ of (\d{4}-\d\d-\d\d|unknown)\)$", lines[0]), lines
        assert {"openssl", "libwebsockets", "simdjson", "zstd"} <= {line.split()[0] for line in lines[1:]}, lines
        assert all(re.match(r"\S+ +\S", line) for line in lines[1:]), lines


def bash_completes(*words):
    script = "compopt() { :; }; source %s/share/completions/sluice.bash; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _sluice; " \
             "printf '%%s\\n' \"${COMPREPLY[@]}\"" % ROOT
    done = subprocess.run(["bash", "-c", script, "bash", *words], stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True)
    return done.stdout.split()


def bash_completes_commands_verbs_options_and_files(folder):
    assert set(names()) <= set(bash_completes("sluice", ""))
    assert bash_completes("sluice", "dead") == ["dead-letters"]
    assert bash_completes("sluice", "key", "") == ["new", "check", "list"]
    assert bash_completes("sluice", "key", "new", "--sc") == ["--scopes"]
    assert bash_completes("sluice", "--config", "config/sluice.y") == ["config/sluice.yaml"]
    assert bash_completes("sluice", "journal", "ls", "conf") == ["config"]
    assert bash_completes("sluice", "help", "jour") == ["journal"]
    assert bash_completes("sluice", "sql", "--format", "") == []


def the_engine_is_taken_only_with_its_checksum(folder):
    false = os.path.join(folder, "package.tgz")
    open(false, "wb").write(b"something else")
    done = sluice("engine", "install", "--folder", os.path.join(folder, "engine"), "--from", false)
    assert done.returncode == 1 and "sha512 differs" in done.stderr, done
    assert os.listdir(os.path.join(folder, "engine")) == []
    done = sluice("engine", "status", "--folder", folder)
    assert done.returncode == 1 and "sluice engine install" in done.stdout, done


main([every_command_says_how_it_is_used, what_is_no_command_is_refused, every_option_of_the_help_is_taken,
      the_version_names_commit_and_libraries, bash_completes_commands_verbs_options_and_files,
      the_engine_is_taken_only_with_its_checksum])
