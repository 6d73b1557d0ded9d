/// \file
/// The server of the fault suite. Its handler sends lines back, and does on command what brings servers into trouble. One
/// command a line:
///
///     bytes            sends back what follows, each byte read and written by itself
///     catch WORD       throws WORD, says "caught" while it handles that, waits for a line, says what it is handling
///     default-sigpipe  has SIGPIPE do what it does by default
///     die              dies by SIGKILL
///     leave            says "bye" and leaves, whatever is still to be read
///     lost             says how many lines of the log were lost
///     overflow         uses more stack than a fiber has
///     pid              says the number of its process
///     read PATH        says the first line of a file
///     resolve          says whether the name of this machine was resolved
///     run COMMAND      has the shell run a command, says how that ended: "exit 5", "signal 9"
///     sleep            says "sleeping" and sleeps for an hour
///     statistics       says what the server has counted
///     storm            is interrupted every millisecond from now on
///     throw [TEXT]     throws an exception
///     throw-unknown    throws what is no std::exception
///     unwind WORD      throws WORD, says "unwinding" in a destructor, waits there for a line, says what it caught
///     wait             sends back what comes, for which it waits 20 ms at a time, until "end"
///     write N          writes N bytes, and "written"

#include "injection.hpp"

#include <socketserver/net/child_process.hpp>
#include <socketserver/net/offload.hpp>
#include <socketserver/net/resolve.hpp>
#include <socketserver/run_server.hpp>
#include <socketserver/stream_request_handler.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <fstream>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sys/wait.h>
#include <unistd.h>

namespace ss = socketserver;

namespace {

// NOLINTNEXTLINE(misc-no-recursion): it is to overflow
[[gnu::noinline]] int use_stack(int depth) {
    volatile char block[1024];
    block[0] = static_cast<char>(depth);
    return depth == 0 ? 0 : use_stack(depth - 1) + block[0];
}

class FaultHandler : public ss::StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;
    static constexpr std::string_view description = "Runs into trouble as it is told.";

    void handle() override {
        while (!left_) {
            const auto line = rfile.readline();
            if (line.empty())
                return;
            obey(std::string(line));
        }
    }

private:
    using Word = const std::string&;
    using Commands = std::map<std::string, std::function<void(FaultHandler&, Word)>, std::less<>>;

