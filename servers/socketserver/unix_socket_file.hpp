#pragma once

/// \file
/// The file that binding a Unix socket leaves in the file system.

#include <socketserver/net/address.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <sys/types.h>

#include <chrono>
#include <string>

namespace socketserver {

/// The file of a bound Unix socket: removed when a former server left it behind, and when this one closes.
///
/// Servers that start at once on the same path must not remove each other's files. So who looks, removes and binds holds a lock on
/// the file's folder meanwhile (flock(2)), which leaves nothing behind, ends with its process, and binds whoever may read the folder.
/// Who may not, or does not get it within 5 s, removes nothing.
///
/// Owns: the file, once created() was called, in the process that called it: a forked child leaves it alone. An address
/// in the abstract namespace has no file, and everything here does nothing.
class UnixSocketFile {
public:
    /// Makes way for bind(2): removes a socket file on which nobody listens (unix(7): connecting to it is refused).
    /// What is no socket, and a socket that somebody serves, is left alone, and bind(2) will fail. Locks the folder.
    /// \param address where the socket is to be bound
    explicit UnixSocketFile(const Address& address);

    /// Removes the file, if it is still the one that was created; unlocks.
    ~UnixSocketFile();
    UnixSocketFile(const UnixSocketFile&) = delete;
    UnixSocketFile& operator=(const UnixSocketFile&) = delete;

    /// Tells that the socket is bound now; unlocks.
    void created() noexcept;

private:
    /// The lock on the file's folder, while it lives. One that could not be had is none.
    class FolderLock {
    public:
        FolderLock() noexcept = default;
        FolderLock(const std::string& path, std::chrono::milliseconds patience);
        FolderLock(FolderLock&&) noexcept = default;
        FolderLock& operator=(FolderLock&& other) noexcept;
        ~FolderLock();

        explicit operator bool() const noexcept { return static_cast<bool>(folder_); }

    private:
        UniqueFd folder_;
    };

    std::string path_;  // empty if there is no file
    FolderLock lock_;   // until the socket is bound
    pid_t creator_ = -1;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace socketserver
