/// \file
/// Datagrams by recvfrom(2) and sendto(2): what the datagram servers are held against.

#include "baseline.hpp"

#include <cerrno>

int main(int argc, char* argv[]) {
    const baseline::Arguments arguments = baseline::prepare(argc, argv);
    const int fd = baseline::bind_to(arguments.port, SOCK_DGRAM);
    static char data[65535];
    for (;;) {
        sockaddr_storage peer{};
        socklen_t length = sizeof peer;
        const ssize_t count = recvfrom(fd, data, sizeof data, 0, reinterpret_cast<sockaddr*>(&peer), &length);
        if (count < 0) {
            // A client's port that is closed by now answers a reply with an error, which is told here.
            if (errno == EINTR || errno == ECONNREFUSED)
                continue;
            baseline::fail("recvfrom");
        }
        if (sendto(fd, data, static_cast<size_t>(count), 0, reinterpret_cast<sockaddr*>(&peer), length) < 0)
            perror("sendto");
    }
}
