#include <socketserver/net/socket_stream.hpp>

namespace socketserver {

SocketStreamBuf::SocketStreamBuf(ByteStream& stream) : stream_(stream), input_(), output_() {
    setg(input_.data(), input_.data(), input_.data());
    setp(output_.data(), output_.data() + output_.size());
}

SocketStreamBuf::~SocketStreamBuf() {
    try {
        send_pending();
    } catch (...) {  // NOLINT(bugprone-empty-catch): a destructor has nobody to tell
    }
}

SocketStreamBuf::int_type SocketStreamBuf::underflow() {
    send_pending();
    error_code error;
    const IoResult result = stream_.read_some(std::as_writable_bytes(std::span{input_}), error);
    if (!error)
        error = to_error(result.status);
    if (error)
        throw_error(error, "recv from", stream_.peer_name());
    if (result.bytes == 0)
        return traits_type::eof();
    setg(input_.data(), input_.data(), input_.data() + result.bytes);
    return traits_type::to_int_type(*gptr());
}

SocketStreamBuf::int_type SocketStreamBuf::overflow(int_type character) {
    send_pending();
    if (traits_type::eq_int_type(character, traits_type::eof()))
        return traits_type::not_eof(character);
    return sputc(traits_type::to_char_type(character));
}

int SocketStreamBuf::sync() {
    send_pending();
    return 0;
}

void SocketStreamBuf::send_pending() {
    const std::string_view pending(pbase(), static_cast<std::size_t>(pptr() - pbase()));
    setp(output_.data(), output_.data() + output_.size());
    if (pending.empty())
        return;
    error_code error;
    const IoResult result = stream_.write_all(pending, error);
    if (!error)
        error = to_error(result.status);
    if (error)
        throw_error(error, "send to", stream_.peer_name());
}

}  // namespace socketserver
