#pragma once

/// \file
/// Names to addresses and back: the name-service functions of Python's socket module.
///
/// All may be called from any thread. Those that ask a name server or a file of /etc may block for as long as
/// that takes, seconds if a server is silent (resolv.conf(5)): where that must not happen, run them on a helper
/// thread. Each comes in two forms: one throws boost::system::system_error naming the call and what was looked
/// up, one stores the error in its last argument and returns an empty value.

#include <socketserver/net/address.hpp>
#include <socketserver/os/error.hpp>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace socketserver {

/// The category of the errors of getaddrinfo(3), with its EAI_ values (netdb.h) and the messages of
/// gai_strerror(3). EAI_SYSTEM never appears in it: such an error has the system category and errno's value.
[[nodiscard]] const boost::system::error_category& gai_category() noexcept;

/// The error code for what getaddrinfo(3) returned.
/// \param result an EAI_ value, 0 for success
/// \param error `errno` as the call left it, which counts if \p result is EAI_SYSTEM
[[nodiscard]] error_code gai_code(int result, int error) noexcept;

/// A service of the Internet: a port, or a name or number as text. Made implicitly of either.
class Service {
public:
    /// A service given by its port.
    /// \param port 0 to 65535; another is an error (EAI_SERVICE) of the function it is given to
    template <std::integral Integer>
    Service(Integer port) : text_(std::to_string(port)) {}  // NOLINT: implicit on purpose

    /// A service given as text.
    /// \param text a name of /etc/services such as "http", or a number; "" for none, which gives port 0
    Service(std::string_view text) : text_(text) {}  // NOLINT: implicit on purpose

    /// A service given as text, see above.
    Service(const char* text) : text_(text) {}  // NOLINT: implicit on purpose

    /// A service given as text, see above.
    Service(const std::string& text) : text_(text) {}  // NOLINT: implicit on purpose

    /// The service as text.
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
    std::string text_;
};

/// One result of getaddrinfo(): all that a socket for it is made with.
struct AddressInfo {
    int family;                  ///< AF_INET or AF_INET6
    int type;                    ///< SOCK_STREAM, SOCK_DGRAM or SOCK_RAW
    int protocol;                ///< IPPROTO_TCP, IPPROTO_UDP or another of netinet/in.h
    std::string canonical_name;  ///< the host's official name; in the first result only, if AI_CANONNAME asks for it
    Address address;             ///< what to bind or connect to
};

/// This machine's name (gethostname(2)).
/// \throw boost::system::system_error if the call fails
[[nodiscard]] std::string gethostname();

/// This machine's name, without throwing.
/// \param error cleared, or set to what went wrong
[[nodiscard]] std::string gethostname(error_code& error);

/// The addresses of a host and the port of a service (getaddrinfo(3)), in the order in which to try them.
/// May block.
/// \param host a name or a numeric address; "" for the loopback addresses, or with AI_PASSIVE the wildcards
/// \param service a port, or a service's name
/// \param family AF_INET or AF_INET6 for one family, AF_UNSPEC for both
/// \param type SOCK_STREAM or SOCK_DGRAM, 0 for all
/// \param protocol IPPROTO_TCP or another, 0 for all
/// \param flags AI_PASSIVE, AI_CANONNAME, AI_NUMERICHOST and others of netdb.h
/// \return one element at least
/// \throw boost::system::system_error (gai_category() or system category) if there is none
[[nodiscard]] std::vector<AddressInfo> getaddrinfo(std::string_view host, const Service& service,
                                                   int family = AF_UNSPEC, int type = SOCK_STREAM, int protocol = 0,
                                                   int flags = 0);

/// The addresses of a host and the port of a service, without throwing. May block.
/// \param host, service, family, type, protocol, flags as above
/// \param error cleared, or set to what went wrong
/// \return the addresses, none if there is an error
[[nodiscard]] std::vector<AddressInfo> getaddrinfo(std::string_view host, const Service& service, int family, int type,
                                                   int protocol, int flags, error_code& error);

/// The first IPv4 address of a host, as text. As in Python "" gives `0.0.0.0` and "<broadcast>"
/// `255.255.255.255`. May block. For both families use getaddrinfo().
/// \param name a name or a numeric IPv4 address
/// \throw boost::system::system_error (gai_category() or system category) if there is none
[[nodiscard]] std::string gethostbyname(std::string_view name);

/// The first IPv4 address of a host, without throwing. May block.
/// \param name as above
/// \param error cleared, or set to what went wrong
[[nodiscard]] std::string gethostbyname(std::string_view name, error_code& error);

/// The fully qualified name of a host: of the names that gethostbyaddr(3) knows for its address the first with
/// a dot in it, else the first one; the name as it was given if it is unknown, which is no error. May block.
/// \param name a name or a numeric address; "", `0.0.0.0` and `::` stand for this machine's name
/// \throw boost::system::system_error if this machine's name cannot be had (gethostname(2))
[[nodiscard]] std::string getfqdn(std::string_view name = {});

/// The fully qualified name of a host, without throwing. May block.
/// \param name as above
/// \param error cleared, or set to what went wrong
[[nodiscard]] std::string getfqdn(std::string_view name, error_code& error);

/// The port of a service (getservbyname_r(3): /etc/services).
/// \param service the service's name or alias, e.g. "http"
/// \param protocol "tcp" or "udp"; "" for whichever is found first
/// \throw boost::system::system_error with EAI_SERVICE of gai_category() if there is none
[[nodiscard]] std::uint16_t getservbyname(std::string_view service, std::string_view protocol = {});

/// The port of a service, without throwing.
/// \param service, protocol as above
/// \param error cleared, or set to what went wrong
[[nodiscard]] std::uint16_t getservbyname(std::string_view service, std::string_view protocol, error_code& error);

/// The name of the service at a port (getservbyport_r(3): /etc/services).
/// \param port the port, in host byte order
/// \param protocol "tcp" or "udp"; "" for whichever is found first
/// \throw boost::system::system_error with EAI_SERVICE of gai_category() if there is none
[[nodiscard]] std::string getservbyport(std::uint16_t port, std::string_view protocol = {});

/// The name of the service at a port, without throwing.
/// \param port, protocol as above
/// \param error cleared, or set to what went wrong
[[nodiscard]] std::string getservbyport(std::uint16_t port, std::string_view protocol, error_code& error);

}  // namespace socketserver
