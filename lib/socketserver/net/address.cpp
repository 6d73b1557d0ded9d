#include <socketserver/net/address.hpp>

#include <socketserver/net/resolve.hpp>
#include <socketserver/os/printable.hpp>

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <new>
#include <ostream>
#include <stdexcept>

namespace socketserver {

namespace {

constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);
constexpr std::size_t path_capacity = sizeof(sockaddr_un::sun_path);
constexpr std::size_t path_limit = path_capacity - 1;
constexpr std::size_t ipv4_capacity = INET_ADDRSTRLEN + sizeof ":65535";

bool is_ascii_printable(char c) noexcept {
    return c >= ' ' && c <= '~';
}

/// Bytes as text: what cannot be printed, and the backslash, stand as `\xNN`.
/// \param keep_high whether printable characters of UTF-8 stand for themselves, outside ASCII too
std::string escape(std::string_view bytes, bool keep_high) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if ((is_ascii_printable(c) && c != '\\') || (keep_high && byte >= 0x80))
            text += c;
        else
            text.append({'\\', 'x', digits[byte >> 4], digits[byte & 15]});
    }
    return printable(text);
}

/// Writes an IPv4 address as inet_ntop(3) does, in a tenth of the time: Selecting names each fiber for its peer.
/// \param to where, with room for 15 bytes and one more
/// \return its end
char* write_ipv4(in_addr host, char* to) noexcept {
    constexpr std::ptrdiff_t longest_part = 3;
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
        to = std::to_chars(to, to + longest_part, (ntohl(host.s_addr) >> shift) & 0xFFU).ptr;
        *to++ = '.';
    }
    return to - 1;
}

/// Whether getaddrinfo(3) of the GNU C library takes an interface's name as this address's scope. Of others it takes
/// the number only.
bool reads_interface_names(const in6_addr& host) noexcept {
    return IN6_IS_ADDR_LINKLOCAL(&host) || IN6_IS_ADDR_MC_NODELOCAL(&host) || IN6_IS_ADDR_MC_LINKLOCAL(&host);
}

/// The inverse of escape(). A backslash that begins no `\xNN` stands for itself.
std::string unescape(std::string_view text) {
    std::string bytes;
    while (!text.empty()) {
        unsigned value = 0;
        if (text.size() >= 4 && text.starts_with("\\x") &&
            std::from_chars(text.data() + 2, text.data() + 4, value, 16).ptr == text.data() + 4) {
            bytes += static_cast<char>(value);
            text.remove_prefix(4);
        } else {
            bytes += text.front();
            text.remove_prefix(1);
        }
    }
    return bytes;
}

[[noreturn]] void refuse(const std::string& what, std::string_view text) {
    throw std::invalid_argument(what + ": \"" + escape(text, true) + '"');
}

/// A Unix address of these bytes: a path, or a leading NUL and an abstract name.
Address make_unix(std::string_view bytes) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    bytes.copy(address.sun_path, path_capacity);
    return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&address),
                                  static_cast<socklen_t>(path_offset + bytes.size()));
}

/// Checks and makes a Unix address.
/// \param name a path, or an abstract name without its "@"
/// \param text what to quote
Address checked_unix(std::string_view name, bool abstract, std::string_view text) {
    if (name.empty())
        refuse("the path of a Unix socket is empty", text);
    if (name.size() > path_limit)
        refuse("the path of a Unix socket has " + std::to_string(name.size()) + " bytes, at most " +
                   std::to_string(path_limit) + " are possible",
               text);
    if (abstract)
        return make_unix(std::string(1, '\0').append(name));
    if (name.find('\0') != std::string_view::npos)
        refuse("the path of a Unix socket holds a NUL", text);
    return make_unix(name);
}

