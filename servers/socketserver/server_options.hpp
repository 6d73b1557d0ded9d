#pragma once

/// \file
/// How a server is to behave: everything that Python's class attributes say, and more.

#include <socketserver/fiber/stack_pool.hpp>
#include <socketserver/loop/selector.hpp>
#include <socketserver/serving/log.hpp>
#include <socketserver/serving/server_context.hpp>

#include <sys/socket.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>

namespace socketserver {

/// The options of every server, given to its constructor and constant from then on. Designated initialisers name
/// what differs: `{.drain = 1s, .forking = {.max_children = 10}}`.
struct ServerOptions {
    /// Whether the constructor binds and listens. A constructor calls the library's own server_bind() and
    /// server_activate(); to have overridden ones called, say false here and call both yourself.
    bool bind_and_activate = true;

    /// How many connections the kernel may queue until they are accepted (listen(2)).
    int request_queue_size = SOMAXCONN;

    /// How long the kernel keeps a new TCP connection to itself until its client has sent something (TCP_DEFER_ACCEPT,
    /// tcp(7)), which spares the server a wait; 0: not at all. The kernel rounds it up. Only for protocols in which the
    /// client speaks first: in others both would wait, and a client that stays silent is not counted, timed out or told
    /// of a shutdown by the server. TCP only; without effect elsewhere.
    std::chrono::seconds defer_accept{0};

    /// Whether to bind although connections of a former server linger (SO_REUSEADDR). Not said: yes for streams, no
    /// for datagrams, where a second server could take the traffic.
    std::optional<bool> allow_reuse_address = {};

    /// Whether other processes may share the port (SO_REUSEPORT); Internet addresses only.
    bool allow_reuse_port = false;

    /// The permissions of a Unix socket's file, as of chmod(2), less what umask(2) takes away: who may write to it may connect. Not
    /// said: all but what umask(2) takes away. The file has them from its beginning. Without effect on other addresses, which
    /// have no file.
    std::optional<mode_t> unix_socket_mode = {};

    /// How long handle_request() waits for a request; none: as long as it takes. Does not bear on serve_forever().
    std::optional<std::chrono::nanoseconds> timeout = {};

    /// How long requests that are running when the server stops have to end, before they are cut.
    std::chrono::nanoseconds drain = std::chrono::seconds{5};

    /// Whether SIGINT and SIGTERM end the server, from when it is made until it is gone: serve_forever() returns as if somebody had
    /// called request_shutdown(), and running requests have `drain` to end. A second signal ends the process, and so does the time, where
    /// a handler computes on for a second after it was cut: with status 1, by _exit(2), and with a line on standard error that says
    /// how many requests that cost. Only if some run; forked children are cut first. A signal that the program ignores stays
    /// ignored (nohup(1)); one that it blocks does not come. When no such server is left, the program's own handlers are back.
    bool stop_signals = false;

    /// How long a connection on which nothing has come yet may still bring its first input when the server stops, at most half
    /// of `drain`: its request is perhaps under way. 0: not at all. Connections that have brought some, and wait for more, end at
    /// once.
    std::chrono::nanoseconds first_input_grace = std::chrono::seconds{1};

    /// Whether a request is cut when its peer has left while its handler waits for something else, a program or another socket: what
    /// it does is for nobody. A peer has left that has reset the connection or, on a Unix socket, closed it; not one that has
    /// only ended its output, as `nc -N` does. Every wait of the handler but those on the connection then ends with
    /// WaitResult::cut. Without effect once the handler has ended the connection's output itself.
    bool cut_abandoned = false;

    /// Whether server_close() lets running requests end first, within `drain`. If false it cuts them at once. It waits for
    /// them to be gone either way: a handler never outlives its server.
    bool block_on_close = true;

    /// The longest datagram taken, in bytes; of a longer one the beginning, marked as truncated.
    std::size_t max_packet_size = 65'535;

    /// A socket, already bound (and listening, if a stream), to be taken over instead of making one: what a service
    /// manager hands over. -1: none. The server's address is then what the socket says.
    int inherited_socket = -1;

