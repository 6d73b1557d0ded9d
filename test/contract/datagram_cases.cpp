#include "scene.hpp"

#include "support/fault_note.hpp"

#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>

#include <sys/socket.h>

// What is particular to servers of datagrams.

namespace socketserver::test {

CONTRACT_CASE(an_empty_datagram_is_a_request, datagrams) {
    Scene scene(combination);
    scene.script.handle = [](Conversation& with) { with.wfile << with.datagram->data().size() << " bytes"; };
    scene.serve();
    BOOST_TEST(scene.exchange("") == "0 bytes");
    note_fault(28, combination.concurrency, "an empty datagram is answered");
}

CONTRACT_CASE(no_reply_unless_something_was_written, datagrams) {
    Scene scene(combination);
    scene.script.handle = [](Conversation& with) {
        if (with.datagram->data() != "quiet")
            with.echo();
    };
    scene.serve();
    DatagramClient client = scene.datagram_client();
    client.send("quiet");
    BOOST_TEST(scene.script.comes_to("close_request"));
    client.send("speak");
    BOOST_TEST(client.receive() == "speak");
}

CONTRACT_CASE(no_reply_if_the_handler_throws, datagrams) {
    Scene scene(combination);
    scene.script.handle = [](Conversation& with) {
        with.echo();
        if (with.datagram->data() == "bad")
            throw std::runtime_error("bad");
    };
    scene.serve();
    DatagramClient client = scene.datagram_client();
    client.send("bad");
    BOOST_TEST(scene.script.comes_to("close_request"));
    client.send("good");
    BOOST_TEST(client.receive() == "good");
}

CONTRACT_CASE(a_longer_datagram_is_seen_to_be_cut, datagrams) {
    Scene scene(combination, {.max_packet_size = 4});
    scene.script.handle = [](Conversation& with) {
        with.wfile << with.datagram->data() << (with.datagram->truncated() ? " and more" : "");
    };
    scene.serve();
    BOOST_TEST(scene.exchange("four") == "four");
    BOOST_TEST(scene.exchange("more than four") == "more and more");
    note_fault(28, combination.concurrency, "a datagram over the limit is seen to be cut");
}

CONTRACT_CASE(a_client_that_is_gone_does_not_stop_a_datagram_server, datagrams) {
    Scene scene(combination);
    scene.script.handle = [&](Conversation& with) {
        if (with.datagram->data() == "wait")
            scene.script.await_gate();
        with.echo();
    };
    scene.serve();
    auto gone = scene.send("wait");
    BOOST_TEST(scene.script.comes_to("handle"));
    gone.datagram.reset();
    scene.script.gate.notify();
    BOOST_TEST(scene.script.comes_to("shutdown_request"));
    for (const std::string line : {"one\n", "two\n"})
        BOOST_TEST(scene.exchange(line) == line);
    note_fault(28, combination.concurrency, "replies to a client that is gone, the next ones are served");
}

// A forged sender is enough to have a server that answers whatever comes answer itself for ever.
CONTRACT_CASE(drops_datagrams_that_come_from_its_own_address, datagrams) {
    Scene scene(combination);
    scene.script.handle = [](Conversation& with) { with.datagram->reply(with.datagram->data()); };
    const Address& own = scene.server().server_address();
    constexpr int count = 8;
    for (int i = 0; i < count; ++i)
        BOOST_TEST(::sendto(scene.server().fileno(), "loop", 4, 0, own.data(), own.size()) == 4);
    scene.serve();
    BOOST_TEST(scene.exchange("line") == "line");
    BOOST_TEST(!scene.stop());
    scene.server().server_close();
    BOOST_TEST(scene.statistics().accepted == count + 1U);
    BOOST_TEST(scene.statistics().rejected == static_cast<unsigned>(count));
    BOOST_TEST(scene.statistics().handled == 1U);
    // Once in a second, in each process; it may have taken some.
    BOOST_TEST(scene.logged("request from " + own.to_string() + ": dropped") >= 1U);
    BOOST_TEST(scene.logged("request from " + own.to_string() + ": dropped") < static_cast<unsigned>(count));
    note_fault(54, combination.concurrency, "8 datagrams from the server's own address dropped, a client answered");
}

CONTRACT_CASE(logs_few_of_many_datagrams_that_fail, datagrams) {
    Scene scene(combination);
    scene.script.handle = [](Conversation& with) {
        if (with.datagram->data() == "fail")
            throw std::runtime_error("as told");
        with.datagram->reply(with.datagram->data());
    };
    scene.serve();
    DatagramClient client = scene.datagram_client();
    constexpr int count = 100;
    for (int i = 0; i < count; ++i) {
        client.send("fail");
        client.send("go on");
        BOOST_TEST_REQUIRE(client.receive() == "go on");
    }
    BOOST_TEST(!scene.stop());
    scene.server().server_close();
    BOOST_TEST(scene.statistics().failed == static_cast<unsigned>(count));
    // Ten a second; it may have taken some.
    BOOST_TEST(scene.logged("as told") >= 10U);
    BOOST_TEST(scene.logged("as told") < static_cast<unsigned>(count));
    note_fault(54, combination.concurrency, "100 datagrams fail: few lines in the log, all counted");
}

}  // namespace socketserver::test
