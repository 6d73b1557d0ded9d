#pragma once

/// \file
/// Memory for the stacks of fibers.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace socketserver {

/// How the guard under each stack is made.
enum class GuardKind {
    automatic,  ///< the first of the following that works
    advise,     ///< madvise(2) MADV_GUARD_INSTALL (Linux 6.13): no further mapping
    protect,    ///< mprotect(2): two mappings for each stack, of which a process has a bounded number
};

/// The stack of a fiber: it grows down from top(), and a guard lies below its bottom.
///
/// A value that owns nothing: the pool owns the memory.
struct Stack {
    std::byte* bottom = nullptr;  ///< the lowest usable byte
    std::size_t size = 0;         ///< usable bytes

    /// One past the highest byte.
    [[nodiscard]] std::byte* top() const noexcept { return bottom + size; }
};

/// Hands out stacks, cut from large mappings and used again.
///
///     slab   | guard | stack 0 | guard | stack 1 | guard | ... |
///                    ^ bottom  ^ top
///
/// Only the pages that a fiber has touched cost memory. Of the stacks that are free, those used last keep their pages, the
/// others give them back.
///
/// Owns: the mappings. Thread: one. Life: outlives every fiber that runs on one of its stacks.
class StackPool {
public:
    /// The size of a stack unless told otherwise, in bytes of address space.
    static constexpr std::size_t default_stack_size = std::size_t{256} << 10U;
    /// The size of the guard below each stack, in bytes.
    static constexpr std::size_t guard_size = std::size_t{64} << 10U;

    /// \param stack_size in bytes; rounded up to whole pages
    /// \param guard how guards are made
    explicit StackPool(std::size_t stack_size = default_stack_size, GuardKind guard = GuardKind::automatic);
    ~StackPool();
    StackPool(const StackPool&) = delete;
    StackPool& operator=(const StackPool&) = delete;

    /// Hands out a stack.
    /// \throw boost::system::system_error if no memory can be mapped or guarded
    [[nodiscard]] Stack take();

    /// Has a stack ready for the next take().
    /// \throw boost::system::system_error if no memory can be mapped or guarded
    void reserve() {
        if (free_.empty())
            map_slab();
    }

    /// Takes a stack back.
    /// \param stack from take() of this pool; nothing runs on it any more
    void give_back(Stack stack) noexcept;

    /// How many stacks are handed out.
    [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }

    /// How guards are made: not automatic once a stack has been taken.
    [[nodiscard]] GuardKind guard() const noexcept { return guard_; }

    /// The stack whose guard an address lies in, if it is one of this pool's. Async-signal-safe while no other thread
    /// uses the pool.
    /// \param address where memory was accessed
    /// \return the bottom of that stack, or null
    [[nodiscard]] const std::byte* guarded_stack(const void* address) const noexcept;

private:
    void map_slab();
    void install_guard(std::byte* guard);

    static constexpr std::size_t stacks_per_slab = 64;
    static constexpr std::size_t warm_stacks = 64;

    const std::size_t stack_size_;
    GuardKind guard_;
    std::vector<std::byte*> slabs_;
    std::vector<Stack> free_;  // the one used last is the last
    std::size_t cold_ = 0;     // so many of the first of them have no pages
    std::size_t in_use_ = 0;
};

}  // namespace socketserver
