#include <socketserver/net/pooled_buffer.hpp>

#include <array>

namespace socketserver {

namespace {

// Free pieces of one size.
struct FreePieces {
    std::array<char*, PooledBuffer::most_kept> free;
    std::size_t count;
};

// What a thread keeps. Without a destructor, so that it can be used until the thread's very end.
struct Pool {
    FreePieces small;
    FreePieces large;
    bool closed;
};
constinit thread_local Pool pool{};

// Frees it when the thread ends.
struct PoolCloser {
    ~PoolCloser() {
        for (FreePieces* const pieces : {&pool.small, &pool.large}) {
            while (pieces->count > 0)
                delete[] pieces->free[--pieces->count];
        }
        pool.closed = true;
    }
    void used() noexcept {}
};
thread_local PoolCloser closer;

// Those of a size; null if there are none of it.
FreePieces* pieces_of(std::size_t size) noexcept {
    if (size == PooledBuffer::small_size)
        return &pool.small;
    return size == PooledBuffer::pooled_size ? &pool.large : nullptr;
}

std::size_t size_for(std::size_t wanted) noexcept {
    if (wanted <= PooledBuffer::small_size)
        return PooledBuffer::small_size;
    return wanted <= PooledBuffer::pooled_size ? PooledBuffer::pooled_size : wanted;
}

}  // namespace

PooledBuffer::PooledBuffer(std::size_t size) : size_(size_for(size)) {
    FreePieces* const pieces = pieces_of(size_);
    if (pieces != nullptr && pieces->count > 0)
        data_ = pieces->free[--pieces->count];
    else
        data_ = new char[size_];
}

void PooledBuffer::give_back() noexcept {
    FreePieces* const pieces = pieces_of(size_);
    if (pieces != nullptr && pieces->count < most_kept && !pool.closed) {
        if (pieces->count == 0)
            closer.used();
        pieces->free[pieces->count++] = data_;
    } else {
        delete[] data_;
    }
    data_ = nullptr;
    size_ = 0;
}

}  // namespace socketserver
