#include "scene.hpp"

#include <socketserver/serving/request_handler.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace socketserver::test {

namespace {

using Hooks = std::vector<std::string>;

const Hooks accepted{"get_request", "verify_request", "process_request"};

Hooks operator+(Hooks first, const Hooks& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

const Hooks bound{"server_bind", "server_activate"};

/// The hooks that a single request called where it was got, since the server was bound.
Hooks where_requests_are_got(const Combination& combination, const Scene& scene) {
    if (combination.preforks)
        return scene.script.in_children();
    Hooks serving = scene.script.in_serving_thread();
    if (!combination.has_threads && (!combination.has_workers || !serving.empty()))
        return serving;
    Hooks threads = scene.script.in_other_threads();
    threads.erase(threads.begin(), threads.begin() + 2);  // before it served there was no serving thread
    return threads;
}

/// Checks which hooks one request called, and where.
/// \param served what is called from finish_request on
void check_hooks(const Combination& combination, Scene& scene, const Hooks& served) {
    // The child's last act, or the thread's, is followed by nothing that a client could see.
    BOOST_TEST(scene.script.comes_to("close_request", combination.forks ? 2 : 1));
    scene.server().shutdown();
    scene.server().server_close();
    Hooks serving = scene.script.in_serving_thread();
    Hooks threads = scene.script.in_other_threads();
    const Hooks children = scene.script.in_children();
    // Before it served there was no serving thread.
    BOOST_TEST(Hooks(threads.begin(), threads.begin() + 2) == bound, boost::test_tools::per_element());
    threads.erase(threads.begin(), threads.begin() + 2);
    if (combination.has_workers && serving.empty())
        std::swap(serving, threads);  // in one of those that serve
    if (combination.preforks) {
        BOOST_TEST(serving == Hooks{}, boost::test_tools::per_element());
        BOOST_TEST(threads == Hooks{}, boost::test_tools::per_element());
        BOOST_TEST(children == accepted + served, boost::test_tools::per_element());
    } else if (combination.forks) {
        BOOST_TEST(serving == accepted + Hooks{"close_request"}, boost::test_tools::per_element());
        BOOST_TEST(children == served, boost::test_tools::per_element());
        BOOST_TEST(threads == Hooks{}, boost::test_tools::per_element());
    } else if (combination.serves_in_threads) {
        BOOST_TEST(serving == accepted, boost::test_tools::per_element());
        BOOST_TEST(threads == served, boost::test_tools::per_element());
        BOOST_TEST(children == Hooks{}, boost::test_tools::per_element());
    } else if (combination.has_threads) {
        BOOST_TEST(serving == Hooks{}, boost::test_tools::per_element());
        BOOST_TEST(threads == accepted + served, boost::test_tools::per_element());
        BOOST_TEST(children == Hooks{}, boost::test_tools::per_element());
    } else {
        BOOST_TEST(serving == accepted + served, boost::test_tools::per_element());
        BOOST_TEST(threads == Hooks{}, boost::test_tools::per_element());
        BOOST_TEST(children == Hooks{}, boost::test_tools::per_element());
    }
}

void answer_one_line(Conversation& with) {
    [[maybe_unused]] const auto line = with.rfile.read_line();
    with.wfile << "answer\n";
}

}  // namespace

CONTRACT_CASE(calls_the_hooks_in_order_and_once, every_server) {
    Scene scene(combination);
    scene.script.handle = answer_one_line;
    scene.serve();
    BOOST_TEST(scene.exchange("\n") == "answer\n");
    check_hooks(combination, scene,
                {"finish_request", "construct", "setup", "handle", "finish", "shutdown_request", "close_request"});
    BOOST_TEST(scene.script.log.lines().empty());
}

CONTRACT_CASE(finishes_and_closes_when_the_handler_throws, every_server) {
    Scene scene(combination);
    scene.script.handle = [](Conversation&) { throw std::runtime_error("as told"); };
    scene.serve();
    const auto sent = scene.send("\n");
    check_hooks(combination, scene,
                {"finish_request", "construct", "setup", "handle", "finish", "handle_error", "shutdown_request",
                 "close_request"});
    BOOST_TEST(scene.logged("as told") == 1U);
    BOOST_TEST(scene.script.log.lines().size() == 1U);
}

CONTRACT_CASE(does_not_finish_what_could_not_be_set_up, every_server) {
    Scene scene(combination);
    scene.script.setup = [](Conversation&) { throw std::runtime_error("as told"); };
    scene.serve();
    const auto sent = scene.send("\n");
    check_hooks(combination, scene,
                {"finish_request", "construct", "setup", "handle_error", "shutdown_request", "close_request"});
    BOOST_TEST(scene.logged("as told") == 1U);
}

CONTRACT_CASE(closes_when_the_handler_cannot_be_made, every_server) {
    Scene scene(combination);
    scene.script.construct = [](Conversation&) { throw std::runtime_error("as told"); };
    scene.serve();
    const auto sent = scene.send("\n");
    check_hooks(combination, scene,
                {"finish_request", "construct", "handle_error", "shutdown_request", "close_request"});
}

CONTRACT_CASE(tells_of_an_error_in_finish, every_server) {
    Scene scene(combination);
    scene.script.finish = [](Conversation&) { throw std::runtime_error("as told"); };
    scene.serve();
    const auto sent = scene.send("\n");
    if (sent.stream)
        sent.stream->half_close();
    check_hooks(combination, scene,
                {"finish_request", "construct", "setup", "handle", "finish", "handle_error", "shutdown_request",
                 "close_request"});
}

CONTRACT_CASE(tells_the_first_of_two_errors, every_server) {
    Scene scene(combination);
    scene.script.handle = [](Conversation&) { throw std::runtime_error("the first"); };
    scene.script.finish = [](Conversation&) { throw std::runtime_error("the second"); };
    scene.serve();
    const auto sent = scene.send("\n");
    check_hooks(combination, scene,
                {"finish_request", "construct", "setup", "handle", "finish", "handle_error", "shutdown_request",
                 "close_request"});
    BOOST_TEST(scene.logged("the first") == 1U);
    BOOST_TEST(scene.script.log.lines().size() == 1U);
}

CONTRACT_CASE(tells_of_what_is_no_exception_class, every_server) {
    Scene scene(combination);
    scene.script.handle = [](Conversation&) { throw 42; };
    scene.serve();
    const auto sent = scene.send("\n");
    BOOST_TEST(scene.script.comes_to("close_request", combination.forks ? 2 : 1));
    scene.stop();
    BOOST_TEST(scene.logged("no std::exception") == 1U);
}

CONTRACT_CASE(only_shuts_down_what_verify_request_refuses, every_server) {
    Scene scene(combination);
    scene.script.verify_request = [](const Address&) { return false; };
    scene.serve();
    const auto sent = scene.send("\n");
    BOOST_TEST(scene.script.comes_to("close_request"));
    scene.stop();
    BOOST_TEST(where_requests_are_got(combination, scene) ==
                   (Hooks{"get_request", "verify_request", "shutdown_request", "close_request"}),
               boost::test_tools::per_element());
    BOOST_TEST(scene.statistics().rejected == 1U);
    BOOST_TEST(scene.statistics().failed == 0U);
}

CONTRACT_CASE(goes_on_when_verify_request_throws, every_server) {
    Scene scene(combination);
    scene.script.verify_request = [&](const Address&) -> bool {
        if (scene.script.calls("verify_request") == 1)
            throw std::runtime_error("as told");
        return true;
    };
    scene.serve();
    const auto sent = scene.send("\n");
    BOOST_TEST(scene.script.comes_to("close_request"));
    BOOST_TEST(where_requests_are_got(combination, scene) ==
                   (Hooks{"get_request", "verify_request", "handle_error", "shutdown_request", "close_request"}),
               boost::test_tools::per_element());
    BOOST_TEST(scene.exchange("next\n") == "next\n");
    scene.stop();
    BOOST_TEST(scene.statistics().failed == 1U);
    BOOST_TEST(scene.statistics().rejected == 0U);
    BOOST_TEST(scene.logged("as told") == 1U);
}

// The twins of test_{sync,threading,forking}_handled and _not_handled.

CONTRACT_CASE(an_exception_is_handled_by_handle_error, every_server) {
    Scene scene(combination);
    scene.script.handle = [](Conversation&) { throw std::runtime_error("as told"); };
    const auto sent = scene.send("\n");
    scene.script.now_serving();
    scene.server().handle_request();
    scene.server().server_close();
    BOOST_TEST(scene.script.calls("handle") == 1U);
    BOOST_TEST(scene.script.calls("handle_error") == 1U);
}

CONTRACT_CASE(an_exception_that_ends_the_program_is_not, every_server) {
    Scene scene(combination);
    scene.script.handle = [](Conversation&) { throw SystemExit{7}; };
    const auto sent = scene.send("\n");
    scene.script.now_serving();
    if (combination.in_requesting_thread()) {
        BOOST_CHECK_EXCEPTION(scene.server().handle_request(), SystemExit,
                              [](const SystemExit& exit) { return exit.status == 7; });
    } else {
        scene.server().handle_request();
    }
    scene.server().server_close();
    BOOST_TEST(scene.script.calls("handle") == 1U);
    BOOST_TEST(scene.script.calls("handle_error") == 0U);
}

CONTRACT_CASE(system_exit_ends_what_serves_the_request, every_server) {
    Scene scene(combination);
    scene.script.handle = [&](Conversation& with) {
        if (scene.script.calls("handle") == 1)
            throw SystemExit{7};
        with.echo();
    };
    scene.serve();
    const auto sent = scene.send("\n");
    if (combination.in_serving_thread()) {
        try {
            if (const auto thrown = scene.join())
                std::rethrow_exception(thrown);
            BOOST_ERROR("serve_forever returned");
        } catch (const SystemExit& exit) {
            BOOST_TEST(exit.status == 7);
        }
        // The request was closed before.
        BOOST_TEST(where_requests_are_got(combination, scene).back() == "close_request");
        BOOST_TEST(scene.statistics().active == 0U);
        scene.serve();
    }
    BOOST_TEST(scene.script.comes_to("shutdown_request"));
    BOOST_TEST(scene.exchange("next\n") == "next\n");
    scene.stop();
    scene.server().server_close();
    BOOST_TEST(scene.script.calls("handle_error") == 0U);
    BOOST_TEST(scene.script.calls("shutdown_request") == 2U);
    BOOST_TEST(scene.statistics().handled == 1U);
    const bool ends_a_worker = combination.preforks && !combination.has_threads;
    BOOST_TEST(scene.logged(" left with status 7") == (ends_a_worker ? 1U : 0U));
    BOOST_TEST(scene.script.log.lines().size() == (ends_a_worker ? 1U : 0U));
}

}  // namespace socketserver::test
