#include <socketserver/net/pooled_buffer.hpp>

#include <array>

namespace socketserver {

namespace {

// What a thread keeps. Without a destructor, so that it can be used until the thread's very end.
struct Pool {
    std::array<char*, PooledBuffer::most_kept> free;
    std::size_t count;
    bool closed;
};
constinit thread_local Pool pool{};

// Frees it when the thread ends.
struct PoolCloser {
    ~PoolCloser() {
        while (pool.count > 0)
            delete[] pool.free[--pool.count];
        pool.closed = true;
    }
    void used() noexcept {}
};
thread_local PoolCloser closer;

}  // namespace

PooledBuffer::PooledBuffer(std::size_t size) : size_(size <= pooled_size ? pooled_size : size) {
    if (size_ == pooled_size && pool.count > 0)
        data_ = pool.free[--pool.count];
    else
        data_ = new char[size_];
}

void PooledBuffer::give_back() noexcept {
    if (size_ == pooled_size && pool.count < most_kept && !pool.closed) {
        if (pool.count == 0)
            closer.used();
        pool.free[pool.count++] = data_;
    } else {
        delete[] data_;
    }
    data_ = nullptr;
    size_ = 0;
}

}  // namespace socketserver
