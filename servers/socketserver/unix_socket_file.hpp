#pragma once

/// \file
/// The file that binding a Unix socket leaves in the file system.

#include <socketserver/net/address.hpp>

#include <sys/types.h>

#include <string>

namespace socketserver {

/// The file of a bound Unix socket: removed when a former server left it behind, and when this one closes.
///
/// Owns: the file, once created() was called, in the process that called it: a forked child leaves it alone. An address
/// in the abstract namespace has no file, and everything here does nothing.
class UnixSocketFile {
public:
    /// Makes way for bind(2): removes a socket file on which nobody listens (unix(7): connecting to it is refused).
    /// What is no socket, and a socket that somebody serves, is left alone, and bind(2) will fail.
    /// \param address where the socket is to be bound
    explicit UnixSocketFile(const Address& address);

    /// Removes the file, if it is still the one that was created.
    ~UnixSocketFile();
    UnixSocketFile(const UnixSocketFile&) = delete;
    UnixSocketFile& operator=(const UnixSocketFile&) = delete;

    /// Tells that the socket is bound now.
    void created() noexcept;

private:
    std::string path_;  // empty if there is no file
    pid_t creator_ = -1;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace socketserver
