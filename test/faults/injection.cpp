// fault_server is linked with --wrap for each function here, so that the library's calls, and no others, come here first.

#include "injection.hpp"

#include "control.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <new>
#include <system_error>

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace socketserver::test {

namespace {

Control* control = nullptr;

int strike(Point point) {
    return control != nullptr ? control->at(point).strike() : 0;
}

/// Whether a call is to fail; errno is set then.
bool fails(Point point) {
    const int error = strike(point);
    if (error != 0)
        errno = error;
    return error != 0;
}

/// Whether a transfer is to fail; the connection is then gone for its peer, too.
bool transfer_fails(Point point, int fd) {
    const int error = strike(point);
    if (error == 0)
        return false;
    ::shutdown(fd, SHUT_RDWR);
    errno = error;
    return true;
}

[[noreturn]] void give_up(const char* what) {
    throw std::system_error(errno, std::system_category(), what);
}

constexpr itimerspec each_millisecond{{0, 1'000'000}, {0, 1'000'000}};

void interrupt_this_process() {
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR2;
    timer_t timer{};
    if (::timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
        ::timer_settime(timer, 0, &each_millisecond, nullptr);
}

bool is_stormy() {
    return std::getenv(storm_variable) != nullptr;
}

void map_control(const char* path) {
    const int fd = ::open(path, O_RDWR | O_CLOEXEC);
    void* const memory = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || memory == MAP_FAILED)
        give_up(path);
    ::close(fd);
    control = static_cast<Control*>(memory);
}

}  // namespace

void begin_injection() {
    if (const char* const path = std::getenv(control_variable))
        map_control(path);
    if (const char* const user = std::getenv(user_variable); user != nullptr && ::geteuid() == 0) {
        const auto id = static_cast<uid_t>(std::atoi(user));
        if (::setresgid(id, id, id) != 0 || ::setresuid(id, id, id) != 0)
            give_up("setresuid");
        ::prctl(PR_SET_DUMPABLE, 1);  // or the test could not look at it, and leaks would not be found
    }
    if (const char* const processes = std::getenv(processes_variable)) {
        rlimit limit{};
        ::getrlimit(RLIMIT_NPROC, &limit);
        limit.rlim_cur = static_cast<rlim_t>(std::atoi(processes));
        ::setrlimit(RLIMIT_NPROC, &limit);
    }
    if (is_stormy()) {
        struct sigaction action {};
        action.sa_handler = [](int) {};
        ::sigaction(SIGUSR2, &action, nullptr);
        interrupt_this_process();
        ::pthread_atfork(nullptr, nullptr, interrupt_this_process);  // timers are not inherited
    }
}

void interrupt_this_thread() {
    if (!is_stormy())
        return;
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGUSR2;
    event._sigev_un._tid = static_cast<pid_t>(::syscall(SYS_gettid));
    timer_t timer{};
    if (::timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
        ::timer_settime(timer, 0, &each_millisecond, nullptr);
}

namespace {

void* allocate(std::size_t size) {
    return strike(Point::allocation) != 0 ? nullptr : std::malloc(size == 0 ? 1 : size);
}

void* allocate(std::size_t size, std::align_val_t alignment) {
    const auto unit = static_cast<std::size_t>(alignment);
    return strike(Point::allocation) != 0 ? nullptr : std::aligned_alloc(unit, (size + unit - 1) / unit * unit);
}

void* or_throw(void* memory) {
    if (memory == nullptr)
        throw std::bad_alloc();
    return memory;
}

}  // namespace

}  // namespace socketserver::test

// The sanitizers' malloc stands below these, so leaks and overflows are found all the same; they only cannot tell new from
// malloc.

using socketserver::test::allocate;
using socketserver::test::or_throw;

void* operator new(std::size_t size) {
    return or_throw(allocate(size));
}
void* operator new[](std::size_t size) {
    return or_throw(allocate(size));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return or_throw(allocate(size, alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
    return or_throw(allocate(size, alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return allocate(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    return allocate(size);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
extern "C" {

int __real_accept4(int fd, sockaddr* address, socklen_t* length, int flags);
int __wrap_accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
    return socketserver::test::fails(socketserver::test::Point::accept) ? -1
                                                                        : __real_accept4(fd, address, length, flags);
}

ssize_t __real_recv(int fd, void* buffer, std::size_t size, int flags);
ssize_t __wrap_recv(int fd, void* buffer, std::size_t size, int flags) {
    return socketserver::test::transfer_fails(socketserver::test::Point::receive, fd)
               ? -1
               : __real_recv(fd, buffer, size, flags);
}

ssize_t __real_send(int fd, const void* buffer, std::size_t size, int flags);
ssize_t __wrap_send(int fd, const void* buffer, std::size_t size, int flags) {
    return socketserver::test::transfer_fails(socketserver::test::Point::send, fd)
               ? -1
               : __real_send(fd, buffer, size, flags);
}

ssize_t __real_sendmsg(int fd, const msghdr* message, int flags);
ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
    return socketserver::test::transfer_fails(socketserver::test::Point::send, fd) ? -1
                                                                                   : __real_sendmsg(fd, message, flags);
}

ssize_t __real_pread(int fd, void* buffer, std::size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void* buffer, std::size_t size, off_t offset) {
    return socketserver::test::fails(socketserver::test::Point::read_file) ? -1
                                                                           : __real_pread(fd, buffer, size, offset);
}

ssize_t __real_sendfile(int to, int from, off_t* offset, std::size_t size);
ssize_t __wrap_sendfile(int to, int from, off_t* offset, std::size_t size) {
    return socketserver::test::fails(socketserver::test::Point::read_file) ? -1
                                                                           : __real_sendfile(to, from, offset, size);
}

void* __real_mmap(void* where, std::size_t size, int protection, int flags, int fd, off_t offset);
void* __wrap_mmap(void* where, std::size_t size, int protection, int flags, int fd, off_t offset) {
    return socketserver::test::fails(socketserver::test::Point::mapping)
               ? MAP_FAILED
               : __real_mmap(where, size, protection, flags, fd, offset);
}

int __real_getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** found);
int __wrap_getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** found) {
    // As a name server that does not answer: it waits in the kernel, until the test has seen enough.
    while (socketserver::test::strike(socketserver::test::Point::resolve) != 0)
        ::poll(nullptr, 0, 1);
    return __real_getaddrinfo(node, service, hints, found);
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier)
