// Files that change while they are sent, and transfers that end before the file does.

#include "fault_case.hpp"
#include "fault_server.hpp"

#include <programs/program.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace socketserver::test {

namespace {

// More than the kernel keeps for a client that does not read.
constexpr std::size_t size = std::size_t{16} << 20U;
constexpr std::string_view last_line = "\r\n.\r\n";

/// A folder with one large file, and gopher_server over it.
class Hole {
public:
    Hole(const FaultMode& mode, std::string_view name, const std::vector<std::string>& options = {})
        : path_(folder_ / name), is_text_(name == "text"), server_(command(mode, options)) {
        write();
    }

    /// Makes the file anew: a text, or a binary.
    void write() const {
        std::filesystem::remove(path_);
        std::ofstream(path_, std::ios::binary) << contents();
        // Long ago, so that a change is one of the time, too, however coarse that is.
        std::filesystem::last_write_time(path_, std::filesystem::file_time_type::clock::now() - std::chrono::hours{1});
    }

    [[nodiscard]] std::string contents() const {
        std::string all(size, is_text_ ? 'x' : '\0');
        for (std::size_t at = 63; at < size; at += 64)
            all[at] = '\n';
        return all;
    }

    /// What a client gets who has all of it.
    [[nodiscard]] std::string whole() const {
        if (!is_text_)
            return contents();
        const std::string line = std::string(63, 'x') + "\r\n";
        std::string all;
        for (std::size_t i = 0; i < size / 64; ++i)
            all += line;
        return all + ".\r\n";
    }

    /// A client who has the beginning of the file, and has not read on.
    [[nodiscard]] Client begun() const {
        Client client = server_.connect();
        client.send(path_.filename().string() + "\r\n");
        static_cast<void>(client.read_exactly(1));
        return client;
    }

    /// The next line that the server logs of a failure.
    [[nodiscard]] std::string next_message() {
        std::string line = server_.error_line();
        while (line.starts_with("... connected from: "))
            line = server_.error_line();
        return line;
    }

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] Server& server() noexcept { return server_; }

private:
    [[nodiscard]] std::vector<std::string> command(const FaultMode& mode,
                                                   const std::vector<std::string>& options) const {
        std::vector<std::string> all{"fault_gopher_server", folder_.path(), "--port", "0"};
        all.insert(all.end(), mode.arguments.begin(), mode.arguments.end());
        all.insert(all.end(), options.begin(), options.end());
        return all;
    }

    SharedControl control_;
    TemporaryDirectory folder_;
    const std::filesystem::path path_;
    const bool is_text_;
    Server server_;

public:
    /// The faults of reading files.
    [[nodiscard]] Injection& reads() const { return control_->at(Point::read_file); }
};

/// What came before the end, and whether that was a reset.
std::pair<std::string, bool> rest(Client& client) {
    std::string all;
    try {
        for (std::string piece = client.read_some(); !piece.empty(); piece = client.read_some())
            all += piece;
    } catch (const std::system_error& failure) {
        BOOST_TEST(failure.code().value() == ECONNRESET);
        return {std::move(all), true};
    }
    return {std::move(all), false};
}

void check_that_it_is_cut(Client& client) {
    const auto [bytes, reset] = rest(client);
    BOOST_TEST(reset);
    BOOST_TEST(!bytes.ends_with(last_line));
}

void overwrite(const std::filesystem::path& path, std::size_t at, std::string_view bytes) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file << bytes;
}

}  // namespace

FAULT_CASE(53, a_file_that_shrinks_or_is_rewritten_while_it_is_sent_ends_by_a_reset, every_mode) {
    const std::vector<std::function<void(const std::filesystem::path&)>> changes{
        [](const auto& path) { std::filesystem::resize_file(path, 1'000); },
        [](const auto& path) { std::filesystem::resize_file(path, size - 1); },
        [](const auto& path) { std::ofstream(path, std::ios::trunc); },
        [](const auto& path) { overwrite(path, size - 64, "other"); },
    };
    for (const std::string name : {"text", "binary"}) {
        Hole hole(mode, name);
        for (const auto& change : changes) {
            hole.write();
            Client client = hole.begun();
            change(hole.path());
            check_that_it_is_cut(client);
            BOOST_TEST(hole.next_message().find("changed while it was sent") != std::string::npos);
        }
        BOOST_TEST(hole.server().stop().find("exit") == std::string::npos);
    }
    return "a text and a binary that shrink, are emptied or rewritten: 8 resets";
}

FAULT_CASE(53, a_file_that_grows_or_goes_while_it_is_sent_is_sent_as_it_was_opened, every_mode) {
    const std::vector<std::function<void(const std::filesystem::path&)>> changes{
        [](const auto& path) { std::ofstream(path, std::ios::app | std::ios::binary) << "more\n"; },
        [](const auto& path) {
            std::ofstream(path.string() + ".new") << "another one\n";
            std::filesystem::rename(path.string() + ".new", path);
        },
        [](const auto& path) { std::filesystem::remove(path); },
    };
    for (const std::string name : {"text", "binary"}) {
        Hole hole(mode, name);
        const std::string whole = hole.whole();
        for (const auto& change : changes) {
            hole.write();
            Client client = hole.begun();
            change(hole.path());
            const auto [bytes, reset] = rest(client);
            BOOST_TEST(!reset);
            BOOST_TEST((bytes == std::string_view(whole).substr(1)));
        }
        BOOST_TEST(hole.server().stop().find("exit") == std::string::npos);
    }
    return "a text and a binary that grow, are replaced or removed: sent whole";
}

FAULT_CASE(53, a_file_that_cannot_be_read_on_ends_by_a_reset, every_mode) {
    for (const std::string name : {"text", "binary"}) {
        Hole hole(mode, name);
        // Of a text each piece is read; a piece of a binary is fetched and then sent.
        for (const long after : {3, 4}) {
            hole.reads().arm(EIO, after);
            Client client = hole.begun();
            check_that_it_is_cut(client);
            BOOST_TEST(hole.reads().disarm() == 1);
            BOOST_TEST(hole.next_message().find("Input/output error") != std::string::npos);
        }
        BOOST_TEST(hole.server().stop().find("exit") == std::string::npos);
    }
    return "reading fails in a text and a binary: 4 resets";
}

FAULT_CASE(53, a_file_that_is_cut_at_the_end_of_the_drain_ends_by_a_reset, every_mode) {
    for (const std::string name : {"text", "binary"}) {
        Hole hole(mode, name, {"--drain", "0.1"});
        Client client = hole.begun();
        const std::string told = hole.server().stop();
        BOOST_TEST(told.find("cut after 0.1 s") != std::string::npos, told);
        check_that_it_is_cut(client);
    }
    return "a text and a binary cut by the drain deadline: 2 resets";
}

}  // namespace socketserver::test
