#include "fixtures.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <sys/uio.h>

// A read that returned less than it asked for is taken to have found the end of what had come, and the next one waits
// before it tries. Here is everything that could make it wait in vain.

namespace socketserver::test {

/// What a peer does, step by step; each step is seen by the reader before the next if it is to be.
struct Step {
    const char* text;
    int flags = 0;  // of send(2); -1: the end
};
namespace {

namespace data = boost::unit_test::data;

/// Reads to the end in a fiber: with read_some(), or with it and recv() in turn.
std::string read_all(Socket& socket, std::size_t size, bool mixed = false) {
    std::string all;
    std::vector<std::byte> buffer(size);
    for (int i = 0;; ++i) {
        if (mixed && i % 2 == 1) {
            const std::string some = socket.recv(size / 2 + 1);
            if (some.empty())
                return all;
            all += some;
            continue;
        }
        error_code error;
        const IoResult result = socket.read_some(buffer, error);
        if (error)
            return all + ": " + error.message();
        all.append(reinterpret_cast<const char*>(buffer.data()), result.bytes);
        if (result.status != IoStatus::ok)
            return result.status == IoStatus::eof ? all : all + ": no eof";
    }
}

constexpr Step end_of_stream{"", -1};

void take(const Step& step, Socket& peer) {
    if (step.flags < 0)
        peer.shutdown(SHUT_WR);
    else
        peer.send(step.text, step.flags);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(short_read, CaseGuard)

BOOST_DATA_TEST_CASE(nothing_is_waited_for_in_vain_whatever_comes_together, data::make(selector_kinds), kind) {
    const std::vector<std::vector<Step>> scenes{
        {{"abc"}, end_of_stream},
        {{"abc"}, {"def"}, end_of_stream},
        {{"abc"}, {"!", MSG_OOB}, {"def"}, end_of_stream},
        {{"!", MSG_OOB}, {"def"}, end_of_stream},
        {{"abc"}, {"!", MSG_OOB}, end_of_stream},
        {{"abc"}, {"!", MSG_OOB}, {"def"}, {"?", MSG_OOB}, {"ghi"}, end_of_stream},
    };
    for (const auto& scene : scenes) {
        std::string expected;
        for (const Step& step : scene)
            if (step.flags == 0)
                expected += step.text;
        // Each pause after a step, or none: all the ways to cut the scene into what comes together.
        for (unsigned pauses = 0; pauses < 1U << scene.size(); ++pauses) {
            auto [server, client] = tcp_connection();
            server.settimeout(5s);
            std::string got;
            run_fibers(
                kind, [&, &socket = server] { got = read_all(socket, 64); },
                [&, &peer = client] {
                    for (std::size_t i = 0; i < scene.size(); ++i) {
                        take(scene[i], peer);
                        if ((pauses >> i & 1U) != 0)
                            sleep_for(1ms);
                    }
                });
            // An urgent byte that nobody has received becomes ordinary when the next one comes.
            std::erase(got, '!');
            BOOST_TEST_INFO("pauses " << pauses);
            BOOST_TEST(got == expected);
        }
    }
}

BOOST_DATA_TEST_CASE(what_came_before_the_first_read_is_found, data::make(selector_kinds), kind) {
    for (const bool waits_before : {false, true}) {
        auto [server, client] = tcp_connection();
        server.settimeout(5s);
        std::string got;
        run_fibers(kind, [&, &socket = server, &peer = client] {
            if (waits_before)
                static_cast<void>(socket.wait(Interest::readable, Deadline::after(1ms)));
            peer.sendall("abc");
            peer.send("!", MSG_OOB);
            peer.sendall("def");
            peer.shutdown(SHUT_WR);
            BOOST_TEST(eventually([&] { return queued(socket.fileno()) > 0; }));
            got = read_all(socket, 64);
        });
        BOOST_TEST(got == "abcdef");
    }
}

BOOST_DATA_TEST_CASE(what_comes_between_a_short_read_and_the_wait_is_found, data::make(selector_kinds), kind) {
    auto [server, client] = tcp_connection();
    server.settimeout(5s);
    std::string got;
    run_fibers(kind, [&, &socket = server, &peer = client] {
        for (const char* const text : {"one", "two", "three"}) {
            peer.sendall(text);
            BOOST_TEST(arrive(socket, std::string_view(text).size()));
            got += socket.recv(64);
        }
        peer.sendall("last");
        peer.shutdown(SHUT_WR);
        BOOST_TEST(arrive(socket, 4));
        got += read_all(socket, 64);
    });
    BOOST_TEST(got == "onetwothreelast");
}

BOOST_DATA_TEST_CASE(urgent_data_alone_neither_ends_a_read_nor_keeps_the_loop_busy, data::make(selector_kinds), kind) {
    auto [server, client] = tcp_connection();
    server.settimeout(200ms);
    error_code error;
    bool others_ran = false;
    std::chrono::microseconds used{};
    const auto before = processor_time();
    run_fibers(
        kind,
        [&, &socket = server] {
            static_cast<void>(socket.recv(64, 0, error));
            used = processor_time() - before;
        },
        [&, &peer = client] {
            sleep_for(1ms);
            peer.send("!", MSG_OOB);
            sleep_for(10ms);
            others_ran = true;
        });
    BOOST_TEST(error == system_code(ETIMEDOUT));
    BOOST_TEST(others_ran);
    BOOST_TEST((used < 100ms));
}

BOOST_DATA_TEST_CASE(pieces_of_a_unix_stream_that_came_with_descriptors_are_all_read, data::make(selector_kinds),
                     kind) {
    // The kernel ends a read after a piece that carries descriptors, though more has come.
    auto [server, client] = unix_connection();
    server.settimeout(5s);
    const auto send_with_descriptor = [&peer = client](char byte) {
        iovec bytes{&byte, 1};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        msghdr message{};
        message.msg_iov = &bytes;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        const int fd = peer.fileno();
        std::copy_n(reinterpret_cast<const char*>(&fd), sizeof fd, reinterpret_cast<char*>(CMSG_DATA(header)));
        return ::sendmsg(peer.fileno(), &message, MSG_NOSIGNAL) == 1;
    };
    std::string got;
    run_fibers(
        kind,
        [&, &socket = server] {
            while (got.size() < 3)
                got += socket.recv(64);
        },
        [&] {
            for (const char byte : {'a', 'b', 'c'})
                BOOST_TEST(send_with_descriptor(byte));
        });
    BOOST_TEST(got == "abc");
}

BOOST_DATA_TEST_CASE(recv_and_read_some_can_be_mixed, data::make(selector_kinds), kind) {
    for (Ends (*const connection)() : {tcp_connection, unix_connection}) {
        auto [server, client] = connection();
        server.settimeout(5s);
        std::string got;
        const std::string sent = pattern(20'000);
        run_fibers(
            kind, [&, &socket = server] { got = read_all(socket, 100, true); },
            [&, &peer = client] {
                for (std::size_t at = 0; at < sent.size(); at += 250) {
                    peer.sendall(std::string_view(sent).substr(at, 250));
                    if (at % 1000 == 0)
                        sleep_for(0ms);
                }
                peer.shutdown(SHUT_WR);
            });
        BOOST_TEST((got == sent));
    }
}

BOOST_DATA_TEST_CASE(every_byte_that_a_thread_writes_in_random_pieces_is_read, data::make(selector_kinds), kind) {
    for (Ends (*const connection)() : {tcp_connection, unix_connection}) {
        for (const unsigned seed : {1U, 2U, 3U, 4U}) {
            auto [server, client] = connection();
            server.settimeout(10s);
            const std::string sent = pattern(300'000);
            Background writer([&sent, seed, &peer = client] {
                std::mt19937 random(seed);
                for (std::size_t at = 0; at < sent.size();) {
                    const std::size_t size =
                        std::min<std::size_t>(1 + random() % (random() % 4 == 0 ? 5000 : 50), sent.size() - at);
                    peer.sendall(std::string_view(sent).substr(at, size));
                    at += size;
                    if (random() % 4 == 0)
                        std::this_thread::yield();
                }
                peer.shutdown(SHUT_WR);
            });
            std::string got;
            int turns = 0;
            bool done = false;
            run_fibers(
                kind,
                [&, &socket = server] {
                    got = read_all(socket, 1 + seed * 700, seed % 2 == 0);
                    done = true;
                },
                [&] {
                    while (!done) {  // NOLINT(bugprone-infinite-loop): the other fiber sets it
                        sleep_for(1ms);
                        ++turns;
                    }
                });
            writer.join();
            BOOST_TEST(got.size() == sent.size());
            BOOST_TEST(hash_of(got) == hash_of(sent));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
