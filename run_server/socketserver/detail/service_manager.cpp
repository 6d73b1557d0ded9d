#include <socketserver/detail/service_manager.hpp>

#include <socketserver/os/error.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace socketserver::detail {

namespace {

constexpr int first_descriptor = 3;  // SD_LISTEN_FDS_START

std::optional<std::string> take_variable(const char* name) {
    const char* const value = std::getenv(name);
    if (value == nullptr)
        return std::nullopt;
    std::string text = value;
    ::unsetenv(name);
    return text;
}

bool is_number(std::string_view text, long number) noexcept {
    long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value == number;
}

int socket_option(int option) {
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(first_descriptor, SOL_SOCKET, option, &value, &size) != 0)
        throw_errno(errno, "the descriptor of LISTEN_FDS");
    return value;
}

}  // namespace

UniqueFd take_inherited_socket(int type) {
    const auto pid = take_variable("LISTEN_PID");
    const auto count = take_variable("LISTEN_FDS");
    take_variable("LISTEN_FDNAMES");
    take_variable("LISTEN_PIDFDID");
    if (!pid || !count || !is_number(*pid, ::getpid()) || is_number(*count, 0))
        return {};
    if (!is_number(*count, 1))
        throw std::runtime_error("LISTEN_FDS is '" + *count + "', but this server takes one socket");
    if (socket_option(SO_TYPE) != type)
        throw std::runtime_error(type == SOCK_STREAM ? "the socket of LISTEN_FDS is not one for connections"
                                                     : "the socket of LISTEN_FDS is not one for datagrams");
    if (type == SOCK_STREAM && socket_option(SO_ACCEPTCONN) == 0)
        throw std::runtime_error("the socket of LISTEN_FDS is not listening");
    if (::fcntl(first_descriptor, F_SETFD, FD_CLOEXEC) != 0)
        throw_errno(errno, "the descriptor of LISTEN_FDS");
    return UniqueFd{first_descriptor};
}

}  // namespace socketserver::detail
