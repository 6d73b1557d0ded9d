#pragma once

/// \file
/// What the servers written by hand have in common: their command line and their listening socket.

#include <climits>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace baseline {

/// The longest line that is taken, as in the library.
constexpr size_t max_line = 65536;
/// How much is read at a time, as in the library.
constexpr size_t read_size = 8192;

/// What the command line says.
struct Arguments {
    int port = 0;      ///< 0: the system chooses
    bool raw = false;  ///< whole buffers instead of lines
    long lines = 0;    ///< after how many lines a connection is closed; 0: when the client has closed it
};

/// Ends the program because a call has failed.
[[noreturn]] inline void fail(const char* call) {
    perror(call);
    exit(EXIT_FAILURE);
}

/// Reads a number of the command line.
/// \param end of a range that begins with 0
inline long number(const char* program, const char* text, long end) {
    char* rest = nullptr;
    const long value = strtol(text, &rest, 10);
    if (rest == text || *rest != '\0' || value < 0 || value >= end) {
        fprintf(stderr, "%s: not a number from 0 to %ld: %s\n", program, end - 1, text);
        exit(2);
    }
    return value;
}

/// Reads the command line, and lets the program have all the descriptors it may.
inline Arguments prepare(int argc, char* argv[]) {
    Arguments arguments;
    for (int i = 1; i < argc; ++i) {
        if (strcmp(argv[i], "--raw") == 0) {
            arguments.raw = true;
        } else if (strcmp(argv[i], "--port") == 0 && i + 1 < argc) {
            arguments.port = static_cast<int>(number(argv[0], argv[++i], 65536));
        } else if (strcmp(argv[i], "--lines") == 0 && i + 1 < argc) {
            arguments.lines = number(argv[0], argv[++i], LONG_MAX);
        } else {
            fprintf(stderr,
                    "usage: %s [--port PORT] [--raw] [--lines N]\n"
                    "Echoes on 127.0.0.1; prints the port, which the system chooses if it is 0 (the default).\n"
                    "Where the program knows it: --raw sends back what comes as it comes instead of lines;\n"
                    "--lines closes a connection after so many lines.\n",
                    argv[0]);
            exit(2);
        }
    }
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        fail("getrlimit");
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        fail("setrlimit");
    return arguments;
}

/// Tells whoever waits for it.
inline void print_port(int port) {
    printf("%d\n", port);
    fflush(stdout);
}

/// Makes a socket bound to 127.0.0.1 and prints its port.
/// \param type SOCK_STREAM, which listens then, or SOCK_DGRAM; with flags
inline int bind_to(int port, int type) {
    const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket");
    const bool stream = (type & ~SOCK_NONBLOCK) == SOCK_STREAM;
    const int on = 1;
    if (stream && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
                   setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0))  // connections inherit it
        fail("setsockopt");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<in_port_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0)
        fail("bind");
    if (stream && listen(fd, SOMAXCONN) != 0)
        fail("listen");
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0)
        fail("getsockname");
    print_port(ntohs(address.sin_port));
    return fd;
}

}  // namespace baseline
