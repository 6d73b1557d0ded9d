#include <socketserver/os/error.hpp>

#include <cerrno>
#include <string>

namespace socketserver {

error_code system_code(int error) noexcept {
    return {error, boost::system::system_category()};
}

void throw_error(error_code error, std::string_view operation, std::string_view subject) {
    std::string what{operation};
    if (!subject.empty()) {
        what += ' ';
        what += subject;
    }
    throw system_error(error, what);
}

void throw_errno(int error, std::string_view operation, std::string_view subject) {
    throw_error(system_code(error), operation, subject);
}

bool is_timeout(const error_code& error) noexcept {
    return error == boost::system::errc::timed_out;
}

bool is_network_error(const error_code& error) noexcept {
    if (error.category() != boost::system::system_category() && error.category() != boost::system::generic_category())
        return false;
    switch (error.value()) {
        case ECANCELED:  // a wait that was cut, when a server stops
        case ECONNABORTED:
        case ECONNREFUSED:
        case ECONNRESET:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case EMSGSIZE:
        case ENETDOWN:
        case ENETRESET:
        case ENETUNREACH:
        case ENOTCONN:
        case EPIPE:
        case ETIMEDOUT: return true;
        default: return false;
    }
}

}  // namespace socketserver
