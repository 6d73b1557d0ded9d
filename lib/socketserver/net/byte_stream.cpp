#include <socketserver/net/byte_stream.hpp>

#include <cerrno>

namespace socketserver {

error_code to_error(IoStatus status) noexcept {
    switch (status) {
        case IoStatus::timed_out: return system_code(ETIMEDOUT);
        case IoStatus::would_block: return system_code(EAGAIN);
        case IoStatus::cut: return system_code(ECANCELED);
        case IoStatus::ok:
        case IoStatus::eof:
        case IoStatus::stopped: break;
    }
    return {};
}

}  // namespace socketserver
