#pragma once

/// \file
/// The listening socket that a service manager such as systemd hands over (sd_listen_fds(3)).

#include <socketserver/os/unique_fd.hpp>

namespace socketserver::detail {

/// Takes the socket that was handed over to this process, if there is one: descriptor 3, if LISTEN_PID is this process
/// and LISTEN_FDS is 1. Removes these variables from the environment, so that no child takes it for its own, and
/// makes the descriptor close-on-exec.
/// \param type SOCK_STREAM or SOCK_DGRAM: what the socket must be; a stream socket must be listening
/// \return the socket; none if none was handed over
/// \throw std::runtime_error if it cannot be served, saying why
///
/// Thread: the main one, before there are others (setenv(3)).
[[nodiscard]] UniqueFd take_inherited_socket(int type);

}  // namespace socketserver::detail
