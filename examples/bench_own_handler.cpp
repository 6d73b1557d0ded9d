/// \file
/// Which concurrency for a handler of one's own: one that computes, one that waits for a back end, or one that does both.
///
///     bench_own_handler --quick --compute 20000
///     bench_own_handler --quick --compute 0 --wait 0.002
///     bench_own_handler --quick --compute 20000 --wait 0.002 --output report

//! [main]
#include <socketserver/bench_main.hpp>
#include <socketserver/socketserver.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ss = socketserver;

/// What a request takes; `--compute` and `--wait` set it.
struct Work {
    std::size_t rounds = 20'000;
    std::chrono::nanoseconds wait{0};

    template <class Add>
    void declare(Add&& add) {
        add("compute", "compute for N rounds of about a nanosecond in each request", rounds);
        add("wait", "wait S seconds for a back end in each request", wait);
    }
};

/// Answers each line with a number that it has computed and waited for.
class WorkHandler : public ss::StreamRequestHandler {
public:
    using Options = Work;

    WorkHandler(ss::Socket& the_request, const ss::Address& client, ss::ServerContext& the_server, const Work& work)
        : StreamRequestHandler(the_request, client, the_server), work_(work) {}

    void handle() override {
        while (const auto line = rfile.read_line()) {
            std::uint32_t sum = 1;
            for (std::size_t round = 0; round < work_.rounds; ++round)
                sum = sum * 1'664'525 + static_cast<std::uint32_t>(line->size());
            // Stands for a back end that takes its time. Under Selecting the fiber is parked: others run.
            if (work_.wait.count() > 0)
                ss::sleep_for(work_.wait);
            wfile << "done " << sum << '\n';
        }
    }

private:
    const Work& work_;
};

int main(int argc, char* argv[]) {
    ss::BenchDialogue dialogue;
    dialogue.request = [](std::uint64_t number) { return "task " + std::to_string(number) + '\n'; };
    dialogue.reply = [](std::string_view, std::string_view received) -> ss::ParseResult<std::string_view> {
        const auto end = received.find('\n');
        if (end == std::string::npos)
            return ss::Incomplete{};
        if (!received.starts_with("done "))
            return ss::ParseError{"not \"done N\""};
        return {received.substr(0, end + 1), end + 1};
    };
    return ss::bench_main<WorkHandler>(argc, argv, dialogue);
}
//! [main]
