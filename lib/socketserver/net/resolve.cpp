#include <socketserver/net/resolve.hpp>

#include <socketserver/net/offload.hpp>

#include <arpa/inet.h>
#include <netdb.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

namespace socketserver {

namespace {

class GaiCategory final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "getaddrinfo"; }
    std::string message(int value) const override { return ::gai_strerror(value); }
    boost::system::error_condition default_error_condition(int value) const noexcept override {
        using namespace boost::system::errc;
        switch (value) {
            case EAI_AGAIN: return make_error_condition(resource_unavailable_try_again);
            case EAI_FAMILY: return make_error_condition(address_family_not_supported);
            case EAI_MEMORY: return make_error_condition(not_enough_memory);
            case EAI_SOCKTYPE: return make_error_condition(wrong_protocol_type);
            default: return {value, *this};
        }
    }
};

bool holds_nul(std::string_view text) noexcept {
    return text.find('\0') != std::string_view::npos;
}

/// Whether text is a number that is no port; getaddrinfo(3) would cut it to 16 bits.
bool is_port_out_of_range(const std::string& text) noexcept {
    long long number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (end != text.data() + text.size() || text.empty())
        return false;
    return failure != std::errc{} || number < 0 || number > 65535;
}

const char* null_if_empty(const std::string& text) noexcept {
    return text.empty() ? nullptr : text.c_str();
}

/// Calls one of the _r functions of netdb.h with a buffer that grows until the result fits.
/// \param call call(char* buffer, size_t size) returns an errno value
template <class Call>
int with_growing_buffer(std::vector<char>& buffer, Call call) {
    buffer.resize(1024);
    for (;;) {
        const int result = call(buffer.data(), buffer.size());
        if (result != ERANGE || buffer.size() > (1U << 24))
            return result;
        buffer.resize(2 * buffer.size());
    }
}

/// The error of a getserv*_r call: 0 with no entry means that there is none.
error_code service_code(int result, const servent* entry) noexcept {
    if (result != 0 && result != ENOENT)
        return system_code(result);
    return entry == nullptr ? gai_code(EAI_SERVICE, 0) : error_code{};
}

std::string service_subject(std::string_view service, std::string_view protocol) {
    std::string subject{service};
    if (!protocol.empty())
        subject.append(1, '/').append(protocol);
    return subject;
}

/// The names of an address, the official one first; none if it has no name.
std::vector<std::string> names_of(const Address& address) {
    const void* bytes = nullptr;
    socklen_t size = 0;
    if (address.family() == AF_INET) {
        bytes = &reinterpret_cast<const sockaddr_in*>(address.data())->sin_addr;
        size = sizeof(in_addr);
    } else {
        bytes = &reinterpret_cast<const sockaddr_in6*>(address.data())->sin6_addr;
        size = sizeof(in6_addr);
    }
    hostent storage{};
    hostent* entry = nullptr;
    std::vector<char> buffer;
    const int result = with_growing_buffer(buffer, [&](char* data, std::size_t length) {
        int ignored = 0;
        return ::gethostbyaddr_r(bytes, size, address.family(), &storage, data, length, &entry, &ignored);
    });
    std::vector<std::string> names;
    if (result == 0 && entry != nullptr) {
        names.emplace_back(entry->h_name);
        for (char** alias = entry->h_aliases; *alias != nullptr; ++alias)
            names.emplace_back(*alias);
    }
    return names;
}

}  // namespace

const boost::system::error_category& gai_category() noexcept {
    static const GaiCategory category;
    return category;
}

error_code gai_code(int result, int error) noexcept {
    if (result == 0)
        return {};
    return result == EAI_SYSTEM ? system_code(error) : error_code{result, gai_category()};
}

// ---- Hosts ------------------------------------------------------------------------------------------------

std::string gethostname() {
    error_code error;
    std::string name = gethostname(error);
    if (error)
        throw_error(error, "gethostname");
    return name;
}

std::string gethostname(error_code& error) {
    std::array<char, 256> name{};  // HOST_NAME_MAX is 64
    if (::gethostname(name.data(), name.size() - 1) != 0) {
        error = system_code(errno);
        return {};
    }
    error.clear();
    return name.data();
}

std::vector<AddressInfo> getaddrinfo(std::string_view host, const Service& service, int family, int type, int protocol,
                                     int flags) {
    error_code error;
    auto found = getaddrinfo(host, service, family, type, protocol, flags, error);
    if (error)
        throw_error(error, "getaddrinfo", host.empty() ? std::string_view{service.text()} : host);
    return found;
}

