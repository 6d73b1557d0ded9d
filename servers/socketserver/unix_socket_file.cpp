#include <socketserver/unix_socket_file.hpp>

#include <socketserver/net/waiter.hpp>
#include <socketserver/os/deadline.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

namespace socketserver {

using namespace std::chrono_literals;

namespace {

// Whether nobody has a socket file open, so that connecting to it is refused. A server must not take the question for a
// connection: it is asked with a type of socket that neither streams nor datagrams are (EPROTOTYPE).
bool nobody_listens(const Address& address) noexcept {
    const UniqueFd probe = own_descriptor(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return probe && ::connect(probe.get(), address.data(), address.size()) != 0 && errno == ECONNREFUSED;
}

}  // namespace

/// \param path of a file in the folder
/// \param patience how long to wait for it: anybody who may read the folder can hold it
UnixSocketFile::FolderLock::FolderLock(const std::string& path, std::chrono::milliseconds patience) {
    const auto parent = std::filesystem::path(path).parent_path();
    folder_ = own_descriptor(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const Deadline deadline = Deadline::after(patience);
    // flock(2) knows no time-out.
    for (auto pause = 1ms; folder_ && ::flock(folder_.get(), LOCK_EX | LOCK_NB) != 0;
         pause = std::min(pause * 2, 50ms)) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || deadline.expired() ||
            Waiter::current().sleep_until(earlier(deadline, Deadline::after(pause))) == WaitResult::cut)
            folder_.reset();
    }
}

UnixSocketFile::FolderLock& UnixSocketFile::FolderLock::operator=(FolderLock&& other) noexcept {
    std::swap(folder_, other.folder_);
    return *this;
}

// A child that is forked meanwhile has the lock, too, until it is given up as such.
UnixSocketFile::FolderLock::~FolderLock() {
    if (folder_)
        ::flock(folder_.get(), LOCK_UN);
}

UnixSocketFile::UnixSocketFile(const Address& address) {
    if (address.is_abstract())
        return;
    path_ = address.path();
    lock_ = FolderLock(path_, 5s);
    struct stat status {};
    if (lock_ && ::lstat(path_.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) && nobody_listens(address))
        ::unlink(path_.c_str());
}

UnixSocketFile::~UnixSocketFile() {
    if (creator_ != ::getpid())
        return;
    const FolderLock lock(path_, 1s);
    struct stat status {};
    if (::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_)
        ::unlink(path_.c_str());
}

void UnixSocketFile::created() noexcept {
    const FolderLock lock = std::move(lock_);
    struct stat status {};
    if (path_.empty() || ::lstat(path_.c_str(), &status) != 0)
        return;
    creator_ = ::getpid();
    device_ = status.st_dev;
    inode_ = status.st_ino;
}

}  // namespace socketserver
