#include <socketserver/detail/begin_program.hpp>

#include <socketserver/os/signals.hpp>
#include <socketserver/os/standard_streams.hpp>

#include <csignal>

namespace socketserver::detail {

void begin_program() noexcept {
    occupy_standard_streams();
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_UNBLOCK, &all, nullptr);
    keep_ended_children();
    std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace socketserver::detail
