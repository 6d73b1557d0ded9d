#include "fixtures.hpp"

#include <socketserver/net/buffered_reader.hpp>
#include <socketserver/net/offload.hpp>
#include <socketserver/os/wakeup.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/uio.h>

// Every way to wait for input and to read it, in every order: what one of them has been told of, the next one must not wait for.

namespace socketserver::test {

namespace {

namespace data = boost::unit_test::data;

constexpr std::chrono::seconds patience{5};  // nothing needs it: who is woken in vain, or not at all, says so then

/// What the ways of one conversation share.
struct Conversation {
    explicit Conversation(SelectorKind kind) : loop(FiberLoopOptions{.selector = kind}) {}

    FiberLoop loop;
    Ends ends;
    std::optional<BufferedReader> reader;
    bool wanted = false;  // the peer is to send while the reader waits

    [[nodiscard]] Socket& socket() { return ends.server; }
};

/// Waits for input as long as it takes.
void wait_for_input(Conversation& in) {
    BOOST_TEST(in.socket().wait(Interest::readable, Deadline::after(patience)) == WaitResult::ready);
}

std::string receive_message(Conversation& in) {
    std::string text(64, '\0');
    iovec bytes{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    error_code error;
    text.resize(in.socket().recvmsg(message, 0, error));
    return error ? error.message() : text;
}

/// Lets other fibers run until one of them has set a flag.
void give_way_until(const bool& flag) {
    while (!flag)
        give_way();
}

/// Reads without waiting until there is something.
std::string poll_for_it(Conversation& in) {
    const Deadline deadline = Deadline::after(patience);
    error_code error;
    for (;;) {
        std::string text = in.socket().recv(64, MSG_DONTWAIT, error);
        if (!error || deadline.expired())
            return text;
        give_way();
    }
}

/// Waits in pieces, and for output in between.
void wait_in_pieces(Conversation& in) {
    const Deadline deadline = Deadline::after(patience);
    while (in.socket().wait(Interest::readable, Deadline::after(1ms)) == WaitResult::timed_out && !deadline.expired())
        BOOST_TEST(in.socket().wait(Interest::writable, deadline) == WaitResult::ready);
}

/// Reads with a time-out so short that it may run out first.
std::string read_impatiently(Conversation& in) {
    const Deadline deadline = Deadline::after(patience);
    error_code error;
    std::string text;
    in.socket().settimeout(1ms);
    do
        text = in.socket().recv(64, 0, error);
    while (error == system_code(ETIMEDOUT) && !deadline.expired());
    in.socket().settimeout(patience);
    return text;
}

/// Another fiber waits for the same input, and does not read.
std::string read_beside_another_fiber(Conversation& in) {
    bool over = false;
    in.loop.spawn([&] {
        static_cast<void>(in.socket().wait(Interest::readable, Deadline::after(1ms)));
        over = true;
    });
    give_way();
    std::string text = in.socket().recv(64);
    while (!over)
        sleep_for(1ms);
    return text;
}

/// As an event-style handler does, which may be told once more of what it has read already.
std::string read_when_told(Conversation& in) {
    std::string text;
    error_code error;
    do {
        bool over = false;
        in.loop.when_readable(in.socket().waitable(), Deadline::after(patience), nullptr, [&](WaitResult waited) {
            text = waited == WaitResult::ready ? in.socket().recv(64, MSG_DONTWAIT, error) : "not told";
            over = true;
        });
        while (!over)
            sleep_for(1ms);
    } while (error == system_code(EAGAIN));
    return text;
}

struct Way {
    const char* name;
    std::string (*read)(Conversation&);
};

/// Each gets one message.
constexpr std::array ways{
    Way{"recv", [](Conversation& in) { return in.socket().recv(64); }},
    Way{"read_some",
        [](Conversation& in) {
            std::array<std::byte, 64> bytes{};
            error_code error;
            const IoResult result = in.socket().read_some(bytes, error);
            return std::string(reinterpret_cast<const char*>(bytes.data()), result.bytes);
        }},
    Way{"rfile.read_some", [](Conversation& in) { return std::string(in.reader->read_some(64)); }},
    Way{"rfile.readline", [](Conversation& in) { return std::string(in.reader->readline()); }},
    Way{"two pieces",
        [](Conversation& in) {
            const std::string piece = in.socket().recv(2);
            return piece + in.socket().recv(62);
        }},
    Way{"recvmsg", receive_message},
    Way{"peek, recv",
        [](Conversation& in) {
            const std::string peeked = in.socket().recv(64, MSG_PEEK);
            const std::string text = in.socket().recv(64);
            return peeked == text ? text : peeked + " is not " + text;
        }},
    Way{"wait, recv",
        [](Conversation& in) {
            wait_for_input(in);
            return in.socket().recv(64);
        }},
    Way{"wait, rfile.read_some",
        [](Conversation& in) {
            wait_for_input(in);
            return std::string(in.reader->read_some(64));
        }},
    Way{"wait twice, recv",
        [](Conversation& in) {
            wait_for_input(in);
            wait_for_input(in);
            return in.socket().recv(64);
        }},
    Way{"wait, recv without waiting",
        [](Conversation& in) {
            wait_for_input(in);
            return in.socket().recv(64, MSG_DONTWAIT);
        }},
    Way{"wait in pieces, recv",
        [](Conversation& in) {
            wait_in_pieces(in);
            return in.socket().recv(64);
        }},
    Way{"wait for output, recv",
        [](Conversation& in) {
            BOOST_TEST(in.socket().wait(Interest::writable, Deadline::after(patience)) == WaitResult::ready);
            return in.socket().recv(64);
        }},
    Way{"sleep, recv",
        [](Conversation& in) {
            sleep_for(1ms);
            return in.socket().recv(64);
        }},
    Way{"recv without waiting until there is something", poll_for_it},
    Way{"recv with a short time-out", read_impatiently},
    Way{"recv while another fiber waits", read_beside_another_fiber},
    Way{"when_readable, recv without waiting", read_when_told},
    Way{"recv of a part, the rest when told",
        [](Conversation& in) {
            const std::string piece = in.socket().recv(2);
            return piece + read_when_told(in);
        }},
    Way{"recv in a helper thread", [](Conversation& in) { return offload([&in] { return in.socket().recv(64); }); }},
};

/// When a message comes.
enum class Comes {
    before,           ///< before the reader begins, and the loop has not been told
    before_and_told,  ///< before it begins, and the loop has been told
    meanwhile,        ///< while it waits
};

/// Reads a message.
/// \param told in the message of a failure: what happened before
/// \return whether it came
bool reads(Conversation& in, const Way& way, Comes when, int number, const std::string& told) {
    const std::string message = std::to_string(1000 + number) + '\n';
    if (when == Comes::meanwhile) {
        in.wanted = true;
        in.loop.spawn([&in, message] {
            give_way();
            in.ends.client.sendall(message);
        });
    } else {
        in.ends.client.sendall(message);
        BOOST_TEST(arrive(in.socket(), message.size()));
        if (when == Comes::before_and_told)
            sleep_for(
                1ms);  // the loop looks for events before it lets that end; while fibers only give way it need not look
    }
    std::string got;
    try {
        got = way.read(in);
    } catch (const system_error& failure) {
        got = failure.what();
    }
    BOOST_TEST(got == message, told << way.name << ", " << static_cast<int>(when) << ": got \"" << got << '"');
    return got == message;
}

/// All ways after each other in one connection, each after each.
void converse(Conversation& in, const Way& first) {
    int number = 0;
    for (const Way& second : ways) {
        for (const Comes when : {Comes::before, Comes::before_and_told, Comes::meanwhile}) {
            if (!reads(in, first, Comes::meanwhile, number++, {}) ||
                !reads(in, second, when, number++, std::string("after ") + first.name + ": "))
                return;
        }
    }
}

/// A connection for each way that may come first.
void converse_in_all_ways(SelectorKind kind, Ends (*connection)()) {
    for (const Way& first : ways) {
        Conversation in(kind);
        in.ends = connection();
        in.reader.emplace(in.ends.server);
        in.socket().settimeout(patience);
        in.loop.spawn([&] { converse(in, first); });
        run(in.loop);
    }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(wait_then_read, CaseGuard)

BOOST_DATA_TEST_CASE(whatever_has_waited_before_input_that_has_come_is_read, data::make(selector_kinds), kind) {
    converse_in_all_ways(kind, tcp_connection);
    converse_in_all_ways(kind, unix_connection);
}

BOOST_DATA_TEST_CASE(a_fiber_that_only_waits_takes_no_input_from_one_that_reads, data::make(selector_kinds), kind) {
    // The one that was told has not had its turn when the other one reads.
    auto [server, client] = tcp_connection();
    server.settimeout(patience);
    std::string got;
    bool waiting = false;
    bool over = false;
    bool loop_was_told = false;
    FiberLoop loop(FiberLoopOptions{.selector = kind});
    Wakeup told;
    loop.on_readable(told.fd(), [&] {
        told.clear();
        return loop_was_told = true;
    });
    loop.spawn([&, &socket = server] {
        error_code error;
        got = socket.recv(64, 0, error);
        // Ready when the loop looks for events, it has its turn before who is told of one.
        give_way_until(loop_was_told);
        got += socket.recv(64, 0, error);
        over = true;
    });
    loop.spawn([&, &socket = server] {
        while (got.empty())
            give_way();
        waiting = true;
        BOOST_TEST(socket.wait(Interest::readable, Deadline::after(2 * patience)) == WaitResult::ready);
    });
    loop.spawn([&, &socket = server, &peer = client] {
        peer.sendall("one ");
        give_way_until(waiting);
        peer.sendall("two");
        BOOST_TEST(arrive(socket, 3));
        told.notify();
        give_way_until(over);
        peer.sendall("for who waits");
    });
    run(loop);
    BOOST_TEST(got == "one two");
}

BOOST_DATA_TEST_CASE(a_wait_before_connect_is_not_taken_for_the_connection, data::make(selector_kinds), kind) {
    // Before it is connected a socket is "ready": it has hung up.
    Socket listener = create_server(Address("127.0.0.1", 0), {.backlog = 0});
    const Address address = listener.getsockname();
    std::vector<Socket> queued_ones;
    error_code error;
    do {  // until its queue is full, so that a connection takes its time
        queued_ones.emplace_back(AF_INET, SOCK_STREAM);
        queued_ones.back().settimeout(50ms);
        queued_ones.back().connect(address, error);
    } while (!error);
    BOOST_TEST_REQUIRE(error == system_code(ETIMEDOUT));
    run_fibers(kind, [&] {
        Socket socket(AF_INET, SOCK_STREAM);
        static_cast<void>(socket.wait(Interest::readable, Deadline::after(10ms)));
        socket.settimeout(50ms);
        socket.connect(address, error);
        BOOST_TEST(error == system_code(ETIMEDOUT));
    });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