    /// How many connections may be open at once, of datagram servers how many requests may run; 0: as many as the concurrency
    /// allows (`forking.max_children`, `threading.max_threads`, `thread_pool.threads`, `selecting.max_requests`), which it never
    /// exceeds either. Further ones wait in the kernel's queue until one has ended; Statistics::deferred counts how often that
    /// point was reached, and one log line per second tells of it. Preforking servers divide the number among their workers,
    /// rounded up.
    std::size_t max_connections = 0;

    /// How many connections an address may have open at once; 0: no bound. A further one is closed as soon as it has been
    /// accepted and counted in Statistics::rejected; one log line per second tells of it. Internet addresses and connections
    /// only. Preforking servers count in each worker by itself, Forking ones until the child has been reaped.
    std::size_t max_per_address = 0;

    /// How many leading bits addresses have in common that count as one address.
    struct AddressPrefix {
        unsigned ipv4 = 32;  ///< 0 to 32; 24 counts a usual network as one
        unsigned ipv6 =
            128;  ///< 0 to 128; 64 counts a subnet as one, of which any host can have as many addresses as it likes
    };
    /// For max_per_address.
    AddressPrefix per_address_prefix = {};

    /// What handlers of connections apply.
    ConnectionOptions connection = {};

    /// Forking servers only.
    struct Forking {
        /// How many children may run at once; further connections wait in the kernel's queue.
        std::size_t max_children = 40;
    };
    /// Forking servers only.
    Forking forking = {};

    /// Threading servers only.
    struct Threading {
        /// How many threads may run at once; further connections wait in the kernel's queue.
        std::size_t max_threads = 1'024;
        /// How many threads that have no request stay and wait for one; further ones end.
        std::size_t spare_threads = 32;
        /// The size of a thread's stack, in bytes; only the part that is touched costs memory.
        std::size_t stack_size = std::size_t{1} << 20U;
    };
    /// Threading servers only.
    Threading threading = {};

    /// Servers with a pool of threads only.
    struct ThreadPool {
        /// How many threads there are, and requests served at once; further connections wait in the kernel's queue.
        std::size_t threads = 32;
        /// The size of a thread's stack, in bytes; only the part that is touched costs memory.
        std::size_t stack_size = std::size_t{1} << 20U;
    };
    /// Servers with a pool of threads only.
    ThreadPool thread_pool = {};

    /// Preforking servers only.
    struct Preforking {
        /// More workers than this are refused.
        static constexpr std::size_t most_workers = 1'024;
        /// How many processes serve, at most most_workers; 0: as many as there are processors.
        std::size_t workers = 0;
        /// Whether each process has a listener of its own, among which the kernel spreads what comes in (SO_REUSEPORT), instead of all
        /// waiting at one. Requests then wait for their own worker even while it is busy or being replaced and others
        /// are idle; the port can be taken by other programs of the same user. Internet addresses only.
        bool own_listeners = false;
    };
    /// Preforking servers only.
    Preforking preforking = {};

    /// Selecting servers only.
    struct Selecting {
        /// Which system call waits.
        SelectorKind selector = SelectorKind::epoll;
        /// How many threads serve, each with an event loop and connections of its own; at least 1. From 2 on handlers
        /// and hooks of the server run in several threads at once, so that those which share something must lock it.
        std::size_t threads = 1;
        /// How many requests may be served at once; further connections wait in the kernel's queue.
        std::size_t max_requests = 100'000;
        /// How long a handler may run without waiting, holding up all others of its thread, before a warning in the log names its
        /// peer and what the thread is doing (ThreadTrace); 0: for ever. It is told of once, while it still goes on. A thread of
        /// its own looks after that while serve_forever() runs; handle_request() does without it. A program that takes SIGURG by
        /// signalfd(2) or sigwait(3) has to turn it off.
        std::chrono::nanoseconds stall_limit = std::chrono::milliseconds{100};
        /// The size of a handler's stack, in bytes of address space; only the part that is touched costs memory.
        std::size_t stack_size = StackPool::default_stack_size;
        /// How stacks are guarded against handlers that need more.
        GuardKind guard = GuardKind::automatic;
    };
    /// Selecting servers only.
    Selecting selecting = {};

    /// Where messages go: by default warnings and errors to standard error. Must be callable from several threads at
    /// once.
    Logger logger = stderr_logger();
};

}  // namespace socketserver
