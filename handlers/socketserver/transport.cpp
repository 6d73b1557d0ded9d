#include <socketserver/transport.hpp>

#include <stdexcept>

namespace socketserver {

BufferedWriter& Transport::writer() const {
    if (writer_ == nullptr)
        throw std::logic_error("a transport is written to in its own protocol's callbacks only");
    return *writer_;
}

}  // namespace socketserver
