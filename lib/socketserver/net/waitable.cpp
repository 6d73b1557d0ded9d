#include <socketserver/net/waitable.hpp>

#include <socketserver/net/request_registry.hpp>

#include <utility>

namespace socketserver {

Waitable::Waitable() noexcept = default;
Waitable::Waitable(int descriptor) noexcept : fd(descriptor) {}
Waitable::Waitable(Waitable&& other) noexcept
    : fd(std::exchange(other.fd, -1)),
      drained_before_watch(other.drained_before_watch),
      shared(other.shared),
      watch(std::move(other.watch)),
      output_ended(other.output_ended),
      request(std::move(other.request)) {}
Waitable& Waitable::operator=(Waitable&& other) noexcept {
    fd = std::exchange(other.fd, -1);
    drained_before_watch = other.drained_before_watch;
    shared = other.shared;
    output_ended = other.output_ended;
    watch = std::move(other.watch);
    request = std::move(other.request);
    return *this;
}
Waitable::~Waitable() = default;

}  // namespace socketserver
