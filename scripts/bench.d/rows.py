# SPDX-License-Identifier: GPL-2.0
"""The rows of the table, with what they shall reach on Linux 6.12."""
from dataclasses import dataclass

# --check: a ratio may be so many times the recorded one. What fork and exit allocate
# depends on what the boot left in the allocators, which moves theirs by up to 1 %.
WORSE = 1.02


@dataclass
class Cells:
    # Which row it is, on any kernel.
    key: str
    title: str
    sysv: float = None
    xshm: float = None
    memfd: float = None
    to_sysv: float = None
    to_memfd: float = None
    sysv_target: float = None
    memfd_target: float = None
    sign: str = "<="
    verdict: str = ""
    chart: bool = False
    note: str = ""

    def judge(self):
        pairs = [(self.to_sysv, self.sysv_target), (self.to_memfd, self.memfd_target)]
        pairs = [(r, t) for r, t in pairs if r is not None and t is not None]
        good = all(r <= t if self.sign == "<=" else r >= t for r, t in pairs)
        self.verdict = ("reached" if good else "missed") if pairs else ""
        return self


@dataclass
class Row:
    """A row that is one operation."""
    title: str
    key: str
    sysv: float = None
    memfd: float = None
    chart: bool = False
    note: str = ""

    def cells(self, operations):
        o = operations.get(self.key)
        if not o or "xshm" not in o:
            return None
        return Cells(self.key, self.title, o.get("sysv"), o["xshm"], o.get("memfd"), o.get("xshm/sysv"),
                     o.get("xshm/memfd"), self.sysv, self.memfd, chart=self.chart,
                     note=self.note).judge()


@dataclass
class Throughput(Row):
    """Operations per second; the ratio is the median of neighbouring rounds."""

    def cells(self, operations):
        rate, o = operations.get(self.key + "_rate"), operations.get(self.key)
        if not rate or not o:
            return None
        low, high = operations[self.key + "_low"]["xshm"], operations[self.key + "_high"]["xshm"]
        return Cells(self.key, f"{self.title} ({low:.2f} to {high:.2f})", rate["sysv"], rate["xshm"],
                     rate["memfd"], o["xshm"], rate["xshm"] / rate["memfd"], self.sysv,
                     sign=">=", note=self.note).judge()


@dataclass
class Flat(Row):
    """The same with 10 and with 30,000 segments: the ratio of the two."""

    def cells(self, operations):
        few, many = operations.get(self.key + "_of_10"), operations.get(self.key + "_of_30000")
        if not few or not many:
            return None
        cells = Cells(self.key + "_flat", self.title, many["sysv"] / few["sysv"], many["xshm"] / few["xshm"])
        # Its own growth is what counts, not that of System V.
        cells.to_sysv, cells.sysv_target, cells.note = cells.xshm, 1.05, self.note
        return cells.judge()


@dataclass
class Preload(Row):
    """The preload library against the library, the worst of the calls."""

    def cells(self, operations):
        worst = max((o["preload"] / o["xshm"] for name, o in operations.items()
                     if "preload" in o and name in ("attach_detach_4k", "get_by_key", "stat")),
                    default=None)
        if worst is None:
            return None
        return Cells(self.key, self.title, None, None, None, worst, None, 1.02, note=self.note).judge()


@dataclass
class Served(Row):
    """System V's own call, served by xshm_sysv.ko."""

    def cells(self, operations):
        o = operations.get(self.key)
        if not o or "served" not in o:
            return None
        return Cells(self.key + "_served", self.title, o.get("sysv"), o["served"], o.get("memfd"),
                     o.get("served/sysv"), o.get("served/memfd"), self.sysv, self.memfd,
                     note=self.note).judge()


@dataclass
class Unserved(Row):
    """What a call costs more where xshm_sysv.ko is loaded, but doesn't serve; the worst."""

    def cells(self, operations):
        calls = {"get_by_key": 1, "stat": 1, "attach_detach_4k": 2}
        worst = max(((o["unserved"] - o["sysv"]) / calls[name] for name, o in operations.items()
                     if name in calls and "unserved" in o), default=None)
        if worst is None:
            return None
        cells = Cells(self.key, self.title, None, worst, None, worst, None, self.sysv,
                      note=self.note).judge()
        cells.to_sysv = None
        return cells


