"""Where this machine has its packages from: what makes another Debian for a test takes them there, too."""
import glob
import os


def apt_mirror():
    for path in ["/etc/apt/sources.list"] + sorted(glob.glob("/etc/apt/sources.list.d/*")):
        for line in open(path) if os.path.exists(path) else []:
            words = line.split()
            if words[:1] == ["URIs:"]:
                return words[1]
            if words[:1] == ["deb"]:
                return [word for word in words if "://" in word][0]
    raise AssertionError("no source of packages in /etc/apt")
