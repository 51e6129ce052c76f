"""What a power loss leaves of a data folder: the log of power_loss.c, played with a disk that keeps what was synced and, of the
rest, what chance will have.

A file's bytes are durable once a sync of it that began after they were written has worked. Others may be there or not, each
sector of 512 bytes for itself. A name is durable once its folder was synced: a new one may vanish, one that was removed may
come back. A rename happens as one."""
import os
import shutil
import struct

RECORD = struct.Struct("<QQQIIc7x")
SECTOR = 512


class File:
    def __init__(self, content=b""):
        self.content = bytearray(content)   # durable
        self.pending = []                   # (offset, bytes), or (length, None) of a cut
        self.settled = 0                    # how many were pending before these

    @staticmethod
    def apply(content, at, data):
        if data is None:
            del content[at:]
            content.extend(bytes(at - len(content)))
        else:
            content.extend(bytes(max(0, at - len(content))))
            content[at:at + len(data)] = data

    def mark(self):
        return self.settled + len(self.pending)

    def sync(self, mark):
        for at, data in self.pending[:max(0, mark - self.settled)]:
            self.apply(self.content, at, data)
        del self.pending[:max(0, mark - self.settled)]
        self.settled = max(mark, self.settled)

    def lose(self, chance):
        """(what is left, how many sectors and cuts were lost)"""
        content, lost = bytearray(self.content), 0
        kept = chance.choice([0, 1, 0.5, chance.random()])
        for at, data in self.pending:
            pieces = [(at, None)] if data is None else sectors(at, data)
            for start, piece in pieces:
                if chance.random() < kept:
                    self.apply(content, start, piece)
                else:
                    lost += 1
        return bytes(content), lost


def sectors(at, data):
    """Cut where the disk's sectors end."""
    done = 0
    while done < len(data):
        end = min(len(data), ((at + done) // SECTOR + 1) * SECTOR - at)
        yield at + done, data[done:end]
        done = end


class Folder:
    def __init__(self):
        self.entries = {}       # durable: {name: File or Folder}


class Disk:
    """The folder `root` as it is now, all of it durable; then play() what was done to it since."""

    def __init__(self, root):
        self.root = root
        self.by_inode = {}
        self.names = {}         # as the process saw them: {path: node}
        self.pending = []       # changes of names: (the folders they touch, [(folder, name, node or None)])
        self.begun = {}         # {sync: (node, mark)}
        self.top = self.read(root)

    def read(self, path):
        folder = self.add(path, Folder(), os.stat(path).st_ino)
        for name in os.listdir(path):
            child = os.path.join(path, name)
            if os.path.isdir(child):
                folder.entries[name] = self.read(child)
            else:
                with open(child, "rb") as file:
                    folder.entries[name] = self.add(child, File(file.read()), os.stat(child).st_ino)
        return folder

    def add(self, path, node, inode):
        self.by_inode[inode] = self.names[path] = node
        return node

    def rename(self, *changes):
        """Each (path, node or None)."""
        found = []
        for path, node in changes:
            folder = self.names[os.path.dirname(path)]
            found.append((folder, os.path.basename(path), node))
            if node is None:
                self.names.pop(path, None)
            else:
                self.names[path] = node
        self.pending.append(found)

    def play(self, log):
        with open(log, "rb") as file:
            data = file.read()
        at = 0
        while at + RECORD.size <= len(data):
            inode, number, _, first_len, second_len, what = RECORD.unpack_from(data, at)
            at += RECORD.size
            first, second = data[at:at + first_len], data[at + first_len:at + first_len + second_len]
            at += first_len + second_len
            if at <= len(data):     # else it was killed while it wrote this
                self.step(what.decode(), inode, number, first, second)

    def step(self, what, inode, number, first, second):
        if what in "CD":
            path = first.decode()
            node = self.by_inode[inode] = File() if what == "C" else Folder()
            self.rename((path, node))
        elif what == "U":
            self.rename((first.decode(), None))
        elif what == "R":
            node = self.names[first.decode()]
            self.rename((first.decode(), None), (second.decode(), node))
        elif what in "BS":
            self.sync(what, inode, number)
        elif inode in self.by_inode:
            self.by_inode[inode].pending.append((number, first if what == "W" else None))

    def sync(self, what, inode, number):
        node = self.by_inode.get(inode)
        if what == "B" and node is not None:
            self.begun[number] = (node, node.mark() if isinstance(node, File) else list(self.pending))
        elif what == "S" and number in self.begun:
            node, mark = self.begun.pop(number)
            if isinstance(node, File):
                node.sync(mark)
                return
            done = [c for c in mark if any(folder is node for folder, _, _ in c) and any(c is p for p in self.pending)]
            for change in done:
                self.apply(change)
            self.pending = [p for p in self.pending if not any(p is c for c in done)]

    @staticmethod
    def apply(change):
        for folder, name, node in change:
            if node is None:
                folder.entries.pop(name, None)
            else:
                folder.entries[name] = node

    def lose(self, chance):
        """Makes the folder what is left. How many sectors, cuts and names were lost."""
        lost = 0
        in_order = chance.random() < 0.5        # a journal of the file system
        kept = chance.choice([0, 1, 0.5, chance.random()])
        for change in self.pending:
            if chance.random() < kept:
                self.apply(change)
            else:
                lost += 1
                kept = 0 if in_order else kept
        shutil.rmtree(self.root)
        return lost + self.write(self.top, self.root, chance)

    def write(self, folder, path, chance):
        lost = 0
        os.mkdir(path)
        for name, node in sorted(folder.entries.items()):
            child = os.path.join(path, name)
            if isinstance(node, Folder):
                lost += self.write(node, child, chance)
                continue
            content, gone = node.lose(chance)
            lost += gone
            with open(child, "wb") as file:
                file.write(content)
        return lost
