#include <socketserver/os/folder.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace socketserver {

namespace {

UniqueFd descriptor_or_error(int fd, error_code& error) noexcept {
    UniqueFd descriptor = own_descriptor(fd);
    error = descriptor ? error_code{} : system_code(errno);
    return descriptor;
}

UniqueFd open_at(int folder, const char* name, int flags, error_code& error) noexcept {
    return descriptor_or_error(::openat(folder, name, flags | O_CLOEXEC), error);
}

UniqueFd open_resolved_by_kernel(int folder, const char* name, int flags, error_code& error) noexcept {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags | O_CLOEXEC));
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    // EAGAIN: something was renamed meanwhile, and the kernel cannot vouch for a ".." of a symbolic link.
    constexpr int tries = 10;
    for (int i = 1;; ++i) {
        const auto fd = ::syscall(SYS_openat2, folder, name, &how, sizeof how);
        if (fd < 0 && errno == EAGAIN && i < tries)
            continue;
        return descriptor_or_error(static_cast<int>(fd), error);
    }
}

bool is_canonical(std::string_view name) noexcept {
    if (name.empty())
        return true;
    if (name.find('\0') != std::string_view::npos)
        return false;
    for (std::size_t begin = 0;;) {
        const auto slash = name.find('/', begin);
        const std::string_view component = name.substr(begin, slash - begin);
        if (component.empty() || component == "." || component == "..")
            return false;
        if (slash == std::string_view::npos)
            return true;
        begin = slash + 1;
    }
}

struct stat status_of(int fd, error_code& error) noexcept {
    struct stat status {};
    error = ::fstat(fd, &status) != 0 ? system_code(errno) : error_code{};
    return status;
}

/// What a descriptor of something found by a lookup may not be.
error_code check_kind(const struct stat& status) noexcept {
    // Only a lookup that follows no links finds one.
    if (S_ISLNK(status.st_mode))
        return system_code(ELOOP);
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return system_code(ENXIO);
    return {};
}

}  // namespace

bool Folder::File::has_changed() const noexcept {
    struct stat now {};
    if (::fstat(descriptor.get(), &now) != 0 || now.st_size != status.st_size)
        return now.st_size < status.st_size;
    return now.st_mtim.tv_sec != status.st_mtim.tv_sec || now.st_mtim.tv_nsec != status.st_mtim.tv_nsec;
}

Folder::Folder(const std::string& path)
    : descriptor_(own_descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))) {
    if (!descriptor_)
        throw_errno(errno, "open the folder", "'" + path + "'");
    // Kernels older than 5.6 know no such call, and some sandboxes forbid what they do not know.
    error_code error;
    kernel_resolves_ = static_cast<bool>(open_resolved_by_kernel(descriptor_.get(), ".", O_PATH, error));
}

UniqueFd Folder::open_beneath(const std::string& name, int flags, error_code& error, Lookup lookup) const {
    if (!is_canonical(name)) {
        error = system_code(EINVAL);
        return {};
    }
    if (lookup == Lookup::by_component || !kernel_resolves_)
        return open_by_component(name, flags, error);
    return open_resolved_by_kernel(descriptor_.get(), name.empty() ? "." : name.c_str(), flags, error);
}

UniqueFd Folder::open_by_component(const std::string& name, int flags, error_code& error) const {
    if (name.empty())
        return open_at(descriptor_.get(), ".", flags, error);
    UniqueFd inner;
    int folder = descriptor_.get();
    std::size_t begin = 0;
    for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', begin)) {
        const std::string component = name.substr(begin, slash - begin);
        inner = open_at(folder, component.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW, error);
        if (!inner)
            return {};
        folder = inner.get();
        begin = slash + 1;
    }
    return open_at(folder, name.c_str() + begin, flags | O_NOFOLLOW, error);
}

struct stat Folder::look_at(std::string_view name, error_code& error, Lookup lookup) const {
    const UniqueFd found = open_beneath(std::string(name), O_PATH, error, lookup);
    if (error)
        return {};
    const struct stat status = status_of(found.get(), error);
    if (!error)
        error = check_kind(status);
    return status;
}

Folder::File Folder::open(std::string_view name, error_code& error, Lookup lookup) const {
    static_cast<void>(look_at(name, error, lookup));
    if (error)
        return {};
    File file;
    file.descriptor = open_beneath(std::string(name), O_RDONLY | O_NONBLOCK | O_NOCTTY, error, lookup);
    if (!error)
        file.status = status_of(file.descriptor.get(), error);
    if (!error)
        error = check_kind(file.status);
    return error ? File{} : std::move(file);
}

Folder::Names Folder::list(std::string_view name, std::size_t most, error_code& error, Lookup lookup) const {
    UniqueFd folder = open_beneath(std::string(name), O_RDONLY | O_DIRECTORY | O_NONBLOCK, error, lookup);
    if (error)
        return {};
    const auto close = [](DIR* stream) { ::closedir(stream); };
    const std::unique_ptr<DIR, decltype(close)> stream(::fdopendir(folder.get()), close);
    if (!stream) {
        error = system_code(errno);
        return {};
    }
    static_cast<void>(folder.release());  // the stream's now
    Names found;
    for (;;) {
        errno = 0;
        const dirent* const entry = ::readdir(stream.get());
        if (entry == nullptr) {
            error = errno != 0 ? system_code(errno) : error_code{};
            return found;
        }
        const std::string_view entry_name = &entry->d_name[0];
        if (entry_name == "." || entry_name == "..")
            continue;
        if (found.names.size() == most) {
            found.complete = false;
            return found;
        }
        found.names.emplace_back(entry_name);
    }
}

}  // namespace socketserver
