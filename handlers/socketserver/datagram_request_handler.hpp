#pragma once

/// \file
/// Handlers of datagrams.

#include <socketserver/base_request_handler.hpp>
#include <socketserver/net/buffered_reader.hpp>
#include <socketserver/net/buffered_writer.hpp>
#include <socketserver/net/datagram.hpp>

namespace socketserver {

/// A handler of a datagram, with files over its bytes and over the reply.
///
/// \snippet test/handlers/snippets.cpp datagram_handler
///
/// When handle() returns, what it wrote is sent back as one datagram; nothing is sent if it wrote nothing, or threw. Thread
/// and life: see BaseRequestHandler.
class DatagramRequestHandler : public BaseRequestHandler<Datagram> {
public:
    /// See BaseRequestHandler.
    DatagramRequestHandler(Datagram& the_request, const Address& client, ServerContext& the_server)
        : BaseRequestHandler(the_request, client, the_server), rfile(the_request.data()) {}

    /// Sends the reply, if there is one.
    /// \throw boost::system::system_error if it cannot be sent, for instance because the peer has no address
    void finish() override {
        if (!wfile.pending().empty())
            request.reply(wfile.pending());
    }

    /// Drops the reply: the server calls it when handle() threw.
    void abandon() noexcept { wfile.discard(); }

protected:
    BufferedReader rfile;  ///< reads the datagram
    BufferedWriter wfile;  ///< collects the reply
};

}  // namespace socketserver