Address make_ipv4(in_addr host, std::uint16_t port) noexcept {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr = host;
    address.sin_port = htons(port);
    return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

Address make_ipv6(const in6_addr& host, std::uint16_t port) noexcept {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = host;
    address.sin6_port = htons(port);
    return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

/// An address by getaddrinfo(3): the first of IPv4, else the first.
Address resolve(std::string_view host, std::uint16_t port, int flags) {
    const auto found = getaddrinfo(host, port, AF_UNSPEC, SOCK_STREAM, 0, flags);
    const auto ipv4 = std::ranges::find(found, AF_INET, &AddressInfo::family);
    return ipv4 != found.end() ? ipv4->address : found.front().address;
}

/// Reads a decimal port, digits only.
std::uint16_t parse_port(std::string_view digits, std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (failure != std::errc{} || end != digits.data() + digits.size())
        refuse("no port from 0 to 65535 at the end of the address", text);
    return port;
}

}  // namespace

// ---- Making -----------------------------------------------------------------------------------------------

Address::Address(std::string_view host, int port) {
    if (port < 0 || port > 65535)
        throw std::invalid_argument("port " + std::to_string(port) + " is not from 0 to 65535");
    const auto number = static_cast<std::uint16_t>(port);
    if (host.empty()) {
        storage_.ipv4 = {};
        storage_.ipv4.sin_family = AF_UNSPEC;
        storage_.ipv4.sin_port = htons(number);
        length_ = sizeof storage_.ipv4;
        return;
    }
    const std::string name{host};
    in_addr ipv4{};
    in6_addr ipv6{};
    const bool holds_nul = host.find('\0') != std::string_view::npos;
    if (!holds_nul && ::inet_pton(AF_INET, name.c_str(), &ipv4) == 1)
        *this = make_ipv4(ipv4, number);
    else if (!holds_nul && ::inet_pton(AF_INET6, name.c_str(), &ipv6) == 1)
        *this = make_ipv6(ipv6, number);
    else  // A colon stands in numeric addresses only: with a scope, or wrong.
        *this = resolve(host, number, host.find(':') != std::string_view::npos ? AI_NUMERICHOST : 0);
}

Address Address::unix_path(const std::filesystem::path& path) {
    const std::string& text = path.native();
    if (!text.starts_with('@'))
        return checked_unix(text, false, text);
    if (text.find('\0') != std::string::npos)
        refuse("the name of an abstract Unix socket holds a NUL", text);
    return checked_unix(std::string_view{text}.substr(1), true, text);
}

Address Address::from_sockaddr(const sockaddr* address, socklen_t length) noexcept {
    Address result;
    const std::size_t size = std::min<std::size_t>(length, sizeof result.storage_);
    sa_family_t family = AF_UNSPEC;
    if (address == nullptr || size < sizeof family)
        return result;
    std::memcpy(&family, reinterpret_cast<const char*>(address) + offsetof(sockaddr, sa_family), sizeof family);

    switch (family) {
        case AF_UNSPEC: return result;
        case AF_INET:
            if (size < sizeof(sockaddr_in))
                return result;
            std::memcpy(&result.storage_.ipv4, address, sizeof(sockaddr_in));
            std::memset(result.storage_.ipv4.sin_zero, 0, sizeof result.storage_.ipv4.sin_zero);
            result.length_ = sizeof(sockaddr_in);
            return result;
        case AF_INET6: {
            if (size < sizeof(sockaddr_in6))
                return result;
            sockaddr_in6 ipv6{};
            std::memcpy(&ipv6, address, sizeof ipv6);
            if (IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) {
                in_addr ipv4{};
                std::memcpy(&ipv4, ipv6.sin6_addr.s6_addr + 12, sizeof ipv4);
                return make_ipv4(ipv4, ntohs(ipv6.sin6_port));
            }
            result.storage_.ipv6 = ipv6;
            result.length_ = sizeof ipv6;
            return result;
        }
        case AF_UNIX: {
            // The path: what is there of it, since the kernel reports 111 for 108 bytes that leave no room for a NUL.
            const std::size_t given = size > path_offset ? std::min(size - path_offset, path_capacity) : 0;
            if (given == 0)
                return result;
            const char* const path = reinterpret_cast<const char*>(address) + path_offset;
            const bool abstract = *path == '\0';
            const std::size_t used = abstract ? given : ::strnlen(path, given);
            sockaddr_un local{};
            local.sun_family = AF_UNIX;
            std::memcpy(local.sun_path, path, used);
            result.storage_.local = local;
            const std::size_t with_nul = abstract ? used : std::min(used + 1, path_capacity);
            result.length_ = static_cast<socklen_t>(path_offset + with_nul);
            return result;
        }
        default:
            std::memcpy(&result.storage_, address, size);
            result.length_ = static_cast<socklen_t>(size);
            return result;
    }
}

Address Address::parse(std::string_view text) {
    if (text.starts_with('@'))
        return checked_unix(unescape(text.substr(1)), true, text);
    if (text.find('/') != std::string_view::npos)
        return checked_unix(unescape(text), false, text);

    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
        refuse("an address is HOST:PORT, [HOST]:PORT, *:PORT, a path with a slash or @NAME", text);
    const std::string host{text.substr(0, colon)};
    const std::uint16_t port = parse_port(text.substr(colon + 1), text);
    if (host == "*")
        return {"", port};
    in_addr ipv4{};
    if (host.find('\0') == std::string::npos && ::inet_pton(AF_INET, host.c_str(), &ipv4) == 1)
        return make_ipv4(ipv4, port);
    if (host.size() > 2 && host.starts_with('[') && host.ends_with(']')) {
        error_code error;
        const auto found = getaddrinfo(std::string_view{host}.substr(1, host.size() - 2), port, AF_INET6, SOCK_STREAM,
                                       0, AI_NUMERICHOST, error);
        if (!error)
            return found.front().address;
    }
    refuse("the address has no numeric host", text);
}

// ---- Asking -----------------------------------------------------------------------------------------------

bool Address::is_any() const noexcept {
    return family() == AF_UNSPEC && length_ != 0;
}

bool Address::is_wildcard() const noexcept {
    switch (family()) {
        case AF_INET: return storage_.ipv4.sin_addr.s_addr == htonl(INADDR_ANY);
        case AF_INET6: return IN6_IS_ADDR_UNSPECIFIED(&storage_.ipv6.sin6_addr);
        default: return is_any();
    }
}

bool Address::is_loopback() const noexcept {
    switch (family()) {
        case AF_INET: return ntohl(storage_.ipv4.sin_addr.s_addr) >> 24 == 127;
        case AF_INET6: return IN6_IS_ADDR_LOOPBACK(&storage_.ipv6.sin6_addr);
        default: return family() == AF_UNIX;
    }
}

std::string Address::host() const {
    std::array<char, INET6_ADDRSTRLEN> text;
    if (family() == AF_INET)
        return {text.data(), write_ipv4(storage_.ipv4.sin_addr, text.data())};
    if (family() != AF_INET6)
        return {};
    ::inet_ntop(AF_INET6, &storage_.ipv6.sin6_addr, text.data(), text.size());
    std::string host = text.data();
    if (const auto scope = storage_.ipv6.sin6_scope_id; scope != 0) {
        std::array<char, IF_NAMESIZE> name{};
        const bool known =
            reads_interface_names(storage_.ipv6.sin6_addr) && ::if_indextoname(scope, name.data()) != nullptr;
        host += '%';
        host += known ? std::string{name.data()} : std::to_string(scope);
    }
    return host;
}

std::uint16_t Address::port() const noexcept {
    if (family() == AF_INET6)
        return ntohs(storage_.ipv6.sin6_port);
    return family() == AF_INET || is_any() ? ntohs(storage_.ipv4.sin_port) : std::uint16_t{0};
}

Address Address::with_port(std::uint16_t port) const noexcept {
    assert(family() == AF_INET || family() == AF_INET6 || is_any());
    Address result = *this;
    if (family() == AF_INET6)
        result.storage_.ipv6.sin6_port = htons(port);
    else
        result.storage_.ipv4.sin_port = htons(port);
    return result;
}

bool Address::is_abstract() const noexcept {
    return family() == AF_UNIX && storage_.local.sun_path[0] == '\0';
}

std::string Address::path() const {
    if (family() != AF_UNIX)
        return {};
    const char* const bytes = storage_.local.sun_path;
    const std::size_t size = length_ - path_offset;
    if (is_abstract())
        return '@' + std::string(bytes + 1, size - 1);
    const std::string path(bytes, ::strnlen(bytes, size));
    return path.starts_with('@') ? "./" + path : path;
}

std::string Address::to_string() const {
    if (is_unnamed())
        return "(unnamed)";
    switch (family()) {
        case AF_UNSPEC: return "*:" + std::to_string(port());
        case AF_INET: {
            std::array<char, ipv4_capacity> text;
            return std::string(write(text));
        }
        case AF_INET6: return '[' + host() + "]:" + std::to_string(port());
        case AF_UNIX: return escape(path(), !is_abstract());
        default: return "(address family " + std::to_string(family()) + ')';
    }
}

std::string_view Address::write(std::span<char> to) const noexcept {
    if (family() == AF_INET) {
        std::array<char, ipv4_capacity> text;
        char* end = write_ipv4(storage_.ipv4.sin_addr, text.data());
        *end++ = ':';
        end = std::to_chars(end, text.end(), port()).ptr;
        return {to.data(), std::string_view(text.data(), end).copy(to.data(), to.size())};
    }
    try {
        return {to.data(), to_string().copy(to.data(), to.size())};
    } catch (const std::bad_alloc&) {
        return {};
    }
}

bool operator==(const Address& a, const Address& b) noexcept {
    if (a.family() != b.family() || a.length_ != b.length_)
        return false;
    switch (a.family()) {
        case AF_UNSPEC: return a.port() == b.port();
        case AF_INET: return a.port() == b.port() && a.storage_.ipv4.sin_addr.s_addr == b.storage_.ipv4.sin_addr.s_addr;
        case AF_INET6:
            return a.port() == b.port() && a.storage_.ipv6.sin6_scope_id == b.storage_.ipv6.sin6_scope_id &&
                   IN6_ARE_ADDR_EQUAL(&a.storage_.ipv6.sin6_addr, &b.storage_.ipv6.sin6_addr);
        default: return std::memcmp(&a.storage_, &b.storage_, a.length_) == 0;
    }
}

std::ostream& operator<<(std::ostream& out, const Address& address) {
    return out << address.to_string();
}

}  // namespace socketserver
