"""Which system call fails with what: only what a Linux kernel can really answer.

Left out, as no kernel gives it or as the injected failure would be another one:
  EAGAIN of a read or write     the caller would wait for a readiness that was reported already
  memory (mmap, brk, mprotect)  what fails there fails in the allocator, which ends every program
  signals, futex, clocks        they cannot fail with valid arguments
  close                         an injected failure leaves the descriptor open, a kernel's never does
  EPIPE of a word to the guard  it means that the guard is gone, and then its word does no harm
  getrandom                     it is interrupted only, and only for more than 256 bytes
  wait4 with WNOHANG            it does not sleep, so nothing interrupts it
  fcntl but for F_DUPFD         it reads and sets flags of an open descriptor
  EROFS, ENOSPC, EDQUOT of an open that neither writes nor makes a file
  the second pair of sockets    tokio hears of signals by it, and panics without one. cube makes one just before, and
                                says what is missing: only a system that runs out between the two is left
  pipes, eventfd, signalfd      they know no errors of disks or networks, the last two none at all
"""

import re

FILES = "EIO EMFILE ENOMEM"
NAMES = "EIO EROFS ENOSPC EDQUOT"

CALLS = {
    # Processes and threads.
    "clone": "EAGAIN ENOMEM",
    "clone3": "EAGAIN ENOMEM",
    "fork": "EAGAIN ENOMEM",
    "vfork": "EAGAIN ENOMEM",
    "execve": "ENOMEM EIO EACCES",
    "wait4": "EINTR",
    "waitid": "EINTR",
    "pidfd_open": "EMFILE ENOMEM",
    # Descriptors.
    "pipe2": "EMFILE ENFILE",
    "socket": "EMFILE ENOMEM",
    "socketpair": "EMFILE ENFILE ENOMEM",
    "eventfd2": "EMFILE ENOMEM",
    "signalfd4": "EMFILE ENOMEM",
    "epoll_create1": "EMFILE ENOMEM",
    "epoll_ctl": "ENOMEM ENOSPC",
    "epoll_wait": "EINTR",
    "fcntl": "EMFILE",
    "poll": "EINTR ENOMEM",
    # Bytes.
    "connect": "EAGAIN ECONNREFUSED",
    "sendto": "EPIPE ECONNRESET ENOMEM",
    "recvfrom": "ECONNRESET ENOMEM",
    "shutdown": "ENOTCONN",
    "read": "EIO EINTR ECONNRESET",
    "readv": "EIO EINTR",
    "pread64": "EIO EINTR",
    "write": "EIO EINTR ENOSPC EDQUOT EPIPE ECONNRESET",
    "writev": "EIO EINTR ENOSPC EPIPE ECONNRESET",
    "copy_file_range": "EIO ENOSPC",
    "sendfile": "EIO ENOSPC",
    "splice": "EIO ENOMEM",
    # Files and their names.
    "openat": FILES + " EROFS ENOSPC EDQUOT",
    "openat2": FILES + " EROFS ENOSPC EDQUOT",
    "statx": "EIO ENOMEM",
    "newfstatat": "EIO ENOMEM",
    "fstat": "EIO",
    "lseek": "EIO",
    "getdents64": "EIO ENOMEM",
    "readlink": "EIO ENOMEM",
    "readlinkat": "EIO ENOMEM",
    "rename": NAMES,
    "renameat": NAMES,
    "renameat2": NAMES,
    "link": NAMES,
    "linkat": NAMES,
    "symlinkat": NAMES,
    "unlink": "EIO EROFS",
    "unlinkat": "EIO EROFS",
    "mkdir": NAMES,
    "mkdirat": NAMES,
    "fchmod": "EIO EROFS",
    "fchmodat": "EIO EROFS",
    "fchown": "EIO EDQUOT",
    "fchownat": "EIO EDQUOT",
    "utimensat": "EIO EROFS",
    "ftruncate": "EIO ENOSPC",
    "fsync": "EIO ENOSPC EDQUOT",
    "fdatasync": "EIO ENOSPC EDQUOT",
    "getcwd": "ENOMEM",
}


# What strace prints of a descriptor, and what else than EINTR its reads and writes can fail with.
KINDS = (
    (re.compile(r"<pipe:"), "EPIPE"),
    (re.compile(r"<(socket|UNIX|TCP)"), "ECONNRESET EPIPE ENOMEM"),
    (re.compile(r"<anon_inode:"), ""),
    (re.compile(r"</(dev|proc|sys)/"), "EIO ENOMEM"),
    (re.compile(r"</"), "EIO ENOSPC EDQUOT ENOMEM"),
)


# A word of one letter, on a descriptor that is none of the usual three.
WORD_TO_GUARD = re.compile(r'write\((?:[3-9]|\d\d+)<pipe:\[\d+\]>, "[n?!e.]", 1\)')


def is_excluded(call, error):
    """Whether this call, as strace prints it, is one that no kernel fails this way."""
    name, _, rest = call.partition("(")
    if name == "fcntl":
        return "F_DUPFD" not in call
    if name in ("wait4", "waitid"):
        return "WNOHANG" in call
    if name in ("openat", "openat2"):
        writes = "O_CREAT" in call if error in ("ENOSPC", "EDQUOT") else "O_WRONLY" in call or "O_RDWR" in call
        return error in ("ENOSPC", "EDQUOT", "EROFS") and not writes
    if error == "EPIPE" and WORD_TO_GUARD.match(call):
        return True
    if name in ("read", "readv", "pread64", "write", "writev"):
        descriptor = rest.partition(",")[0]
        errors = next((errors for kind, errors in KINDS if kind.search(descriptor)), "")
        return error not in errors.split() and (error != "EINTR" or "<anon_inode:" in descriptor)
    return False


# Calls that are made to fail only the first time.
FIRST_ALONE = {"socketpair"}

# A loop that looks for something again and again makes more calls on a busy machine, and learns nothing new by them.
ROUNDS = 4


def without_repetitions(calls):
    """For each number whether a call of it is among the first of its words, or the last: a loop's rounds differ in
    numbers only. What goes over a socket depends on what was asked before, and counts always."""
    seen, last = {}, {}
    shapes = [[shape(text) for text in texts] for texts in calls]
    for number, of_number in enumerate(shapes):
        last.update(dict.fromkeys(of_number, number))
    for number, of_number in enumerate(shapes):
        seen.update({shape: seen.get(shape, 0) + 1 for shape in of_number})
        yield any("<socket" in shape or seen[shape] <= ROUNDS or last[shape] == number for shape in of_number)


def shape(call):
    return re.sub(r"[0-9a-f]*[0-9][0-9a-f]*", "N", call)[:120]
