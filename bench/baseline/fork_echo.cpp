/// \file
/// A child for each connection by fork(2): what Forking and Preforking are held against. Children that have ended are
/// waited for after each connection, and at SIGTERM, so that their processor time counts as the server's.

#include "blocking.hpp"

#include <csignal>

#include <sys/wait.h>

namespace {

void wait_and_end(int) {
    while (waitpid(-1, nullptr, 0) > 0) {
    }
    _exit(EXIT_SUCCESS);
}

}  // namespace

int main(int argc, char* argv[]) {
    const baseline::Arguments arguments = baseline::prepare(argc, argv);
    const int listener = baseline::bind_to(arguments.port, SOCK_STREAM);
    if (std::signal(SIGTERM, wait_and_end) == SIG_ERR)
        baseline::fail("signal");
    for (;;) {
        const int fd = baseline::accept_one(listener);
        const pid_t child = fork();
        if (child == 0) {
            close(listener);
            std::signal(SIGTERM, SIG_DFL);
            baseline::serve(fd, arguments);
            _exit(EXIT_SUCCESS);
        }
        if (child < 0)
            perror("fork");
        close(fd);
        while (waitpid(-1, nullptr, WNOHANG) > 0) {
        }
    }
}
