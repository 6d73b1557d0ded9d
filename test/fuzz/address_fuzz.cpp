#include "input.hpp"
#include "targets.hpp"

#include <socketserver/net/address.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>

namespace socketserver::fuzz {

namespace {

std::optional<Address> parse(std::string_view text) {
    try {
        return Address::parse(text);
    } catch (const std::invalid_argument& refusal) {
        require(refusal.what() != std::string(), "a refusal says what is wrong");
        return std::nullopt;
    }
}

void check(const Address& address) {
    const std::string text = address.to_string();
    require(std::none_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }),
            "an address is printed on one line");
    require(address == Address(address) && !(address.is_unnamed() && address.size() != 0), "an address is a value");
    if (address.family() == AF_INET || address.family() == AF_INET6)
        require(address.with_port(address.port()) == address, "a port can be set");
    require(address.path().empty() == (address.family() != AF_UNIX), "Unix addresses have a path, and no others");
    require(address.is_loopback() + address.is_wildcard() < 2, "nobody listens on all addresses and on one");
}

void check_text(std::string_view text) {
    const auto address = parse(text);
    if (!address)
        return;
    check(*address);
    // A path that begins with "@" is told as "./@...", which names the same file.
    if (!address->path().starts_with("./@"))
        require(parse(address->to_string()) == address, "an address is read as it is printed");
    // Abstract names may hold a NUL, but are not made with one.
    if (address->family() == AF_UNIX && !address->path().starts_with("./@") &&
        address->path().find('\0') == std::string::npos)
        require(Address::unix_path(address->path()) == *address, "a path makes the same address again");
}

// What accept(2) might store, and what a wrong length would make of it.
void check_stored(std::string_view bytes) {
    sockaddr_storage stored{};
    bytes.copy(reinterpret_cast<char*>(&stored), sizeof stored);  // which may be none
    const Address address =
        Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&stored), static_cast<socklen_t>(bytes.size()));
    check(address);
    const Address again = Address::from_sockaddr(address.data(), address.size());
    require(again == address || address.is_any(), "an address is what the kernel is told of it");
    // Unix paths without a slash, or as long as there is room, can be in use, but not be written.
    if (address.family() == AF_INET || address.family() == AF_INET6)
        require(parse(address.to_string()) == address, "a stored address is read as it is printed");
}

}  // namespace

/// Text, and bytes as the kernel stores an address.
void fuzz_address(std::string_view bytes) {
    check_text(bytes);
    check_stored(bytes);
}

}  // namespace socketserver::fuzz
