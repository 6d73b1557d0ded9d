#include <socketserver/unix_socket_file.hpp>

#include <socketserver/os/unique_fd.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace socketserver {

namespace {

// Whether nobody has a socket file open, so that connecting to it is refused. A server must not take the question for a
// connection: it is asked with a type of socket that neither streams nor datagrams are (EPROTOTYPE).
bool nobody_listens(const Address& address) noexcept {
    const UniqueFd probe = own_descriptor(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return probe && ::connect(probe.get(), address.data(), address.size()) != 0 && errno == ECONNREFUSED;
}

}  // namespace

UnixSocketFile::UnixSocketFile(const Address& address) {
    if (address.is_abstract())
        return;
    path_ = address.path();
    struct stat status {};
    if (::lstat(path_.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) && nobody_listens(address))
        ::unlink(path_.c_str());
}

UnixSocketFile::~UnixSocketFile() {
    struct stat status {};
    if (creator_ == ::getpid() && ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ &&
        status.st_ino == inode_)
        ::unlink(path_.c_str());
}

void UnixSocketFile::created() noexcept {
    struct stat status {};
    if (path_.empty() || ::lstat(path_.c_str(), &status) != 0)
        return;
    creator_ = ::getpid();
    device_ = status.st_dev;
    inode_ = status.st_ino;
}

}  // namespace socketserver
