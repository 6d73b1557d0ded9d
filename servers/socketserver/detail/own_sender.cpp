#include <socketserver/detail/own_sender.hpp>

#include <ifaddrs.h>

#include <algorithm>
#include <chrono>
#include <memory>

namespace socketserver::detail {

namespace {

std::vector<Address> addresses_of_this_machine() {
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0)
        return {};
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owned(first, &::freeifaddrs);
    std::vector<Address> found;
    for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
        if (each->ifa_addr == nullptr)
            continue;
        if (each->ifa_addr->sa_family == AF_INET)
            found.push_back(Address::from_sockaddr(each->ifa_addr, sizeof(sockaddr_in)));
        else if (each->ifa_addr->sa_family == AF_INET6)
            found.push_back(Address::from_sockaddr(each->ifa_addr, sizeof(sockaddr_in6)));
    }
    return found;
}

}  // namespace

bool OwnSender::is_host(const Address& sender, const Address& bound, const std::optional<Address>& contacted) {
    if (!bound.is_wildcard())
        return sender == bound;
    // What is sent to a wildcard address comes to this machine (RFC 1122, section 3.2.1.3).
    return sender.is_wildcard() || sender.is_loopback() ||
           (contacted && sender == contacted->with_port(sender.port())) || is_of_this_machine(sender);
}

bool OwnSender::is_of_this_machine(const Address& sender) {
    const std::lock_guard lock(mutex_);
    if (looked_at_until_.expired()) {
        addresses_ = addresses_of_this_machine();
        looked_at_until_ = Deadline::after(std::chrono::seconds{1});
    }
    return std::any_of(addresses_.begin(), addresses_.end(),
                       [&](const Address& own) { return own.with_port(sender.port()) == sender; });
}

}  // namespace socketserver::detail
