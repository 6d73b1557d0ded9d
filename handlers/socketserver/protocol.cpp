#include <socketserver/protocol.hpp>

#include <socketserver/net/buffered_writer.hpp>
#include <socketserver/net/pooled_buffer.hpp>
#include <socketserver/protocol_factory.hpp>

#include <cxxabi.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace socketserver {

namespace {

// What connection_lost() is told of the exception that is being handled.
error_code reason_of_exception() {
    try {
        throw;
    } catch (const system_error& failure) {
        return failure.code();
    } catch (...) {
        return system_code(ECONNABORTED);
    }
}

// While an exception is being handled: that one is to be told, not what comes of it.
template <class Action>
void without_exceptions(Action action) {
    try {
        action();
    } catch (const abi::__forced_unwind&) {
        throw;
    } catch (...) {  // NOLINT(bugprone-empty-catch): see above
    }
}

}  // namespace

Protocol::Protocol(Socket& the_request, const Address& client, ServerContext& the_server)
    : BaseRequestHandler(the_request, client, the_server),
      timeout(the_server.connection_options().timeout),
      idle_timeout(the_server.connection_options().idle_timeout),
      write_timeout(the_server.connection_options().write_timeout),
      transport(client) {}

Protocol::Protocol(Socket& the_request, const Address& client, ServerContext& the_server, ProtocolFactory& factory)
    : Protocol(the_request, client, the_server) {
    factory_ = &factory;
}

void Protocol::setup() {
    if (timeout)
        request.settimeout(timeout);
    if (write_timeout)
        request.set_write_timeout(write_timeout);
    if (factory_ != nullptr)
        factory_->connected();
    connected_ = true;
    in_turn([this] { connection_made(); });
}

Deadline Protocol::input_deadline() const {
    return Deadline::from_timeout(idle_timeout ? idle_timeout : request.gettimeout());
}

void Protocol::input_timed_out() const {
    const std::string peer = transport.peer().to_string();
    if (idle_timeout)
        throw_errno(ETIMEDOUT, "nothing received within " + seconds_text(*idle_timeout) + " s from", peer);
    throw_errno(ETIMEDOUT, "recv from", peer);
}

bool Protocol::input_ready() {
    in_turn([this] { receive(); });
    return !transport.closing();
}

void Protocol::finish() {
    if (!connected_)
        return;
    if (transport.closing())
        lose(transport.state_ == Transport::State::aborted ? system_code(ECONNABORTED) : error_code{});
    else
        lose(reason_of_exception());  // of the wait for input, which ends by nothing else
}

/// Runs callbacks, with something to write to; then sends what they have written.
template <class Callback>
void Protocol::in_turn(Callback callback) {
    BufferedWriter writer(request);
    transport.writer_ = &writer;
    try {
        callback();
        end_turn(writer);
        transport.writer_ = nullptr;
    } catch (const abi::__forced_unwind&) {
        transport.writer_ = nullptr;
        lose(system_code(ECANCELED));
        throw;
    } catch (...) {
        const error_code reason = reason_of_exception();
        transport.lose_connection();
        without_exceptions([&] { end_turn(writer); });
        transport.writer_ = nullptr;
        without_exceptions([&] { lose(reason); });
        throw;
    }
}

void Protocol::receive() {
    PooledBuffer buffer(PooledBuffer::pooled_size);
    error_code error;
    // Without a wait, in which it would hold the buffer and a stack.
    const std::size_t count =
        request.recv_into(std::as_writable_bytes(std::span{buffer.data(), buffer.size()}), MSG_DONTWAIT, error);
    if (error == system_code(EAGAIN))
        return;  // what it was called for has been read before
    if (error)
        throw_error(error, "recv from", transport.peer().to_string());
    if (count > 0) {
        data_received({buffer.data(), count});
        return;
    }
    input_has_ended_ = true;
    if (!request.stop_requested())
        eof_received();
    transport.lose_connection();
}

/// Sends what callbacks have written, and does what they asked for.
void Protocol::end_turn(BufferedWriter& writer) {
    if (transport.state_ == Transport::State::aborted) {
        writer.discard();
        reset_connection();
        return;
    }
    writer.flush();
    if (transport.closing() && !input_has_ended_)
        discard_input();
}

/// Takes what has come and nobody wants: a TCP connection that is closed with unread input is reset, and what has
/// just been sent may then be lost (RFC 1122 section 4.2.2.13).
void Protocol::discard_input() {
    constexpr int most_pieces = 16;
    PooledBuffer buffer(PooledBuffer::pooled_size);
    const auto bytes = std::as_writable_bytes(std::span{buffer.data(), buffer.size()});
    error_code none_left;
    for (int i = 0; i < most_pieces && request.recv_into(bytes, MSG_DONTWAIT, none_left) == bytes.size(); ++i) {
    }
}

void Protocol::reset_connection() noexcept {
    constexpr linger at_once{1, 0};
    ::setsockopt(request.fileno(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    request.close();
}

void Protocol::lose(const error_code& reason) {
    if (!std::exchange(connected_, false))
        return;
    transport.lose_connection();
    if (factory_ != nullptr)
        factory_->disconnected();
    connection_lost(reason);
}

}  // namespace socketserver
