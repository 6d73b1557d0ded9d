#include <socketserver/os/shared_memory.hpp>

#include <socketserver/os/error.hpp>

#include <sys/mman.h>

#include <cerrno>

namespace socketserver::detail {

void* map_shared(std::size_t size) {
    void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw_errno(errno, "mmap");
    return memory;
}

void unmap_shared(void* memory, std::size_t size) noexcept {
    ::munmap(memory, size);
}

}  // namespace socketserver::detail
