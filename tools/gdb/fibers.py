"""gdb: lists the fibers of Selecting servers, each with its back trace.

    (gdb) source tools/gdb/fibers.py
    (gdb) info fibers

Works on a live x86-64 process that is stopped: a parked fiber's registers are put in place while its back trace is
printed, then put back. A core file has no registers to change: there it lists the fibers and where each will go on.
"""

import gdb


def members(list_head, next_member):
    """The elements of an intrusive list."""
    while int(list_head) != 0:
        yield list_head.dereference()
        list_head = list_head[next_member]


def schedulers():
    """The scheduler of every thread that runs a loop, and of the fiber that it stands in, if it does."""
    found = {}
    selected = gdb.selected_thread()
    for thread in gdb.selected_inferior().threads():
        thread.switch()
        frame = gdb.newest_frame()
        while frame is not None:
            name = frame.name() or ""
            if name.startswith("socketserver::FiberLoop::run_once"):
                scheduler = frame.read_var("this").dereference()["scheduler_"]
                found[int(scheduler.address)] = (thread, scheduler)
            elif name.startswith("socketserver::Fiber::run"):
                scheduler = frame.read_var("fiber").referenced_value()["scheduler_"].referenced_value()
                found[int(scheduler.address)] = (thread, scheduler)
            frame = frame.older()
    if selected is not None:
        selected.switch()
    return found.values()


class Registers:
    """Lends the selected thread the registers of a context that does not run (Boost.Context, x86-64, System V)."""

    SAVED = {"r12": 0x08, "r13": 0x10, "r14": 0x18, "r15": 0x20, "rbx": 0x28, "rbp": 0x30, "rip": 0x38}
    FRAME = 0x40

    def __init__(self, place):
        self.place = place

    def word(self, offset):
        words = gdb.lookup_type("unsigned long").pointer()
        return int(gdb.Value(self.place + offset).cast(words).dereference())

    def rip(self):
        return self.word(self.SAVED["rip"])

    def __enter__(self):
        names = list(self.SAVED) + ["rsp"]
        self.own = {name: int(gdb.parse_and_eval(f"(unsigned long)${name}")) for name in names}
        self.put({name: self.word(offset) for name, offset in self.SAVED.items()} | {"rsp": self.place + self.FRAME})

    def __exit__(self, *_):
        self.put(self.own)

    @staticmethod
    def put(values):
        for name, value in values.items():
            gdb.execute(f"set ${name} = {value}", to_string=True)


class InfoFibers(gdb.Command):
    """Lists the fibers of Selecting servers: number, state, and the back trace of each that is parked or ready."""

    def __init__(self):
        super().__init__("info fibers", gdb.COMMAND_STACK)

    def invoke(self, _argument, _from_tty):
        if gdb.selected_inferior().pid == 0:
            raise gdb.GdbError("info fibers: there is no process")
        if "x86-64" not in gdb.selected_frame().architecture().name():
            raise gdb.GdbError("info fibers: only x86-64 is known")
        count = 0
        selected = gdb.selected_thread()
        frame = gdb.selected_frame()
        for thread, scheduler in schedulers():
            thread.switch()
            gdb.newest_frame().select()
            for fiber in members(scheduler["all_"], "next_all_"):
                count += 1
                state = str(fiber["state_"]).rsplit("::", 1)[-1]
                print(f"Fiber {int(fiber.address):#x} of thread {thread.num}, {state}")
                if state != "running":
                    self.trace(Registers(int(fiber["context_"]["place_"])))
        selected.switch()
        frame.select()
        print(f"{count} fibers" if count != 1 else "1 fiber")

    @staticmethod
    def trace(registers):
        try:
            with registers:
                print(gdb.execute("backtrace", to_string=True), end="")
        except gdb.error:
            print(f"  goes on at {gdb.execute(f'info symbol {registers.rip()}', to_string=True)}", end="")


InfoFibers()
