#pragma once

/// \file
/// Memory for input that is needed for a short time only, over and over.

#include <cstddef>
#include <utility>

namespace socketserver {

/// A piece of memory, borrowed from a pool that each thread has for itself; the one given back last, which the processor
/// still has at hand, goes out first.
///
/// The pool has pieces of two sizes. Owns: the memory. Thread: one at a time; it goes back to the pool of the thread that
/// gives it back. Larger pieces than the pool has come from the heap, and go there.
class PooledBuffer {
public:
    /// How large the pool's pieces are, in bytes.
    static constexpr std::size_t pooled_size = 8'192;
    /// How large its small pieces are, in bytes: several share a page of memory.
    static constexpr std::size_t small_size = 1'024;
    /// How many free pieces of each size a thread keeps.
    static constexpr std::size_t most_kept = 16;

    /// None.
    PooledBuffer() noexcept = default;
    /// Borrows a piece.
    /// \param size how large it is at least, in bytes
    explicit PooledBuffer(std::size_t size);
    PooledBuffer(PooledBuffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    PooledBuffer& operator=(PooledBuffer&& other) noexcept {
        reset();
        data_ = std::exchange(other.data_, nullptr);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }
    ~PooledBuffer() { reset(); }

    /// Gives it back.
    void reset() noexcept {
        if (data_ != nullptr)
            give_back();
    }

    /// The memory; null if there is none.
    [[nodiscard]] char* data() const noexcept { return data_; }

    /// How large it is, in bytes.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    void give_back() noexcept;

    char* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace socketserver
