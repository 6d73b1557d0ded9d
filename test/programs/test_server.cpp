/// \file
/// A server whose handler does on command what the demo programs' handlers never do. One command a line:
///
///     stop        says "waiting", waits until it is asked to end, says "done"
///     spin        says "spinning", computes until it is asked to end, says "stopping", computes for ever
///     sleep       says "sleeping" and sleeps for an hour by the library's means
///     throw       throws
///     exit        ends the server with status 7
///     env NAME    says the value of an environment variable, or "unset"
///     options     says the values of its own options

#include <socketserver/run_server.hpp>
#include <socketserver/stream_request_handler.hpp>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ss = socketserver;

namespace {

struct Options {
    bool flag = false;
    std::string text = "none";
    std::size_t count = 3;
    std::chrono::nanoseconds span = std::chrono::milliseconds{1500};

    template <class Add>
    void declare(Add&& add) {
        add("flag", "a switch", flag);
        add("text", "a text", text);
        add("count", "a number", count);
        add("span", "a span of time", span);
    }
};

class TestHandler : public ss::StreamRequestHandler {
public:
    using Options = ::Options;
    static constexpr std::string_view description = "Does as it is told.";

    TestHandler(ss::Socket& the_request, const ss::Address& client, ss::ServerContext& the_server,
                const Options& options)
        : StreamRequestHandler(the_request, client, the_server), options_(options) {}

    void handle() override {
        while (const auto line = rfile.read_line())
            obey(std::string(*line));
    }

private:
    void obey(const std::string& command) {
        if (command == "stop") {
            say("waiting");
            compute_until_asked_to_end();
            say("done");
        } else if (command == "spin") {
            say("spinning");
            compute_until_asked_to_end();
            say("stopping");
            // ThreadSanitizer calls a signal handler only at a call of the C library: the clock is one.
            while (std::chrono::steady_clock::now() != std::chrono::steady_clock::time_point::max()) {
            }
        } else if (command == "sleep") {
            say("sleeping");
            ss::sleep_for(std::chrono::hours{1});
        } else if (command == "throw") {
            throw std::runtime_error("as told");
        } else if (command == "exit") {
            throw ss::SystemExit{7};
        } else if (command.starts_with("env ")) {
            const char* const value = std::getenv(command.substr(4).c_str());
            say(value != nullptr ? value : "unset");
        } else if (command == "options") {
            wfile << (options_.flag ? "flag " : "") << options_.text << ' ' << options_.count << ' '
                  << options_.span.count() << '\n';
        }
    }

    void say(std::string_view text) {
        wfile << text << '\n';
        wfile.flush();
    }

    void compute_until_asked_to_end() const {
        while (!server.stopping()) {
        }
    }

    const Options& options_;
};

}  // namespace

int main(int argc, char* argv[]) {
    return ss::run_server<TestHandler>(argc, argv);
}