std::vector<AddressInfo> getaddrinfo(std::string_view host, const Service& service, int family, int type, int protocol,
                                     int flags, error_code& error) {
    if (holds_nul(host) || holds_nul(service.text())) {
        error = gai_code(EAI_NONAME, 0);
        return {};
    }
    if (is_port_out_of_range(service.text())) {
        error = gai_code(EAI_SERVICE, 0);
        return {};
    }
    // With neither a host nor a service getaddrinfo would refuse; port 0 says the same as no service.
    const std::string name{host};
    const std::string port = service.text().empty() ? "0" : service.text();
    addrinfo hints{};
    hints.ai_family = family;
    hints.ai_socktype = type;
    hints.ai_protocol = protocol;
    hints.ai_flags = flags;
    addrinfo* list = nullptr;
    // It may ask servers, for seconds.
    error = offload([&] {
        const int result = ::getaddrinfo(null_if_empty(name), port.c_str(), &hints, &list);
        return gai_code(result, errno);
    });
    if (error)
        return {};
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
    std::vector<AddressInfo> found;
    for (const addrinfo* info = list; info != nullptr; info = info->ai_next)
        found.push_back({info->ai_family, info->ai_socktype, info->ai_protocol,
                         info->ai_canonname != nullptr ? info->ai_canonname : "",
                         Address::from_sockaddr(info->ai_addr, info->ai_addrlen)});
    return found;
}

std::string gethostbyname(std::string_view name) {
    error_code error;
    std::string address = gethostbyname(name, error);
    if (error)
        throw_error(error, "gethostbyname", name);
    return address;
}

std::string gethostbyname(std::string_view name, error_code& error) {
    error.clear();
    if (name.empty())
        return "0.0.0.0";
    if (name == "<broadcast>")
        return "255.255.255.255";
    const auto found = getaddrinfo(name, Service{0}, AF_INET, SOCK_STREAM, 0, 0, error);
    return found.empty() ? std::string{} : found.front().address.host();
}

std::string getfqdn(std::string_view name) {
    error_code error;
    std::string full = getfqdn(name, error);
    if (error)
        throw_error(error, "gethostname");
    return full;
}

std::string getfqdn(std::string_view name, error_code& error) {
    error.clear();
    std::string given{name};
    if (name.empty() || name == "0.0.0.0" || name == "::") {
        given = gethostname(error);
        if (error)
            return {};
    }
    error_code unknown;
    const auto found = getaddrinfo(given, Service{0}, AF_UNSPEC, SOCK_STREAM, 0, 0, unknown);
    if (found.empty())
        return given;
    const auto names = offload([&] { return names_of(found.front().address); });
    const auto full = std::ranges::find_if(
        names, [](const std::string& candidate) { return candidate.find('.') != std::string::npos; });
    if (full != names.end())
        return *full;
    return names.empty() ? given : names.front();
}

// ---- Services ---------------------------------------------------------------------------------------------

std::uint16_t getservbyname(std::string_view service, std::string_view protocol) {
    error_code error;
    const std::uint16_t port = getservbyname(service, protocol, error);
    if (error)
        throw_error(error, "getservbyname", service_subject(service, protocol));
    return port;
}

std::uint16_t getservbyname(std::string_view service, std::string_view protocol, error_code& error) {
    if (holds_nul(service) || holds_nul(protocol)) {
        error = gai_code(EAI_SERVICE, 0);
        return 0;
    }
    const std::string name{service};
    const std::string transport{protocol};
    servent storage{};
    servent* entry = nullptr;
    std::vector<char> buffer;
    const int result = with_growing_buffer(buffer, [&](char* data, std::size_t size) {
        return ::getservbyname_r(name.c_str(), null_if_empty(transport), &storage, data, size, &entry);
    });
    error = service_code(result, entry);
    return error ? std::uint16_t{0} : ntohs(static_cast<std::uint16_t>(entry->s_port));
}

std::string getservbyport(std::uint16_t port, std::string_view protocol) {
    error_code error;
    std::string name = getservbyport(port, protocol, error);
    if (error)
        throw_error(error, "getservbyport", service_subject(std::to_string(port), protocol));
    return name;
}

std::string getservbyport(std::uint16_t port, std::string_view protocol, error_code& error) {
    if (holds_nul(protocol)) {
        error = gai_code(EAI_SERVICE, 0);
        return {};
    }
    const std::string transport{protocol};
    servent storage{};
    servent* entry = nullptr;
    std::vector<char> buffer;
    const int result = with_growing_buffer(buffer, [&](char* data, std::size_t size) {
        return ::getservbyport_r(htons(port), null_if_empty(transport), &storage, data, size, &entry);
    });
    error = service_code(result, entry);
    return error ? std::string{} : std::string{entry->s_name};
}

}  // namespace socketserver
