#include "output.hpp"

#include <socketserver/os/signals.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace fetch {

namespace ss = socketserver;

namespace {

// What a signal must remove. Written only while the signals are blocked.
std::array<char, PATH_MAX> removed_by_signal{};

extern "C" void remove_and_die(int signal) {
    if (removed_by_signal[0] != '\0')
        ::unlink(removed_by_signal.data());
    // The handler is gone (SA_RESETHAND) and the signal blocked until it returns: then it has its usual effect.
    std::raise(signal);
}

void on_signal(const std::string& path) {
    const ss::ScopedSignalBlock block{SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM};
    *std::copy(path.begin(), path.end(), removed_by_signal.begin()) = '\0';
}

void catch_signals() {
    for (const int signal : {SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM}) {
        struct sigaction action {};
        ::sigaction(signal, nullptr, &action);
        if (action.sa_handler == SIG_IGN)  // as nohup(1) has it
            continue;
        action.sa_handler = remove_and_die;
        action.sa_flags = static_cast<int>(SA_RESETHAND);
        ::sigaction(signal, &action, nullptr);
    }
}

std::string random_name() {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
    std::random_device random;
    std::string name(8, ' ');
    for (char& c : name)
        c = letters[random() % letters.size()];
    return name;
}

std::string in_units(std::uint64_t bytes) {
    constexpr std::array<const char*, 4> units{"KiB", "MiB", "GiB", "TiB"};
    constexpr double step = 1024;
    if (bytes < static_cast<std::uint64_t>(step))
        return std::to_string(bytes) + " bytes";
    std::size_t unit = 0;
    double amount = static_cast<double>(bytes) / step;
    for (; amount >= step && unit + 1 < units.size(); ++unit)
        amount /= step;
    std::ostringstream text;
    text << std::fixed << std::setprecision(1) << amount << ' ' << units[unit];
    return text.str();
}

}  // namespace

Output::Output() : file_(ss::own_descriptor(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0))) {
    if (!file_)
        fail(errno);
    if (::isatty(STDOUT_FILENO) != 0)
        on_terminal_.emplace();
}

Output::Output(const std::string& path) : path_(path), target_(path), shows_progress_(::isatty(STDERR_FILENO) != 0) {
    // A symbolic link stays one: what it leads to is replaced.
    std::error_code dangling;
    if (const auto whole = std::filesystem::canonical(path, dangling); !dangling)
        target_ = whole;
    struct stat status {};
    const bool exists = ::stat(target_.c_str(), &status) == 0;
    if (exists && S_ISDIR(status.st_mode))
        fail(EISDIR);
    if (exists && !S_ISREG(status.st_mode)) {
        file_ = ss::UniqueFd(::open(target_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
        if (!file_)
            fail(errno);
        return;
    }
    make_temporary();
    constexpr mode_t permissions = 07777;
    if (exists && ::fchmod(file_.get(), status.st_mode & permissions) != 0) {
        const int reason = errno;
        discard();
        fail(reason);
    }
}

Output::~Output() {
    discard();
    end_progress();
}

void Output::make_temporary() {
    catch_signals();
    const auto folder = std::filesystem::path(target_).parent_path();
    const auto name = std::filesystem::path(target_).filename().string();
    constexpr mode_t by_umask = 0666;
    constexpr std::size_t longest_part = 200;  // so that the whole is a valid name, too
    for (int tries = 0; !file_; ++tries) {
        temporary_ = folder / ('.' + name.substr(0, longest_part) + '.' + random_name());
        if (temporary_.size() >= removed_by_signal.size())
            fail(ENAMETOOLONG);
        const ss::ScopedSignalBlock block{SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM};
        file_ = ss::UniqueFd(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, by_umask));
        if (file_)
            on_signal(temporary_);
        else if (errno != EEXIST || tries == 100)
            fail(errno);
    }
}

void Output::discard() noexcept {
    if (temporary_.empty() || !file_)
        return;
    ::unlink(temporary_.c_str());
    on_signal({});
    file_.reset();
}

void Output::write(std::string_view bytes) {
    written_ += bytes.size();
    write_as_it_is(on_terminal_ ? std::string_view(on_terminal_->take(bytes)) : bytes);
    show_progress(false);
}

void Output::write_as_it_is(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(file_.get(), bytes.data(), bytes.size());
        if (count >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(count));
        else if (errno != EINTR)
            fail(errno);
    }
}

void Output::finish() {
    if (on_terminal_)
        write_as_it_is(on_terminal_->finish());
    if (temporary_.empty())
        return;
    if (::fsync(file_.get()) != 0 || ::rename(temporary_.c_str(), target_.c_str()) != 0)
        fail(errno);
    on_signal({});
    file_.reset();
    // The name, too, is to last. A file system that cannot do that is no reason to fail: the file is there.
    auto folder = std::filesystem::path(target_).parent_path();
    const ss::UniqueFd names(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ::fsync(names.get());
    show_progress(true);
    end_progress();
}

void Output::show_progress(bool last) {
    using namespace std::chrono_literals;
    const auto now = std::chrono::steady_clock::now();
    if (!shows_progress_ || (!last && now < next_progress_))
        return;
    next_progress_ = now + 200ms;
    progress_shown_ = true;
    std::cerr << '\r' << path_ << ": " << in_units(written_);
    if (expected_)
        std::cerr << " of " << in_units(*expected_);
    // Over what a longer line has left.
    std::cerr << "\x1b[K" << std::flush;
}

void Output::end_progress() {
    if (std::exchange(progress_shown_, false))
        std::cerr << '\n';
}

void Output::fail(int error) const {
    throw std::runtime_error("cannot write " + (path_.empty() ? std::string("standard output") : path_) + ": " +
                             std::generic_category().message(error));
}

}  // namespace fetch
