#pragma once

/// \file
/// A listening socket in a test's hands.

#include <support/clients.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace socketserver::test {

/// Listens by TCP on a port that the system chooses.
///
/// Owns: its socket. Thread: any, one at a time.
class Listener {
public:
    /// \param address an IPv4 address of this machine, in host byte order
    /// \throw std::system_error if a system call fails
    explicit Listener(in_addr_t address = INADDR_LOOPBACK)
        : socket_(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_addr.s_addr = htonl(address);
        socklen_t size = sizeof name;
        check(::bind(fd(), reinterpret_cast<const sockaddr*>(&name), size), "bind");
        check(::listen(fd(), SOMAXCONN), "listen");
        check(::getsockname(fd(), reinterpret_cast<sockaddr*>(&name), &size), "getsockname");
        port_ = std::to_string(ntohs(name.sin_port));
    }

    /// The port that it listens on.
    [[nodiscard]] const std::string& port() const noexcept { return port_; }

    /// Waits for a client.
    /// \throw std::system_error if accept(2) fails, since the socket was shut down for instance
    [[nodiscard]] Client accept() const {
        return Client(check(::accept4(fd(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
    }

    /// The descriptor, for what is not offered here.
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }

private:
    static int check(int result, const char* call) {
        if (result < 0)
            throw std::system_error(errno, std::system_category(), call);
        return result;
    }

    detail::ClientSocket socket_;
    std::string port_;
};

}  // namespace socketserver::test
