/// \file
/// A benchmark of a handler that can be told to stall, to err, to go away, to print and to count its requests.

#include <socketserver/bench_main.hpp>
#include <socketserver/socketserver.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

namespace ss = socketserver;

namespace {

struct Faults {
    std::chrono::nanoseconds stall{0};
    std::chrono::nanoseconds stall_every{0};
    std::size_t stalling_line = 50;
    std::size_t wrong_line = 0;
    std::size_t exit_line = 0;
    std::size_t print = 0;
    std::string count_file;

    template <class Add>
    void declare(Add&& add) {
        add("stall", "stall on each connection for S seconds", stall);
        add("stall-every", "stall whenever S seconds have passed; 0: once", stall_every);
        add("stalling-line", "if once, at the N-th line", stalling_line);
        add("wrong-line", "answer the N-th line of a connection wrongly; 0: none", wrong_line);
        add("exit-line", "end the process at the N-th line of a connection; 0: never", exit_line);
        add("print", "print N bytes on standard output at each line", print);
        add("count-file", "append the number of lines of each connection to this file", count_file);
    }
};

class Faulty : public ss::StreamRequestHandler {
public:
    using Options = Faults;

    Faulty(ss::Socket& the_request, const ss::Address& client, ss::ServerContext& the_server, const Faults& faults)
        : StreamRequestHandler(the_request, client, the_server), faults_(faults) {}

    void handle() override {
        while (const auto line = rfile.read_line()) {
            ++lines_;
            if (lines_ == faults_.exit_line)
                leave();
            if (faults_.print > 0)
                std::cout << std::string(faults_.print, '.') << std::flush;
            if (faults_.stall.count() > 0 && stalls())
                ss::sleep_for(faults_.stall);
            wfile << (lines_ == faults_.wrong_line ? "wrong\n" : "right\n");
        }
    }

    void finish() override {
        StreamRequestHandler::finish();
        if (faults_.count_file.empty())
            return;
        constexpr mode_t permissions = 0600;
        const int file = ::open(faults_.count_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, permissions);
        const std::string text = std::to_string(lines_) + '\n';
        if (file < 0 || ::write(file, text.data(), text.size()) < 0)
            std::abort();
        ::close(file);
    }

private:
    [[noreturn]] static void leave() {
        constexpr std::string_view last_words = "my time has come\n";
        static_cast<void>(!::write(STDERR_FILENO, last_words.data(), last_words.size()));
        ::_exit(EXIT_FAILURE);
    }

    bool stalls() {
        const auto now = std::chrono::steady_clock::now();
        if (faults_.stall_every.count() == 0)
            return lines_ == faults_.stalling_line;
        const bool due = now - last_stall_ >= faults_.stall_every;
        if (due)
            last_stall_ = now;
        return due;
    }

    const Faults& faults_;
    std::chrono::steady_clock::time_point last_stall_ = std::chrono::steady_clock::now();
    std::size_t lines_ = 0;
};

/// Takes none of the options.
class DatagramRight : public ss::DatagramRequestHandler {
public:
    using DatagramRequestHandler::DatagramRequestHandler;

    void handle() override { wfile << "right\n"; }
};

}  // namespace

int main(int argc, char* argv[]) {
    ss::BenchDialogue dialogue;
    dialogue.reply = [](std::string_view, std::string_view received) -> ss::ParseResult<std::string_view> {
        constexpr std::string_view right = "right\n";
        if (received.starts_with(right))
            return {right, right.size()};
        if (right.starts_with(received))
            return ss::Incomplete{};
        return ss::ParseError{"not right"};
    };
    return ss::bench_main<Faulty, DatagramRight>(argc, argv, dialogue);
}
