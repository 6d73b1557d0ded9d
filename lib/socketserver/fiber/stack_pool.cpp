#include <socketserver/fiber/stack_pool.hpp>

#include <socketserver/fiber/detail/sanitizers.hpp>
#include <socketserver/os/error.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#ifdef SOCKETSERVER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif

namespace socketserver {

namespace {

// Linux 6.13; the C library's headers do not have it yet.
constexpr int madv_guard_install = 102;

std::size_t whole_pages(std::size_t size) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return (size + page - 1) / page * page;
}

}  // namespace

StackPool::StackPool(std::size_t stack_size, GuardKind guard) : stack_size_(whole_pages(stack_size)), guard_(guard) {}

StackPool::~StackPool() {
    for (std::byte* const slab : slabs_) {
        const std::size_t size = stacks_per_slab * (guard_size + stack_size_);
#ifdef SOCKETSERVER_ASAN
        __lsan_unregister_root_region(slab, size);
#endif
        ::munmap(slab, size);
    }
}

Stack StackPool::take() {
    reserve();
    const Stack stack = free_.back();
    free_.pop_back();
    cold_ = std::min(cold_, free_.size());
    ++in_use_;
    return stack;
}

void StackPool::give_back(Stack stack) noexcept {
#ifdef SOCKETSERVER_ASAN
    // What ran there left without returning from its frames.
    __asan_unpoison_memory_region(stack.bottom, stack.size);
#endif
    // The vector has had room for every stack since its slab was mapped.
    free_.push_back(stack);
    --in_use_;
    if (free_.size() - cold_ > warm_stacks) {
        const Stack& coldest = free_[cold_++];
        ::madvise(coldest.bottom, coldest.size, MADV_DONTNEED);
    }
}

void StackPool::map_slab() {
    const std::size_t step = guard_size + stack_size_;
    const std::size_t size = stacks_per_slab * step;
    slabs_.reserve(slabs_.size() + 1);
    free_.reserve((slabs_.size() + 1) * stacks_per_slab);
    void* const memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED)
        throw_errno(errno, "mmap of fiber stacks");
    auto* const slab = static_cast<std::byte*>(memory);
    // A huge page would make every stack cost megabytes.
    ::madvise(slab, size, MADV_NOHUGEPAGE);
    try {
        for (std::size_t i = 0; i < stacks_per_slab; ++i)
            install_guard(slab + i * step);
    } catch (...) {
        ::munmap(slab, size);
        throw;
    }
    slabs_.push_back(slab);
#ifdef SOCKETSERVER_ASAN
    __lsan_register_root_region(slab, size);
#endif
    for (std::size_t i = stacks_per_slab; i-- > 0;)
        free_.push_back({slab + i * step + guard_size, stack_size_});
    cold_ = free_.size();
}

void StackPool::install_guard(std::byte* guard) {
    if (guard_ != GuardKind::protect) {
        if (::madvise(guard, guard_size, madv_guard_install) == 0) {
            guard_ = GuardKind::advise;
            return;
        }
        if (guard_ == GuardKind::advise)
            throw_errno(errno, "madvise of a fiber's guard");
        guard_ = GuardKind::protect;
    }
    if (::mprotect(guard, guard_size, PROT_NONE) != 0)
        throw_errno(errno, "mprotect of a fiber's guard (each takes two of vm.max_map_count mappings)");
}

const std::byte* StackPool::guarded_stack(const void* address) const noexcept {
    const std::size_t step = guard_size + stack_size_;
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    for (std::byte* const slab : slabs_) {
        const auto begin = reinterpret_cast<std::uintptr_t>(slab);
        if (at < begin || at >= begin + stacks_per_slab * step)
            continue;
        const std::size_t offset = (at - begin) % step;
        return offset < guard_size ? slab + (at - begin - offset) + guard_size : nullptr;
    }
    return nullptr;
}

}  // namespace socketserver