    void obey(const std::string& line) {
        static const Commands commands{
            {"bytes", [](FaultHandler& self, Word) { self.bytes(); }},
            {"catch", [](FaultHandler& self, Word word) { self.wait_in_catch(word); }},
            {"default-sigpipe", [](FaultHandler&, Word) { std::signal(SIGPIPE, SIG_DFL); }},
            {"die", [](FaultHandler&, Word) { std::raise(SIGKILL); }},
            {"leave", [](FaultHandler& self, Word) { self.leave(); }},
            {"lost",
             [](FaultHandler& self, Word) { self.say(std::to_string(self.server.statistics().log_lines_lost)); }},
            {"overflow", [](FaultHandler& self, Word) { self.say(std::to_string(use_stack(10'000))); }},
            {"pid", [](FaultHandler& self, Word) { self.say(std::to_string(::getpid())); }},
            {"read", [](FaultHandler& self, Word path) { self.read(path); }},
            {"resolve", [](FaultHandler& self, Word) { self.resolve(); }},
            {"run", [](FaultHandler& self, Word command) { self.run(command); }},
            {"sleep", [](FaultHandler& self, Word) { self.sleep(); }},
            {"statistics", [](FaultHandler& self, Word) { self.tell_statistics(); }},
            {"storm", [](FaultHandler&, Word) { ss::test::interrupt_this_thread(); }},
            {"throw", [](FaultHandler&, Word text) { throw std::runtime_error(text.empty() ? "as told" : text); }},
            {"throw-unknown", [](FaultHandler&, Word) { throw 1; }},
            {"unwind", [](FaultHandler& self, Word word) { self.wait_in_unwinding(word); }},
            {"wait", [](FaultHandler& self, Word) { self.wait_then_read(); }},
            {"write", [](FaultHandler& self, Word size) { self.write(std::stoul(size)); }},
        };
        const std::string text = line.ends_with('\n') ? line.substr(0, line.size() - 1) : line;
        const auto space = std::min(text.find(' '), text.size());
        const auto command = commands.find(std::string_view(text).substr(0, space));
        if (command == commands.end())
            wfile << line;
        else
            command->second(*this, text.substr(std::min(space + 1, text.size())));
    }

    void say(std::string_view text) {
        wfile << text << '\n';
        wfile.flush();
    }

    void bytes() {
        for (std::string byte = rfile.read(1); !byte.empty(); byte = rfile.read(1)) {
            wfile << byte;
            wfile.flush();
        }
    }

    void wait_then_read() {
        say("waiting");
        for (std::string got; got != "end\n";) {
            const auto waited =
                request.wait(ss::Interest::readable, ss::Deadline::after(std::chrono::milliseconds{20}));
            if (waited == ss::WaitResult::timed_out)
                continue;
            got = request.recv(65'536);
            request.sendall(got);
        }
    }

    void wait_in_catch(const std::string& word) {
        try {
            throw std::runtime_error(word);
        } catch (const std::exception& caught) {
            say("caught");
            static_cast<void>(rfile.readline());
            try {
                throw;
            } catch (const std::exception& again) {
                say(std::string(caught.what()) + ' ' + again.what());
            }
        }
    }

    void wait_in_unwinding(const std::string& word) {
        struct WaitsAtItsEnd {
            FaultHandler& handler;
            explicit WaitsAtItsEnd(FaultHandler& the_handler) : handler(the_handler) {}
            ~WaitsAtItsEnd() {
                handler.say("unwinding");
                static_cast<void>(handler.rfile.readline());
            }
            WaitsAtItsEnd(const WaitsAtItsEnd&) = delete;
            WaitsAtItsEnd& operator=(const WaitsAtItsEnd&) = delete;
        };
        try {
            const WaitsAtItsEnd waits(*this);
            throw std::runtime_error(word);
        } catch (const std::exception& caught) {
            say(caught.what());
        }
    }

    void leave() {
        say("bye");
        left_ = true;
    }

    void read(const std::string& path) {
        say(ss::offload([&path] {
            std::ifstream file(path);
            std::string line;
            std::getline(file, line);
            return line;
        }));
    }

    void resolve() { say(ss::getaddrinfo("localhost", 1).empty() ? "unknown" : "resolved"); }

    void run(const std::string& command) {
        ss::ChildProcess shell({"/bin/sh", "-c", command});
        static_cast<void>(shell.wait(ss::Deadline::never()));
        const int status = shell.end();
        say(WIFEXITED(status)     ? "exit " + std::to_string(WEXITSTATUS(status))
            : WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                                  : "unknown");
    }

    void sleep() {
        say("sleeping");
        ss::sleep_for(std::chrono::hours{1});
    }

    void tell_statistics() {
        const ss::Statistics now = server.statistics();
        wfile << "accepted " << now.accepted << " active " << now.active << " handled " << now.handled << " failed "
              << now.failed << " rejected " << now.rejected << " accept_errors " << now.accept_errors << '\n';
    }

    void write(std::size_t size) {
        const std::string piece(std::min<std::size_t>(size, 65'536), 'x');
        for (std::size_t left = size; left != 0;) {
            const std::size_t count = std::min(left, piece.size());
            wfile << std::string_view(piece).substr(0, count);
            left -= count;
        }
        say("written");
    }

    bool left_ = false;
};

}  // namespace

int main(int argc, char* argv[]) {
    ss::test::begin_injection();
    return ss::run_server<FaultHandler>(argc, argv);
}
