#include "input.hpp"
#include "targets.hpp"

#include <support/clients.hpp>
#include <support/eventually.hpp>
#include <support/served.hpp>

#include <socketserver/concurrency/selecting.hpp>
#include <socketserver/concurrency/threading.hpp>
#include <socketserver/handlers/echo_handler.hpp>
#include <socketserver/handlers/time_protocol.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <thread>

namespace socketserver::fuzz {

namespace {

using namespace std::chrono_literals;

std::size_t entries(const char* folder) {
    const std::filesystem::directory_iterator begin(folder);
    return static_cast<std::size_t>(std::distance(begin, {}));
}

// How much of what a process can leak there is.
struct Holdings {
    std::size_t descriptors = entries("/proc/self/fd");
    std::size_t threads = entries("/proc/self/task");

    friend bool operator==(const Holdings&, const Holdings&) = default;
};

// A client that does anything, and knows what should come back of it.
class AnyClient {
public:
    explicit AnyClient(test::Client client) : client_(std::move(client)) {}

    void send(std::string_view bytes) {
        const ssize_t count = ::send(client_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        sent_ += bytes.substr(0, static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    }

    // More than a line may have.
    void send_endless_line() {
        send(std::string(70'000, 'x'));
        whole_ = false;
    }

    // One byte that overtakes the others.
    void send_urgent() {
        ::send(client_.fd(), "!", 1, MSG_OOB | MSG_NOSIGNAL | MSG_DONTWAIT);
        in_order_ = whole_ = false;
    }

    // What has come so far.
    void receive() {
        std::array<char, 4096> piece{};
        const ssize_t count = ::recv(client_.fd(), piece.data(), piece.size(), MSG_DONTWAIT);
        received_.append(piece.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    }

    void end_input() { ::shutdown(client_.fd(), SHUT_WR); }
    void reset() { client_.reset(); }

    // All that comes until the server closes: it must.
    void receive_rest() {
        try {
            received_ += client_.read_all();
        } catch (const std::system_error&) {
            whole_ = false;  // a reset, for sending what nobody would read
        }
    }

    // Of a server that sends each line back, as it is or with a time before it.
    void check_echo() const {
        require(!whole_ || received_ == sent_, "all that was sent comes back");
        require(!in_order_ || sent_.starts_with(received_), "nothing else comes back");
    }

    void check_times() const {
        require(!whole_ || count_lines(received_) == count_lines(sent_), "each line is answered");
        require(received_.empty() || received_.front() == '[', "answers begin with the time");
    }

private:
    // The last line needs no end.
    static std::ptrdiff_t count_lines(std::string_view text) {
        return std::count(text.begin(), text.end(), '\n') + (text.empty() || text.ends_with('\n') ? 0 : 1);
    }

    test::Client client_;
    std::string sent_;
    std::string received_;
    bool whole_ = true;     // all that was sent comes back
    bool in_order_ = true;  // what comes back is as it was sent
};

constexpr std::size_t most_clients = 4;

// Four clients, each driven by a letter for what it does: c connect, s send what stands up to the next '|', l send an endless
// line, u send an urgent byte, g get what has come, e end the input, x close, r reset, p pause. A digit chooses the
// client; other characters do nothing.
template <class Handler, class Concurrency, class Check, class... Shared>
void serve(std::string_view script, Check check, Shared&... shared) {
    const Holdings before;
    {
        test::Served<Handler, Concurrency> server(test::silent(), shared...);
        std::array<std::optional<AnyClient>, most_clients> clients;
        std::size_t current = 0;
        std::uint64_t connected = 0;
        while (!script.empty()) {
            const char letter = script.front();
            script.remove_prefix(1);
            auto& client = clients.at(current);
            if (letter >= '0' && letter < '0' + static_cast<int>(most_clients)) {
                current = static_cast<std::size_t>(letter - '0');
            } else if (letter == 'c') {
                client.emplace(server.connect());
                ++connected;
            } else if (letter == 's') {
                const std::string_view text = script.substr(0, script.find('|'));
                script.remove_prefix(std::min(text.size() + 1, script.size()));
                if (client)
                    client->send(text);
            } else if (letter == 'p') {
                std::this_thread::sleep_for(1ms);
            } else if (client) {
                switch (letter) {
                    case 'l': client->send_endless_line(); break;
                    case 'u': client->send_urgent(); break;
                    case 'g': client->receive(); break;
                    case 'e': client->end_input(); break;
                    case 'r': client->reset(); [[fallthrough]];
                    case 'x': client.reset(); break;
                    default: break;
                }
            }
        }
        // All at once: under Blocking one is served after the other.
        for (auto& client : clients) {
            if (client)
                client->end_input();
        }
        for (auto& client : clients) {
            if (client) {
                client->receive_rest();
                check(*client);
                client.reset();
            }
        }
        server.stop();
        const Statistics statistics = server.statistics();
        require(statistics.active == 0, "nothing is served when the server has stopped");
        require(statistics.accepted <= connected, "no more is accepted than has connected");
        require(statistics.handled + statistics.failed == statistics.accepted, "what was accepted was served");
    }
    // A joined thread may stay in /proc for a moment longer.
    require(test::eventually([&] { return Holdings() == before; }), "no descriptor and no thread is left");
}

template <class Concurrency>
void serve_in(bool echo, std::string_view script) {
    if (echo) {
        serve<EchoHandler, Concurrency>(script, [](const AnyClient& client) { client.check_echo(); });
    } else {
        TimeFactory factory;
        serve<TimeProtocol, Concurrency>(
            script, [](const AnyClient& client) { client.check_times(); }, factory);
    }
}

}  // namespace

/// Two letters for the server, and a script for its clients: B, S or T for the concurrency, E (lines come back) or T (with the time
/// before them) for what is served.
void fuzz_server(std::string_view bytes) {
    constexpr std::size_t letters = 2;
    if (bytes.size() < letters)
        return;
    const bool echo = bytes[1] != 'T';
    const std::string_view script = bytes.substr(letters);
    switch (bytes[0]) {
        case 'B': serve_in<Blocking>(echo, script); break;
        case 'T': serve_in<Threading>(echo, script); break;
        default: serve_in<Selecting>(echo, script); break;
    }
}

}  // namespace socketserver::fuzz
