#include "scene.hpp"

#include "support/eventually.hpp"
#include "support/fault_note.hpp"
#include "support/readable.hpp"

#include <socketserver/os/shared_memory.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <pthread.h>
#include <signal.h>

using namespace std::chrono_literals;

namespace socketserver::test {

CONTRACT_CASE(serves_again_after_a_shutdown, every_server) {
    Scene scene(combination);
    for (const std::string line : {"first\n", "second\n", "third\n"}) {
        scene.serve();
        BOOST_TEST(scene.exchange(line) == line);
        BOOST_TEST(!scene.stop());
    }
}

CONTRACT_CASE(shutdown_of_a_server_that_never_served_returns, every_server) {
    Scene scene(combination);
    scene.server().shutdown();
    // It is not lost on a thread that was about to serve.
    scene.server().serve_forever();
    scene.serve();
    BOOST_TEST(scene.exchange("hello\n") == "hello\n");
}

CONTRACT_CASE(ends_whenever_it_is_shut_down, every_server) {
    Scene scene(combination);
    for (int i = 0; i < 20; ++i) {
        scene.serve();
        BOOST_TEST(!scene.stop());
    }
    scene.serve();
    BOOST_TEST(scene.exchange("hello\n") == "hello\n");
}

CONTRACT_CASE(a_handler_can_shut_its_server_down, every_server) {
    Scene scene(combination);
    scene.script.handle = [&](Conversation& with) {
        scene.server().shutdown();
        with.wfile << (with.server.stopping() ? "stopping\n" : "going on\n");
    };
    scene.serve();
    BOOST_TEST(scene.exchange("shut down\n") == "stopping\n");
    BOOST_TEST(!scene.join());
}

CONTRACT_CASE(a_handler_can_ask_for_a_shutdown_by_its_context, every_server) {
    Scene scene(combination);
    scene.script.handle = [](Conversation& with) { with.server.request_shutdown(); };
    scene.serve();
    const auto sent = scene.send("\n");
    BOOST_TEST(!scene.join());
}

CONTRACT_CASE(a_hook_can_shut_the_server_down, every_server) {
    Scene scene(combination);
    // Not before the request has ended: one whose bytes are still on their way gets the end of the stream instead.
    scene.script.service_actions = [&] {
        if (scene.script.calls("finish") > 0)
            scene.server().shutdown();
    };
    scene.serve(1ms);
    BOOST_TEST(scene.exchange("\n") == "\n");
    BOOST_TEST(!scene.join());
}

CONTRACT_CASE(a_handler_cannot_close_its_server, every_server) {
    Scene scene(combination);
    scene.script.handle = [&](Conversation& with) {
        try {
            scene.server().server_close();
        } catch (const std::logic_error&) {
            with.wfile << "refused\n";
        }
    };
    scene.serve();
    BOOST_TEST(scene.exchange("\n") == "refused\n");
}

CONTRACT_CASE(accepts_nothing_after_a_shutdown, every_server) {
    Scene scene(combination);
    scene.serve();
    BOOST_TEST(scene.exchange("before\n") == "before\n");
    scene.server().shutdown();
    const auto late = scene.send("late\n");
    BOOST_TEST(!scene.join());
    BOOST_TEST(scene.statistics().accepted == 1U);
    scene.server().server_close();
    BOOST_TEST(scene.statistics().accepted == 1U);
    BOOST_TEST(scene.script.calls("handle") == 1U);
}

CONTRACT_CASE(accepts_no_more_while_it_drains, streams) {
    Scene scene(combination);
    scene.script.handle = [&](Conversation&) { scene.script.await_gate(); };
    scene.serve();
    const auto running = scene.send("wait\n");
    BOOST_TEST(scene.script.comes_to("handle"));
    scene.begin_closing();
    BOOST_TEST(eventually([&] { return scene.server().stopping(); }));
    const std::size_t accepted_before = scene.statistics().accepted;
    BOOST_TEST(eventually([&] {
        // Queued by the kernel or refused, never accepted.
        try {
            [[maybe_unused]] const auto late = scene.send("late\n");
        } catch (const std::system_error&) {
            return true;
        }
        return combination.shutdown_waits();  // its listener is open until the handler has returned
    }));
    BOOST_TEST(scene.statistics().accepted == accepted_before);
    scene.script.gate.notify();
    scene.finish_closing();
    BOOST_TEST(scene.statistics().accepted == accepted_before);
}

CONTRACT_CASE(can_be_closed_before_it_serves, every_server) {
    Scene scene(combination);
    scene.server().server_close();
    BOOST_TEST(scene.server().fileno() == -1);
    // A thread that was about to serve: it ends, whether silently or not.
    scene.serve();
    scene.join();
    scene.server().server_close();
}

CONTRACT_CASE(can_be_closed_while_it_serves, every_server) {
    Scene scene(combination);
    scene.serve();
    BOOST_TEST(scene.exchange("hello\n") == "hello\n");
    scene.server().server_close();
    BOOST_TEST(scene.server().fileno() == -1);
    BOOST_TEST(!scene.join());
}

CONTRACT_CASE(closes_when_its_scope_ends, every_server) {
    Scene scene(combination);
    const int fd = scene.server().fileno();
    const std::string path = scene.server().server_address().path();
    BOOST_TEST(is_open(fd));
    BOOST_TEST(std::filesystem::exists(path) == combination.is_unix());
    scene.destroy();
    BOOST_TEST(!is_open(fd));
    BOOST_TEST(!std::filesystem::exists(path));
}

CONTRACT_CASE(its_socket_is_closed_on_exec, every_server) {
    Scene scene(combination);
    BOOST_TEST(is_close_on_exec(scene.server().fileno()));
}

CONTRACT_CASE(cannot_be_served_twice_at_once, every_server) {
    Scene scene(combination);
    scene.serve();
    BOOST_TEST(scene.exchange("hello\n") == "hello\n");
    BOOST_CHECK_THROW(scene.server().serve_forever(), std::logic_error);
    BOOST_CHECK_THROW(scene.server().handle_request(), std::logic_error);
    BOOST_TEST(scene.exchange("hello\n") == "hello\n");
}

CONTRACT_CASE(cannot_serve_before_it_is_bound, every_server) {
    Scene scene(combination, {.bind_and_activate = false});
    BOOST_CHECK_THROW(scene.server().serve_forever(), std::logic_error);
    BOOST_TEST(scene.server().fileno() == -1);
    scene.server().server_bind();
    scene.server().server_activate();
    scene.serve();
    BOOST_TEST(scene.exchange("hello\n") == "hello\n");
}

CONTRACT_CASE(handle_request_serves_one_request, every_server) {
    Scene scene(combination);
    const auto first = scene.send("first\n");
    const auto second = scene.send("second\n");
    if (first.stream) {
        first.stream->half_close();
        second.stream->half_close();
    }
    scene.server().handle_request();
    BOOST_TEST(first.answer() == "first\n");
    BOOST_TEST(scene.statistics().accepted == 1U);
    scene.server().handle_request();
    BOOST_TEST(second.answer() == "second\n");
    BOOST_TEST(scene.statistics().accepted == 2U);
    BOOST_TEST(scene.script.calls("handle_timeout") == 0U);
}

CONTRACT_CASE(handle_request_tells_when_none_comes_in_time, every_server) {
    Scene scene(combination, {.timeout = 10ms});
    scene.server().handle_request();
    BOOST_TEST(scene.script.calls("handle_timeout") == 1U);
    BOOST_TEST(scene.statistics().accepted == 0U);
}

CONTRACT_CASE(shutdown_ends_handle_request_too, every_server) {
    Scene scene(combination);
    std::thread waiting([&] { scene.server().handle_request(); });
    scene.server().shutdown();
    waiting.join();
    BOOST_TEST(scene.statistics().accepted == 0U);
}

CONTRACT_CASE(service_actions_run_between_requests_and_without_any, every_server) {
    Scene scene(combination);
    const SharedMemory<std::atomic<int>> turns;
    scene.script.service_actions = [&] { ++*turns; };
    std::thread serving([&] { scene.server().serve_forever(1ms); });
    BOOST_TEST(eventually([&] { return *turns > 3; }));
    scene.server().shutdown();
    serving.join();
    // With an interval of an hour only requests bring it about.
    *turns = 0;
    serving = std::thread([&] { scene.server().serve_forever(1h); });
    BOOST_TEST(scene.exchange("hello\n") == "hello\n");
    BOOST_TEST(eventually([&] { return *turns > 0; }));
    scene.server().shutdown();
    serving.join();
}

CONTRACT_CASE(goes_on_when_signals_interrupt_it, every_server) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    struct sigaction former {};
    ::sigaction(SIGUSR2, &action, &former);
    {
        Scene scene(combination);
        std::atomic<pthread_t> serving{};
        scene.script.service_actions = [&] { serving = ::pthread_self(); };
        scene.serve();
        for (int i = 0; i < 20; ++i) {
            BOOST_TEST(scene.exchange("hello\n") == "hello\n");
            BOOST_TEST(eventually([&] { return serving != pthread_t{}; }));
            ::pthread_kill(serving, SIGUSR2);
        }
        BOOST_TEST(!scene.stop());
    }
    ::sigaction(SIGUSR2, &former, nullptr);
}

CONTRACT_CASE(ends_with_an_error_if_its_socket_is_shut_down_by_somebody, every_server) {
    Scene scene(combination);
    scene.serve();
    BOOST_TEST(scene.exchange("hello\n") == "hello\n");
    ::shutdown(scene.server().fileno(), SHUT_RDWR);
    try {
        if (const auto thrown = scene.join())
            std::rethrow_exception(thrown);
        BOOST_ERROR("it returned");
    } catch (const system_error& error) {
        BOOST_TEST(std::string(error.what()).find(scene.server().server_address().to_string()) != std::string::npos);
    }
    note_fault(6, combination.concurrency, "serve_forever() ends and names the address");
}

}  // namespace socketserver::test
