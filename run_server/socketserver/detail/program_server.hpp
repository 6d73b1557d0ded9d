#pragma once

/// \file
/// The server of a program, whatever its mode and address: made here once, for all handlers.

#include <socketserver/detail/command_line.hpp>
#include <socketserver/detail/served_protocol.hpp>
#include <socketserver/net/address.hpp>
#include <socketserver/server_loop.hpp>
#include <socketserver/server_options.hpp>

#include <memory>

namespace socketserver::detail {

/// Makes a server and binds it. It logs who comes.
/// \param protocol what to serve; must outlive the server
/// \param line the mode, and whether datagrams are served
/// \param address where
/// \param options how
/// \return the server; its destructor closes it
/// \throw boost::system::system_error if it cannot be bound
[[nodiscard]] std::unique_ptr<ServerLoop> make_server(const ServedProtocol& protocol, const CommandLine& line,
                                                      const Address& address, const ServerOptions& options);

}  // namespace socketserver::detail