# From scripts/profile on Linux 6.12.117.
ENTRY = ("An ioctl is entered with 312 instructions more than a system call of its own: the hooks of the "
         "security modules 193, of which Tomoyo's 140, the descriptor and the dispatch 119.")
TWICE = (" That is paid twice, 624. What is xshm's own comes to 920 for both calls: 330 for the commands and their "
         "arguments, 240 to find the mapping in detach, 170 to count, 130 to find the segment and look at its mode, "
         "56 in the library. mmap(2) and munmap(2) of a memfd need none of that, but 410 for their own entry and for "
         "what xshm leaves out, the access time and a place that suits huge pages. With nothing but the entry of "
         "two ioctls xshm would just be at 1.04 of memfd. VM_NOHUGEPAGE would save 70 of the 106 with which the kernel "
         "asks whether a mapping below 2 MiB may get a huge page, but it shows in smaps as something that nobody "
         "asked for.")

ROWS = [
    Row("attach + detach, 4 KiB", "attach_detach_4k", 0.87, 1.04, True,
        ENTRY + TWICE),
    Row("attach + detach, 1 MiB", "attach_detach_1m", 0.87, 1.04, True,
        ENTRY + TWICE),
    Row("create + remove, 4 KiB", "create_remove_4k", 1.0, None, True),
    Row("create + remove, 4 KiB, the only one", "create_remove_4k_alone", 1.0, None, False),
    Row("create, attach, touch, detach, remove", "life_4k", None, None, True),
    Row("get by key", "get_by_key", 1.25, None, True, ENTRY),
    Row("IPC_STAT (memfd: fstat)", "stat", 1.15, None, True, ENTRY),
    Row("fork + exit, 256 attaches, less a plain one", "fork_exit_256", 0.95, None, True),
    Row("the same, all of one segment", "fork_exit_256_one", 0.95, None, False),
    Row("first touch of 64 MiB", "first_touch_64m", 0.60, None, True),
    Row("first touch, page faults", "first_touch_64m_faults", 1 / 400, None, True),
    Row("attach resident 64 MiB, read", "attach_read_64m", 0.01, 0.05, True),
    Row("attach and read, page faults", "attach_read_64m_faults"),
    Row("the same with small pages", "attach_read_64m_small", 0.25, 1.05, True),
    Row("page tables of 512 MiB touched, kB", "page_tables_512m", 1 / 50, None, True),
    Row("kernel memory per segment, bytes", "segment_memory", 1.1, None, True),
    Row("the same, attached once and detached", "segment_memory_used"),
    Row("the same, attached", "segment_memory_attached"),
    Flat("get by key, 30,000 / 10 segments", "get_by_key"),
    Flat("attach + detach, 30,000 / 10", "attach_detach"),
    Flat("IPC_STAT, 30,000 / 10", "stat"),
    Throughput("2 processes attach + detach own segments, per s", "contended_attach_own", 1.2),
    Throughput("2 processes attach + detach one segment, per s", "contended_attach_one", 1.1),
    Throughput("2 processes fork + exit, 64 attaches each, per s", "contended_fork_storm", 1.1, None, False,
               "By instructions, see above, a plain fork and exit, two thirds of the whole, costs the same with "
               "all three, and the attaches' share is at 0.93 of System V and 1.05 of memfd: together 1.02. "
               "The rest of the difference is System V's semaphore of the namespace, for which two "
               "processors wait for each other; memfd, which has nothing to wait for, is the most that can be had. "
               "Also see the spread."),
    Preload("xshm run against the library", "preload"),
    Served("served: attach + detach, 4 KiB", "attach_detach_4k", 0.85, 1.04,
           note="Of the module's own are trampoline, instance and hand-over, some 60 for each of the two calls; "
                "the rest is the library's 'attach + detach' without its two ioctl entries."),
    Served("served: attach + detach, 1 MiB", "attach_detach_1m", 0.85, 1.04,
           note="As with 4 KiB."),
    Served("served: get by key", "get_by_key", 0.80),
    Served("served: IPC_STAT", "stat", 0.65),
    Served("served: create + remove, 4 KiB", "create_remove_4k", 0.75),
    Served("served: create, attach, touch, detach, remove", "life_4k", 0.98),
    Unserved("not served: instructions more, the worst call", "unserved", 60),
]
