#pragma once

/// \file
/// Where a socket is bound or connected: IPv4, IPv6 and Unix addresses as one value type.

#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>

namespace socketserver {

/// A socket address: a `sockaddr` with its length. A value: copy it freely, use it from any thread.
///
/// Five kinds:
///
/// | kind | made by | family() | to_string() |
/// |---|---|---|---|
/// | IPv4 | `Address("127.0.0.1", 80)` | AF_INET | `127.0.0.1:80` |
/// | IPv6 | `Address("::1", 80)` | AF_INET6 | `[::1]:80` |
/// | any, both families | `Address("", 80)` | AF_UNSPEC | `*:80` |
/// | Unix, a path or abstract | `Address::unix_path("/run/x")`, `("@name")` | AF_UNIX | `/run/x`, `@name` |
/// | unnamed | `Address()` | AF_UNSPEC | `(unnamed)` |
///
/// An IPv4 peer of a dual-stack socket (an IPv4-mapped address, RFC 4291 section 2.5.5.2) is kept as IPv4.
class Address {
public:
    /// The unnamed address: what a peer has that never bound its Unix datagram socket.
    Address() noexcept = default;

    /// An Internet address.
    /// \param host a numeric IPv4 or IPv6 address (with `%scope` if need be); "" for any address of both
    ///   families; anything else is a name and is resolved, which may take time (getaddrinfo(3)): its first
    ///   IPv4 address if it has one, else its first address
    /// \param port 0 to 65535; 0 lets the system choose when the address is bound
    /// \throw std::invalid_argument for a port out of range
    /// \throw boost::system::system_error if the name has no address, naming it (gai_category(), resolve.hpp)
    Address(std::string_view host, int port);

    /// The address of a Unix socket.
    /// \param path a path in the file system, or "@name" for a name in Linux's abstract namespace
    /// \throw std::invalid_argument if it is empty, holds a NUL, or is longer than `sockaddr_un` can hold
    ///   (107 bytes, "@" not counted), saying the length and the limit
    [[nodiscard]] static Address unix_path(const std::filesystem::path& path);

    /// What a system call stored.
    /// \param address the stored address; its family may be any
    /// \param length the length that the call reported, longer than the buffer if it was cut
    /// \return the address; the unnamed one if there is no more than a family, or less than the family needs
    [[nodiscard]] static Address from_sockaddr(const sockaddr* address, socklen_t length) noexcept;

    /// Reads what to_string() prints: `127.0.0.1:80`, `[::1]:80`, `*:80`, a path with a slash, `@name`; in
    /// the last two `\xNN` stands for a byte. Numeric only: it never resolves a name.
    /// \param text the address as people write it
    /// \throw std::invalid_argument if \p text is none of these, quoting it
    [[nodiscard]] static Address parse(std::string_view text);

    /// AF_INET, AF_INET6, AF_UNIX, or AF_UNSPEC for "any" and unnamed addresses; another family if
    /// from_sockaddr() was given one.
    [[nodiscard]] int family() const noexcept { return storage_.generic.sa_family; }

    /// Whether it is any address of both families: `Address("", port)`.
    [[nodiscard]] bool is_any() const noexcept;

    /// Whether binding to it receives traffic for more than one local address: "", `0.0.0.0` or `::`.
    [[nodiscard]] bool is_wildcard() const noexcept;

    /// Whether it is a loopback address (127.0.0.0/8, `::1`) or a Unix one: reachable from this machine only.
    [[nodiscard]] bool is_loopback() const noexcept;

    /// Whether nothing can be sent to it: a peer without a name.
    [[nodiscard]] bool is_unnamed() const noexcept { return length_ == 0; }

    /// The numeric host without brackets, with its scope if it has one: the interface's name where a name is read
    /// (`fe80::1%eth0`), the number elsewhere (`2001:db8::1%2`); "" for an address that has no host. Source: RFC 4007,
    /// section 11.
    [[nodiscard]] std::string host() const;

    /// The port in host byte order; 0 for an address that has none.
    [[nodiscard]] std::uint16_t port() const noexcept;

    /// The same Internet address with another port.
    /// \param port 0 to 65535
    /// Requires: an Internet address (AF_INET, AF_INET6 or any).
    [[nodiscard]] Address with_port(std::uint16_t port) const noexcept;

    /// The path of a Unix socket in the file system, or "@name"; "" for an address that has none. A path that
    /// begins with "@" is returned as "./@...".
    [[nodiscard]] std::string path() const;

    /// Whether it is a Unix address in the abstract namespace, which leaves no file behind.
    [[nodiscard]] bool is_abstract() const noexcept;

    /// The address as people write it, see the table above, on one line: the backslash and bytes that cannot
    /// be printed stand as `\xNN`; of a path printable characters of UTF-8 are kept (is_printable()).
    [[nodiscard]] std::string to_string() const;

    /// Writes what to_string() returns, as far as there is room, for IPv4 without taking memory. If there
    /// is none for another one, nothing is written.
    /// \param to where
    /// \return the part of \p to that it takes
    [[nodiscard]] std::string_view write(std::span<char> to) const noexcept;

    /// What bind(2), connect(2) and sendto(2) take. Lives as long as this object.
    [[nodiscard]] const sockaddr* data() const noexcept { return &storage_.generic; }

    /// The length that goes with data(); 0 for an unnamed address.
    [[nodiscard]] socklen_t size() const noexcept { return length_; }

    /// Whether two addresses are the same kind, host, port, scope and path.
    friend bool operator==(const Address& a, const Address& b) noexcept;

    /// Prints to_string().
    friend std::ostream& operator<<(std::ostream& out, const Address& address);

private:
    union Storage {
        sockaddr generic;
        sockaddr_in ipv4;
        sockaddr_in6 ipv6;
        sockaddr_un local;
    };
    Storage storage_ = {};
    socklen_t length_ = 0;
};

}  // namespace socketserver
